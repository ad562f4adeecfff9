"""Pictures of one's own: read, made black and white, cut to a frame, and put into a data file."""
