"""Pictures are the same whatever the settings of whoever draws them."""

import os
import subprocess
import sys

import matplotlib as mpl
import pytest

from trendbench.figures.canvas import save
from trendbench.figures.preview import preview_figure

ODD = {"savefig.dpi": 30, "figure.dpi": 40, "font.size": 30, "font.family": "serif",
       "savefig.bbox": "tight", "savefig.facecolor": "red", "axes.facecolor": "red",
       "image.cmap": "jet", "lines.antialiased": False, "text.usetex": True}  # fmt: skip
IMPORT = "import trendbench.figures.card, trendbench.figures.preview"


def test_rc_parameters_reach_no_picture_and_come_back(small_data, tmp_path):
    triplets, small = small_data.load("val")[:1], small_data.spec
    plain = save(preview_figure(triplets, small), tmp_path / "plain.png").read_bytes()
    with mpl.rc_context(ODD):
        odd = save(preview_figure(triplets, small), tmp_path / "odd.png").read_bytes()
        assert mpl.rcParams["font.size"] == 30
    assert odd == plain


@pytest.mark.parametrize(
    ("backend", "file"),
    [("module://matplotlib_inline.nowhere", b""), ("nonsense", b""), ("", b"\xff\xfe\xff")],
)
def test_matplotlib_is_imported_whatever_is_inherited(backend, file, tmp_path):
    (tmp_path / "matplotlibrc").write_bytes(file)
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "MPLBACKEND": backend, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
