"""A stranger's class that fails: its author gets one line that says where; ours stay ours."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from trendbench.errors import RecipeError, TrainingError
from trendbench.runner import run as story
from trendbench.runner.guard import call, must_follow_protocol

pytestmark = pytest.mark.usefixtures("few_published")

MINE = """
import json
from trendbench.progress import say

class Mine:
    def __init__(self, **keywords): pass
    def fit(self, train, val, run): pass
    def sample(self, inputs, seed): return inputs.s2.copy()
    def save(self, folder): pass
    @classmethod
    def load(cls, folder): return cls()
"""
BROKEN = {
    "__init__": ("__init__(self, **keywords): pass", "__init__(self): 1 / 0",
                 "ZeroDivisionError: division by zero", 6),
    "fit": ("fit(self, train, val, run): pass", "fit(self, train, val, run): json.loads('')",
            "JSONDecodeError: Expecting value", 7),
    "sample": ("return inputs.s2.copy()", "raise RuntimeError('two\\nlines')",
               "RuntimeError: two lines", 8),
    "save": ("save(self, folder): pass", "save(self, folder): folder.no_such", "AttributeError", 9),
    "load": ("return cls()", "raise SystemExit(3)", "SystemExit: 3", 11),
}  # fmt: skip


def own(tmp_path, text):
    path = tmp_path / "mine.py"
    path.write_text(text)
    return f"{path}:Mine"


def loaded(tmp_path, text):
    """The class of a file, as a stranger's module."""
    path = tmp_path / "stranger.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("stranger", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["stranger"] = module
    spec.loader.exec_module(module)
    return module.Mine


@pytest.mark.parametrize("method", BROKEN)
def test_what_a_stranger_s_method_raises_names_the_place(tmp_path, small_file, method):
    sound, broken, error, line = BROKEN[method]
    arch = own(tmp_path, MINE.replace(sound, broken))
    with pytest.raises(RecipeError) as caught:
        story.run(
            arch, data=small_file, c2st=False, runs=tmp_path / "runs", results=tmp_path / "res"
        )
    message = str(caught.value)
    assert message.startswith(f"Mine.{method} raised {error}")
    assert f"{tmp_path / 'mine.py'}:{line} " in message
    assert "\n" not in message
    assert caught.value.__cause__ is not None


def test_what_was_done_before_is_kept(tmp_path, small_file, capfd):
    where = {"data": small_file, "c2st": False, "runs": tmp_path / "r", "results": tmp_path / "s"}
    word = "fit(self, train, val, run): say('fitted')"
    text = "import os" + MINE.replace("fit(self, train, val, run): pass", word).replace(
        "seed): return", "seed): return 1 / 0 if 'BROKEN' in os.environ else"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BROKEN", "1")
        with pytest.raises(RecipeError, match=r"Mine.sample raised ZeroDivisionError"):
            story.run(own(tmp_path, text), **where)
    outcome = story.run(own(tmp_path, text), **where)
    assert capfd.readouterr().err.splitlines().count("fitted") == 1
    assert json.loads((outcome.folder / "state.json").read_text())["fitted"]["weights"] == {}


def test_errors_on_purpose_and_faults_of_trendbench_pass_through(tmp_path):
    mine = loaded(tmp_path, MINE + "    def say(self): say(None)\n")

    def stops():
        raise TrainingError("not finite")

    with pytest.raises(TrainingError):
        call(mine, "fit", stops)
    line = MINE.count("\n") + 1  # raised inside trendbench, which the class calls wrongly
    with pytest.raises(RecipeError, match=rf"stranger\.py:{line}, which calls .*plain_text\.py:"):
        call(mine, "say", mine().say)

    class Ours:
        __module__ = "trendbench.generators.ours"

    with pytest.raises(ZeroDivisionError):
        call(Ours, "fit", lambda: 1 / 0)
    with pytest.raises(MemoryError):
        call(
            mine,
            "fit",
            loaded(tmp_path, MINE.replace("return cls()", "raise MemoryError")).load,
            Path(),
        )


def test_missing_methods_are_named_before_a_folder_is_made(tmp_path, small_file):
    text = MINE.replace("def save(self, folder): pass", "save = 3").replace(
        "def sample", "def draw"
    )
    with pytest.raises(RecipeError, match=r"mine.py:Mine lacks sample, save: .*generators.md"):
        story.run(own(tmp_path, text), data=small_file, runs=tmp_path / "r", results=tmp_path / "s")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]
    with pytest.raises(RecipeError, match="json:loads is not a class, but function"):
        must_follow_protocol(json.loads, "json:loads")
    must_follow_protocol(loaded(tmp_path, MINE), "mine")
