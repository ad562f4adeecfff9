"""Pictures that somebody has: no law, so that held-out pictures stand for it.

``trendbench import`` makes data files of this family. Nothing of it is simulated and no law is
exact. The pictures of the test split are the true images, and their number limits every score.
"""

from trendbench.families.images.making import made_of, sources_of
from trendbench.families.images.process import PictureSet

FAMILY = PictureSet

__all__ = ["FAMILY", "PictureSet", "made_of", "sources_of"]
