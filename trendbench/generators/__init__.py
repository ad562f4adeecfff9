"""Generators: the protocol they keep, how they are found, and the families that ship."""
