"""The grammar of the study's names: nf<int>[-3x3][-woUnet]."""

import re

from trendbench.generators.recipes import Parameters

_GRAMMAR = re.compile(r"nf(?P<nf>[1-9]\d{0,2})(?P<wide>-3x3)?(?P<severed>-woUnet)?")


def parameters_of(name: str) -> Parameters | None:
    """The parameters a name stands for; None if it is not of this grammar.

    ``nf16-3x3-woUnet``: width 16, 3×3 kernels in the decoder, no concatenation. Without ``3x3`` the
    decoder has 2×2 kernels; the encoder has 3×3 ones in every network.
    """
    match = _GRAMMAR.fullmatch(name)
    if match is None:
        return None
    return {
        "nf": int(match["nf"]),
        "kernel": 3 if match["wide"] else 2,
        "skips": not match["severed"],
    }
