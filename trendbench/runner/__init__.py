"""A run from end to end: data, fit, samples, scores, record."""
