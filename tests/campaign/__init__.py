"""Faults and attacks as functions of a number of tries; the tests run a few, the campaign many."""
