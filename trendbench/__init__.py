"""trendbench: an exactly solvable benchmark for generative models of non-stationary textures."""

__version__ = "0.1.0"
