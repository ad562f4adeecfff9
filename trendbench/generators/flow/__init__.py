"""Conditional flow matching for binary images: noise carried to images by a learned field."""
