"""Reference rows: truth itself, and negative controls that the score card must tell from it."""
