"""A data set in several files: immutable shards and the manifest that holds them together."""
