"""Reference rows: truth itself, and the null generators that every honest score must see."""
