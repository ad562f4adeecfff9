"""Families of textures, one folder or file each, found by name or by entry point."""
