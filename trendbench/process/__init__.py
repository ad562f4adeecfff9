"""Processes: what a family of textures offers, its triplets of images, and their random numbers."""
