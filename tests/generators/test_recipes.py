"""Recipes: the study's six rows, the grammar, and the three doors for one's own generator."""

import csv
import json
import sys

import pytest

from tests.conftest import SMALL
from trendbench import catalog
from trendbench.errors import RecipeError, SpecError
from trendbench.generators.pix2pix.names import parameters_of
from trendbench.generators.recipes import find_recipe, load_class, shipped_recipes
from trendbench.spec import spec_from_json


def test_every_row_of_the_study_has_a_recipe():
    with (catalog.RESULTS / "paper.csv").open() as file:
        lines = list(csv.DictReader(file))
    printed = {line["arch"]: float(line["xi"]) for line in lines}
    assert printed == {line["arch"]: round(float(line["value"]), 5) for line in lines}
    assert printed == {
        "nf8": 0.00825, "nf32": 0.00549, "nf32-woUnet": 0.00688, "nf16": 0.00606,
        "nf16-woUnet": 0.00881, "nf16-3x3-woUnet": 0.01034,
    }  # fmt: skip
    assert set(printed) <= {recipe.arch for recipe in shipped_recipes()}


def test_a_pix2pix_row_s_file_says_what_its_name_says():
    rows = [recipe for recipe in shipped_recipes() if recipe.family == "pix2pix"]
    assert [recipe.arch for recipe in rows] == ["pix2pix-8", "pix2pix-16", "pix2pix-32"]
    for recipe in rows:
        named = parameters_of(recipe.arch)
        assert named is not None
        assert {key: recipe.parameters[key] for key in named} == named


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("pix2pix-8", (8, 4, True)), ("pix2pix-64-woUnet", (64, 4, False)), ("pix2pix-0", None),
        ("pix2pix-", None), ("pix2pix", None), ("pix2pix-08", None), ("pix2pix-8000", None),
        ("Pix2pix-8", None), ("pix2pix-8 ", None), ("pix2pix-16-3x3", None),
    ],
)  # fmt: skip
def test_the_grammar_of_pix2pix(name, parameters):
    expected = parameters and dict(zip(("nf", "kernel", "skips"), parameters, strict=True))
    assert parameters_of(name) == expected


def test_members_without_a_file_get_the_family_s_numbers():
    recipe, known = find_recipe("pix2pix-12"), find_recipe("pix2pix-8")
    assert recipe.parameters == {**known.parameters, "nf": 12}
    assert recipe.family == "pix2pix"
    assert recipe.sha256 != known.sha256


def test_presets_and_overrides():
    assert find_recipe("pix2pix-8").parameters["batch"] == 4
    assert find_recipe("pix2pix-8").parameters["epochs"] == 10
    paper = find_recipe("pix2pix-8", preset="paper", overrides={"epochs": 3})
    assert (paper.parameters["batch"], paper.parameters["epochs"]) == (1, 3)
    with pytest.raises(RecipeError, match="it has fast, paper"):
        find_recipe("pix2pix-8", preset="slow")


OWN = """
class Mine:
    def __init__(self, *, level=3): self.level = level
    def fit(self, train, val, run): pass
    def sample(self, inputs, seed): return inputs.s2.copy()
    def save(self, folder): pass
    @classmethod
    def load(cls, folder): return cls()
"""


def test_one_s_own_generator_by_file_and_by_module(tmp_path, monkeypatch):
    path = tmp_path / "both_ways.py"  # no other test has a file of that name
    path.write_text(OWN)
    by_file = find_recipe(f"{path}:Mine")
    assert (by_file.arch, by_file.family) == ("Mine", "own")
    assert by_file.build().level == 3
    before = by_file.sha256
    path.write_text(OWN + "\n# changed\n")
    assert find_recipe(f"{path}:Mine").sha256 != before
    monkeypatch.syspath_prepend(tmp_path)
    assert find_recipe("both_ways:Mine").build().level == 3
    sys.modules.pop("both_ways")


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("nowhere.py:Mine", "no file"), ("no_such_module_x:Mine", "no module"),
        ("json:Mine", "no class"),
    ],
)  # fmt: skip
def test_what_cannot_be_loaded_is_refused(reference, reason):
    with pytest.raises(RecipeError, match=reason):
        load_class(reference)


def test_a_module_that_raises_is_named(tmp_path):
    (tmp_path / "bad.py").write_text("1 / 0")
    with pytest.raises(RecipeError, match="fails on import: ZeroDivisionError"):
        load_class(f"{tmp_path / 'bad.py'}:X")


def test_a_module_that_leaves_is_named(tmp_path):
    (tmp_path / "leaves.py").write_text("import sys; sys.exit(0)")
    with pytest.raises(RecipeError, match="fails on import: SystemExit"):
        load_class(f"{tmp_path / 'leaves.py'}:X")


def test_unknown_names_and_parameters_are_refused():
    with pytest.raises(
        RecipeError, match=r"unknown arch 'nf8-woUnets'.*nf32-woUnet.*trendbench archs"
    ):
        find_recipe("nf8-woUnets")
    with pytest.raises(RecipeError, match=r"unknown key .colour.: known are .*epochs"):
        find_recipe("pix2pix-8", overrides={"colour": 1}).build()
    with pytest.raises(RecipeError, match="epochs = 0: needed is a number of at least 1"):
        find_recipe("pix2pix-8", overrides={"epochs": 0}).build()


def test_a_class_without_the_argument_that_a_parameter_needs(tmp_path):
    (tmp_path / "bare.py").write_text("class Bare:\n    pass\n")
    with pytest.raises(RecipeError, match=r": needed is def __init__\(self, epochs\)$"):
        find_recipe(f"{tmp_path / 'bare.py'}:Bare", overrides={"epochs": 3}).build()


def test_a_recipe_file_of_one_s_own_says_it_all(tmp_path):
    own = tmp_path / "mine.toml"
    shipped = find_recipe("pix2pix-8")
    numbers = "\n".join(f"{k} = {str(v).lower()}" for k, v in shipped.parameters.items())
    own.write_text(f'name = "mine-1"\ngenerator = "{shipped.generator}"\n[parameters]\n{numbers}\n')
    recipe = find_recipe(str(own), overrides={"epochs": 3})
    assert (recipe.arch, recipe.family) == ("mine-1", "own")
    assert recipe.parameters == {**shipped.parameters, "epochs": 3}
    assert find_recipe(str(own)).sha256 == shipped.sha256, "a recipe is its content"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "nf8-mine"\ngenerator = "a:B"', "is a shipped row's"),
        ('name = "mine"', "generator"),
        ('name = "my recipe"\ngenerator = "a:B"', "name"),
        ('name = "mine"\ngenerator = "a:B"\nparameter = 3', "unknown key 'parameter'"),
        ("name", "not a readable TOML file"),
        (None, "cannot be read"),
    ],
)
def test_a_recipe_file_that_does_not_hold_together_is_refused(text, said, tmp_path):
    if text is not None:
        (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(RecipeError, match=said):
        find_recipe(str(tmp_path / "mine.toml"))


def test_a_search_space_is_no_row():
    assert "space" not in {recipe.arch for recipe in shipped_recipes()}


def test_a_name_that_the_board_s_csv_would_lose_is_refused_before_anything_is_trained(tmp_path):
    source = "class NA:\n    pass\n\nclass inf:\n    pass\n"
    (tmp_path / "own.py").write_text(source)
    (tmp_path / "own.toml").write_text(f'name = "NaN"\ngenerator = "{tmp_path}/own.py:NA"\n')
    for arch in (f"{tmp_path}/own.py:NA", f"{tmp_path}/own.py:inf", f"{tmp_path}/own.toml"):
        with pytest.raises(RecipeError, match="would not be read back"):
            find_recipe(arch)
    for name in ("nan", "007", "1e5", "null", "true", "2017"):
        with pytest.raises(SpecError, match="would not be read back"):
            spec_from_json(json.dumps(SMALL | {"name": name}), "the spec")
