"""A generator's file imports what lies beside it, as ``python file.py`` would."""

import importlib
import pickle
import random
import sys

import pytest

from trendbench.errors import RecipeError
from trendbench.generators.recipes import find_recipe, load_class

MODEL = """
import nets, random
import layers.conv
from layers.conv import DEPTH
from statistics import S

class Mine:
    def early(self): return nets.K, layers.conv.DEPTH, DEPTH, S, random.R
    def late(self):
        import late
        from nets import K
        return late.L, K
"""


def folder(place, number):
    (place / "layers").mkdir(parents=True)
    (place / "model.py").write_text(MODEL)
    (place / "nets.py").write_text(f"K = {number}\nclass Net: pass\n")
    (place / "late.py").write_text(f"L = {number}\n")
    (place / "statistics.py").write_text(f"S = {number}\n")
    (place / "random.py").write_text(f"R = {number}\n")
    (place / "layers" / "__init__.py").write_text("from .base import BASE\n")
    (place / "layers" / "base.py").write_text("BASE = 0\n")
    (place / "layers" / "conv.py").write_text("from nets import K\nfrom . import BASE\nDEPTH = K\n")
    return f"{place / 'model.py'}:Mine"


def test_each_folder_has_its_own_modules_also_later_and_no_library_gets_them(tmp_path):
    first, second = (load_class(folder(tmp_path / name, i)) for i, name in ((1, "a"), (2, "b")))
    for model, i in ((first, 1), (second, 2), (first, 1)):
        assert model().early() == (i,) * 5
        assert model().late() == (i, i)
    assert not hasattr(random, "R")
    assert importlib.import_module("random") is random
    net = sys.modules[first.__module__].nets.Net
    assert pickle.loads(pickle.dumps(net)) is net


def test_a_change_beside_the_file_is_a_change_of_the_generator(tmp_path):
    reference = folder(tmp_path, 1)
    before, model = find_recipe(reference), load_class(reference)
    assert load_class(reference) is model
    (tmp_path / "unrelated.py").write_text("1")
    assert find_recipe(reference) == before
    for name, content in (("nets.py", "K = 5"), ("layers/base.py", "BASE = 9")):
        (tmp_path / name).write_text(content)
        after = find_recipe(reference)
        assert after.sha256 != before.sha256
        before = after
    assert load_class(reference)().early()[:3] == (5, 5, 5)


def test_a_file_alone_keeps_the_hash_of_its_bytes(tmp_path):
    import hashlib

    (tmp_path / "v1.2.py").write_bytes(b"\xef\xbb\xbfimport json\nclass Mine: pass\n")
    recipe = find_recipe(f"{tmp_path / 'v1.2.py'}:Mine")
    assert recipe.source == hashlib.sha256((tmp_path / "v1.2.py").read_bytes()).hexdigest()
    assert load_class(recipe.generator).__name__ == "Mine"


def test_an_error_beside_the_file_names_its_line(tmp_path):
    reference = folder(tmp_path, 1)
    (tmp_path / "nets.py").write_text("\n1 / 0\n")
    with pytest.raises(RecipeError, match=r"ZeroDivisionError: division by zero at .*nets\.py:2"):
        load_class(reference)
