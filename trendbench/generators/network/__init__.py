"""A generator that is one trained network: its settings, its training, its files."""
