"""Whether a generator keeps its promises: the protocol, tried out on a tiny task."""
