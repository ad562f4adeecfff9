"""The grammar of the rows' names: pix2pix-<int>[-woUnet]."""

import re

from trendbench.generators.recipes import Parameters

_GRAMMAR = re.compile(r"pix2pix-(?P<nf>[1-9]\d{0,2})(?P<severed>-woUnet)?")


def parameters_of(name: str) -> Parameters | None:
    """The parameters a name stands for; None if it is not of this grammar.

    ``pix2pix-16-woUnet``: width 16, without the U-Net's concatenations.
    """
    match = _GRAMMAR.fullmatch(name)
    if match is None:
        return None
    return {"nf": int(match["nf"]), "kernel": 4, "skips": not match["severed"]}
