"""Scores: what a set of generated images is measured by, each beside its exact truth."""
