"""A germ–grain model learned from images: shapes of grains, and a network of their intensity."""
