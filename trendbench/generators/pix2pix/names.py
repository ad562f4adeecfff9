"""The grammar of the rows' names: nf<int>[-3x3][-woUnet]."""

import re

from trendbench.generators.recipes import Parameters

_GRAMMAR = re.compile(r"nf(?P<nf>[1-9]\d{0,2})(?P<small>-3x3)?(?P<severed>-woUnet)?")


def parameters_of(name: str) -> Parameters | None:
    """The parameters a name stands for; None if it is not of this grammar.

    ``nf16-3x3-woUnet``: width 16, kernels 3×3, without the U-Net's concatenations.
    """
    match = _GRAMMAR.fullmatch(name)
    if match is None:
        return None
    return {
        "nf": int(match["nf"]),
        "kernel": 3 if match["small"] else 4,
        "skips": not match["severed"],
    }
