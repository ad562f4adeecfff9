"""Figures, independent of the user's settings of Matplotlib.

Matplotlib is imported here, before any file of the folder needs it: MPLBACKEND may name a backend
that is not installed, as one inherited from a notebook does, and a matplotlibrc may be no text.
"""

import importlib.util
import os
import sys
from contextlib import chdir
from pathlib import Path

try:
    from matplotlib import ticker
except ValueError:
    for _begun in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        del sys.modules[_begun]
    os.environ.pop("MPLBACKEND", None)
    _package = importlib.util.find_spec("matplotlib")
    assert _package is not None
    assert _package.origin is not None
    with chdir(Path(_package.origin).parent / "mpl-data"):  # the matplotlibrc of a folder is first
        from matplotlib import ticker

__all__ = ["ticker"]  # for the report, which draws with nothing else of Matplotlib
