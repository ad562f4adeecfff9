"""``import trendbench as tb``: light, complete, and documented."""

import subprocess
import sys

import pytest

import trendbench as tb


def test_importing_is_light():
    code = "import sys, trendbench; print(sorted(set(sys.modules) & {'torch', 'numba', 'pandas'}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("name", tb.__all__)
def test_every_name_is_there_with_its_documentation(name):
    assert getattr(tb, name).__doc__
    assert name in dir(tb)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = tb.nonsense


def test_the_docstring_s_example(small_file, tmp_path):
    spec = tb.load_spec("trend-v1")
    assert tb.simulate(spec, n=2, seed=0).r.shape == (2, 256, 256)
    assert tb.theory.xi_floor(spec, window=16) == pytest.approx(0.0032821, abs=1e-7)
    with tb.open_dataset(small_file) as data:
        assert len(data.load("test")) == 12
    frame = tb.load_results(tmp_path)
    assert "nf8" in set(frame["arch"])
