"""Disks that have grown from one radius to a larger one with a probability that is linear in x.

Each germ of r has grown independently of the others. Germs that have not grown, and germs that
have, are therefore two independent Poisson processes with intensities λ(1 − ρ(x)) and λρ(x). Both
are linear in x: the closed forms of ``trendbench.families.disks`` hold for each of them, and the
probability that pixels are white is their product.

Source: independent marking and superposition, Chiu, Stoyan, Kendall & Mecke, Stochastic Geometry
and its Applications, 3rd ed., chapters 2 and 3.
"""

from trendbench.families.growing_disks.process import GrowingDisks

FAMILY = GrowingDisks

__all__ = ["FAMILY", "GrowingDisks"]
