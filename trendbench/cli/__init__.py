"""The command line: a thin layer over the package, nothing heavy imported before it is needed."""
