"""The file that ``trendbench new`` writes, and which class of a file is meant."""

import subprocess
import sys

import pytest

from trendbench.errors import RecipeError
from trendbench.generators.discovery import only_class
from trendbench.generators.recipes import find_recipe, is_reserved, unranked_families
from trendbench.generators.template import write_template


def test_the_template_is_short_named_throughout_and_never_overwritten(tmp_path):
    path, title = write_template("dry-leaves2", tmp_path)
    assert (path.name, title) == ("dry_leaves2.py", "DryLeaves2")
    text = path.read_text()
    assert len(text.splitlines()) < 60
    assert max(map(len, text.splitlines())) <= 100
    assert "trendbench run --arch dry_leaves2.py:DryLeaves2" in text
    assert "my" not in text.lower().split()[0]
    assert find_recipe(str(path)).arch == "DryLeaves2"
    assert find_recipe(f"{path}:DryLeaves2").sha256
    with pytest.raises(RecipeError, match=r"dry_leaves2.py exists: choose another name"):
        write_template("dry-leaves2", tmp_path)
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("My-Model", "lower-case"), ("../x", "lower-case"), ("a b", "lower-case"),
        ("", "lower-case"), ("1x", "lower-case"), ("x" * 41, "lower-case"), ("a--b", "lower-case"),
        ("naïve", "lower-case"), ("class", "would hide"), ("numpy", "would hide"),
        ("json", "would hide"), ("trendbench", "would hide"), ("nf8", "own rows"),
        ("oracle", "own rows"), ("null-mine", "own rows"), ("vae-cond", "own rows"),
    ],
)  # fmt: skip
def test_names_that_would_confuse_are_refused(tmp_path, name, reason):
    with pytest.raises(RecipeError, match=reason):
        write_template(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nf8", True), ("NF12-woUnet", True), ("Oracle", True), ("null-anything", True),
        ("real", True), ("pix2pix", True), ("Poisson-MLE-image", True), ("MyModel", False),
        ("realistic", False), ("nullable", False), ("unfit", False),
    ],
)  # fmt: skip
def test_our_rows_names_are_reserved(name, expected):
    assert is_reserved(name) is expected


def test_only_reference_rows_are_unranked():
    assert unranked_families() == {"reference"}


WHOLE = "\n    def fit(s): 0\n    def sample(s): 0\n    def save(s): 0\n    def load(s): 0\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"class A:{WHOLE}", "A"),
        (f"class Net: pass\nclass A:{WHOLE}", "A"),
        (f"class Base:{WHOLE}class A(Base): pass\n", "A"),
        (f"class Base(X[int]):{WHOLE}class A(Base[int]): pass\n", "A"),
        ("class Net: pass\nclass A:\n    def fit(s): 0\n", "A"),
        ("from x import B\nclass A(B): pass\n", "A"),
        ("class A(A): pass\n", None),
        (f"class A:{WHOLE}class B:{WHOLE}", None),
        ("x = 1\n", None),
        ("class A:\n  1 +\n", None),
        ("\0", None),
    ],
)  # fmt: skip
def test_which_class_of_a_file_is_the_generator(tmp_path, text, name):
    path = tmp_path / "x.py"
    path.write_text(text)
    if name is None:
        with pytest.raises(RecipeError, match=r"x\.py"):
            only_class(path)
    else:
        assert only_class(path) == name


def test_a_file_of_two_generators_is_answered_with_both(tmp_path):
    (tmp_path / "x.py").write_text(f"class A:{WHOLE}class B:{WHOLE}")
    with pytest.raises(RecipeError, match=r"say .*x.py:A or .*x.py:B"):
        find_recipe(str(tmp_path / "x.py"))
    with pytest.raises(RecipeError, match=r"no file nowhere.py"):
        find_recipe("nowhere.py")


def test_new_from_the_command_line(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "trendbench", "new", "my-model"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout == "my_model.py\n"
    assert "trendbench run --arch my_model.py:MyModel" in result.stderr
