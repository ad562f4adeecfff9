"""What a model finds wrong is said in our words, for every model and every kind of fault."""

import re

import pytest
from pydantic import BaseModel, ValidationError, create_model

from trendbench.errors import first_problem
from trendbench.generators import recipes
from trendbench.generators.classical.estimates import Estimates
from trendbench.generators.weights import StoredSettings
from trendbench.results.record import RunRecord
from trendbench.results.study import StudySummary
from trendbench.spec import CanonicalFile, CardTable, TaskSpec
from trendbench.submissions.entry import Entry
from trendbench.tuning.space import Parameter

READ = (
    TaskSpec, CanonicalFile, CardTable, recipes._Family, recipes._Row, recipes._File, Parameter,
    RunRecord, StudySummary, Entry, StoredSettings, Estimates,
)  # fmt: skip
_NAN, _INF = float("nan"), float("inf")
BAD = (
    None, "", "../x", "=1", "x" * 300, "\ud800", b"x", -1, 0, 2.5, -0.5, 1 << 70, 1e300, _NAN, _INF,
    True, [], [None], ["x"] * 200, ["=1"] * 2, [1, 2, 3], {}, {"../x": 1}, {"x": None}, {"x": []},
    {"x": "=1"}, {"x": _NAN}, {1: 2}, {"x": "x" * 300}, {"unknown": 1}, object(),
)  # fmt: skip
PYDANTIC = re.compile(
    r"[Ii]nput|[Ff]ield required|Extra|permitted|should|Value error|\bvalid\b|pydantic|Assertion"
)


def parts_of(model):
    """A model and the models within it."""
    yield model
    for field in model.model_fields.values():
        for name in re.findall(r"[\w.]+", str(field.annotation)):
            for part in BaseModel.__subclasses__():
                yield from (
                    p for p in all_below(part) if f"{p.__module__}.{p.__qualname__}" == name
                )


def all_below(model):
    yield model
    for below in model.__subclasses__():
        yield from all_below(below)


def problem(model, value, told=None):
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    return first_problem(caught.value, told)


@pytest.mark.parametrize("read", READ, ids=lambda model: model.__name__)
def test_nothing_of_pydantic_s_reaches_the_user(read):
    seen, said = set(), set()
    for model in set(parts_of(read)):
        for name, field in model.model_fields.items():
            kept = (field.annotation, field)
            alone = create_model("Alone", __config__=model.model_config, **{name: kept})
            for value in ({}, *({name: bad} for bad in BAD), {name: 1, "unknown": 2}, []):
                try:
                    alone.model_validate(value)
                except ValidationError as error:
                    seen |= {found["type"] for found in error.errors()}
                    said |= {first_problem(error), first_problem(error, model)}
    assert {"missing", "extra_forbidden"} & seen
    leaks = re.compile(f"{PYDANTIC.pattern}|another value|\\n")
    assert [text for text in said if leaks.search(text)] == []


@pytest.mark.parametrize(
    ("model", "value", "said"),
    [
        (Parameter, {"low": "a"}, "low = 'a': needed is a whole number or a number"),
        (Parameter, {"low": 2, "high": 1}, "low = 2 is not below high = 1"),
        (Parameter, {"choices": []}, "choices = []: needed is 1 or more entries"),
        (Parameter, {"lwo": 2}, "unknown key 'lwo': did you mean 'low'?"),
        (Parameter, 5, "5: needed is a table"),
        (recipes._File, {"name": "Mine"},
         'generator is missing: add generator = "my_model.py:MyModel"'),
        (recipes._File, {"name": "my model", "generator": "a:B"},
         "name = 'my model': needed is up to 64 letters, digits and _ -, a letter first, "
         'as in name = "Mine"'),
        (recipes._File, {"name": "Mine", "generator": "a:B", "parameters": {"nf": [8]}},
         "parameters.nf = [8]: needed is true or false or a whole number or a number or text in "
         "quotes"),
        (StoredSettings, {"frame": [64], "device": "cpu", "precision": "fp8", "settings": {}},
         "frame[1] is missing"),
        (StoredSettings, {"frame": [64, 64], "device": "cpu", "precision": "fp8", "settings": {}},
         "precision = 'fp8': needed is 'bf16' or 'fp32'"),
    ],
)  # fmt: skip
def test_a_problem_says_where_it_is_and_what_is_needed(model, value, said):
    assert problem(model, value, model) == said


def test_json_that_is_none_is_said_so():
    with pytest.raises(ValidationError) as caught:
        RunRecord.model_validate_json("{")
    assert first_problem(caught.value).startswith("not JSON (EOF while parsing")
