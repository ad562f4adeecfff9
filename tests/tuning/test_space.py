"""What may be searched: ranges and choices, and one clear line for everything else."""

import pytest

from trendbench import catalog
from trendbench.errors import StudyError
from trendbench.generators.recipes import find_recipe, load_class
from trendbench.tuning.space import Parameter, find_space, own_values, with_values


def space_of(arch, path=None):
    recipe = find_recipe(arch)
    return find_space(recipe, load_class(recipe.generator), path)


@pytest.mark.parametrize(
    "family", sorted(path.parent.name for path in catalog.BASELINES.glob("*/space.toml"))
)
def test_a_shipped_space_is_one_that_its_family_takes(family):
    arch = {"pix2pix": "pix2pix-8", "study-2017": "nf8"}.get(family, family)
    space = space_of(arch)
    own = own_values(space, find_recipe(arch))
    assert set(own) >= set(space) - {"judge_nf", "discriminator_nf"}, (
        "the recipe's own values lie in its space"
    )


def test_pix2pix_is_searched_over_eta_rate_batch_and_the_judge_s_width():
    assert set(space_of("pix2pix-8")) == {"eta", "learning_rate", "batch", "judge_nf"}
    assert own_values(space_of("pix2pix-8"), find_recipe("nf8")) == {
        "eta": 100.0, "learning_rate": 2e-4, "batch": 4,
    }  # fmt: skip


def test_a_space_of_one_s_own_takes_the_place_of_the_family_s(tmp_path):
    (tmp_path / "s.toml").write_text("[nf]\nlow = 2\nhigh = 8\nlog = true\n")
    space = space_of("pix2pix-8", tmp_path / "s.toml")
    assert space == {"nf": Parameter(low=2, high=8, log=True)}
    assert space["nf"].is_whole


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[etta]\nlow = 1.0\nhigh = 2.0", r"Pix2Pix has no parameter 'etta': did you mean 'eta'\?"),
        ("[eta]\nlow = 2.0\nhigh = 1.0", r"\[eta\]: low = 2.0 is not below high = 1.0"),
        ("[eta]\nlow = 0.0\nhigh = 1.0\nlog = true", "no logarithm"),
        ("[eta]\nlow = 1.0", "low and high are needed, or choices"),
        ("[eta]\nlow = 1.0\nhigh = nan", r"\[eta\]: high"),
        ("[eta]\nlow = '1'\nhigh = 2.0", r"\[eta\]: low"),
        ("[eta]\nlow = 1.0\nhigh = 2.0\nstep = 3", "unknown key 'step'"),
        ("[batch]\nchoices = [1]\nlow = 1", "either choices, or low and high"),
        ("[batch]\nchoices = [2, 2]", "stands twice"),
        ("[batch]\nchoices = []", "choices"),
        (
            "[batch]\nlow = 0\nhigh = 4",
            r"\[batch\]: .* batch = 0: needed is a number of at least 1",
        ),
        ("[batch]\nchoices = [4, 2.5]", r"batch = 2.5: needed is a whole number"),
        ("[epochs]\nlow = 1\nhigh = 4", "which --epochs says"),
        ("eta = 3", "eta is no table"),
        ("", "0 parameters"),
        ("[eta", "not a readable TOML file"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_one_line(text, said, tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(StudyError, match=said) as caught:
        space_of("pix2pix-8", path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_file_and_a_family_without_a_space_are_refused(tmp_path):
    with pytest.raises(StudyError, match="cannot be read"):
        space_of("pix2pix-8", tmp_path / "none.toml")
    with pytest.raises(StudyError, match="--space names a TOML file"):
        space_of("oracle")


def test_a_value_is_in_a_space_by_type_and_range():
    whole, real, listed = (
        Parameter(low=1, high=8), Parameter(low=1.0, high=8.0), Parameter(choices=[True, 4, "a"]),
    )  # fmt: skip
    assert 8 in whole
    assert 2.5 not in whole
    assert 2.5 in real
    assert 9 not in real
    assert True not in real
    assert 4 in listed
    assert 1 not in listed
    recipe = find_recipe("pix2pix-8")
    assert with_values(recipe, {"eta": 1.0}).parameters == {**recipe.parameters, "eta": 1.0}
