"""The conformance suite: what it says of generators that keep the protocol, and of others."""

import json
import os
import signal
import subprocess
import sys

import pytest

from trendbench.conformance import child
from trendbench.conformance.checks import CHECKS
from trendbench.conformance.child import _story
from trendbench.conformance.findings import Finding
from trendbench.conformance.plan import Plan, small_task
from trendbench.conformance.process import conform
from trendbench.generators.recipes import shipped_recipes
from trendbench.generators.template import write_template

PLAIN = """
import random, time, os, pickle, subprocess
import numpy as np

class Base:
    def save(self, folder): (folder / 'level').write_text('3')
    @classmethod
    def load(cls, folder): return cls()

class Mine(Base):
    def __init__(self, *, epochs=50): self.epochs = epochs
    def fit(self, train, val, run): assert self.epochs == 1; run.observe(self, 1)
    def sample(self, inputs, seed):
        x = inputs.s2.copy()
        x[np.random.default_rng(seed).random(x.shape) < 0.1] = 255
        return x
"""


def story(reference, root):
    """Both stages in this process."""
    spec = small_task(None).to_json()
    found = []
    for stage in ("examine", "reload"):
        plan = Plan(str(reference), spec, str(root), "cpu", stage)
        if stage == "examine" or plan.moved.is_dir():
            found += [step for step in _story(plan, root) if isinstance(step, Finding)]
    return {finding.check: finding for finding in found}


def of(tmp_path, text):
    (tmp_path / "mine.py").write_text(text)
    (tmp_path / "root").mkdir()
    return story(tmp_path / "mine.py", tmp_path / "root")


def test_a_plain_generator_passes_every_check(tmp_path):
    found = of(tmp_path, PLAIN)
    assert list(found) == list(CHECKS)
    assert {finding.outcome for finding in found.values()} == {"ok"}


FIT, BODY = "assert self.epochs == 1;", "        x = inputs.s2.copy()\n"
LAST = "        return x\n"
FAULTS = {
    "shape": (LAST, "        return x[:-1]\n", "sample", "shape (5, 32, 64): needed is one image"),
    "channel": (LAST, "        return x[:, None]\n", "sample", "(6, 1, 32, 64)"),
    "floats": (LAST, "        return x / 255\n", "sample", "(255 * images).round()"),
    "integers": (LAST, "        return x.astype(int)\n", "sample", "images.astype(np.uint8)"),
    "a list": (LAST, "        return list(x)\n", "sample", "returned list"),
    "0 and 1": (LAST, "        return x // 255\n", "sample", "np.where(images >= 1, 255, 0)"),
    "inverted": (LAST, "        return 255 - np.where(np.arange(64) < 32, inputs.s1, x)\n",
                 "sample", "255 - images exchanges them"),
    "global randomness": (
        LAST, "        return np.where(np.random.rand(*x.shape) < .5, x, 0).astype(np.uint8)\n",
        "same inputs and seed", "draw everything random from the seed",
    ),
    "inputs changed": (BODY, "        x = inputs.s2; x[0] = 0\n", "sample", "inputs.s2"),
    "training data changed": (FIT, "train.r[0] = 0;", "training data", "fit changed train.r"),
    "asks for latents": (FIT, "train[:3].latent;", "latents and targets", "train.latent at "),
    "asks for targets": (
        BODY, f"{BODY}        inputs.target\n", "latents and targets", "mine.py:15"
    ),
    "writes elsewhere": (
        FIT, "(run.folder.parent.parent / 'x').write_text('');", "writes", "/x: fit may write"
    ),
    "makes a folder elsewhere": (
        FIT, "os.makedirs(run.folder / '../../y', exist_ok=True);", "writes", "/y: "
    ),
    "does not save": ("return cls()", "m = cls(); m.sample = lambda i, s: i.s1; return m",
                      "load", "in another process it draws other images"),
    "raises": (FIT, "1 / 0;", "fit", "Mine.fit raised ZeroDivisionError: division by zero at "),
    "load is no classmethod": ("    @classmethod\n    def load(cls", "    def load(self",
                               "protocol", "load must be a @classmethod"),
    "other arguments": ("sample(self, inputs, seed)", "sample(self, inputs)",
                        "protocol", "sample(self, inputs, seed)"),
    "missing": ("def fit(", "def train(", "protocol", "lacks fit"),
    "another attribute": (FIT, "train.targets;", "fit", "'Triplets' object has no attribute 'ta"),
    "needs an argument": ("*, epochs=50", "epochs, width", "constructor", "width"),
    "says unconditional": ("    def __init__", "    conditional = False\n    def __init__",
                           "inputs", "its images change with the inputs"),
    "one image only": (BODY, f"{BODY}        assert len(x) > 1, 'too few'\n",
                       "a single pair", "too few"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_by_its_own_check(tmp_path, fault):
    sound, broken, check, words = FAULTS[fault]
    assert sound in PLAIN
    found = of(tmp_path, PLAIN.replace(sound, broken))
    failed = {name: f.reading for name, f in found.items() if f.outcome == "FAIL"}
    assert check in failed
    assert words in failed[check]
    assert set(failed) <= {check, "load"}
    assert "\n" not in failed[check]


def test_unseeded_randomness_is_one_fault_whatever_else_is_declared(tmp_path):
    text = PLAIN.replace("default_rng(seed)", "default_rng()")
    found = of(
        tmp_path, text.replace("class Mine(Base):", "class Mine(Base):\n    conditional = 0")
    )
    outcomes = {name: f.outcome for name, f in found.items() if f.outcome != "ok"}
    assert outcomes.pop("same inputs and seed") == "FAIL"
    assert outcomes == dict.fromkeys(["another seed", "inputs", "resuming", "load"], "skip")


DOUBTS = {
    "no randomness": ("random(x.shape) < 0.1", "random(x.shape) < 0", "another seed"),
    "blind": (BODY, "        x = np.full_like(inputs.s2, 255); x[:, ::3] = 0\n", "inputs"),
    "pickle": ("(folder / 'level').write_text('3')",
               "(folder / 'w.bin').write_bytes(pickle.dumps([]))", "pickle"),
    "objects": ("(folder / 'level').write_text('3')",
                "np.save(folder / 'w.npy', np.array([{}]))", "pickle"),
    "black": (LAST, "        x[np.random.default_rng(seed).random(x.shape) < 0.55] = 0\n"
              "        return x\n", "sample"),
    "parameters": ("    def __init__", "    def parameters(self): return 3\n    def __init__",
                   "constructor"),
}  # fmt: skip


@pytest.mark.parametrize("doubt", DOUBTS)
def test_what_may_be_meant_is_a_warning(tmp_path, doubt):
    sound, other, check = DOUBTS[doubt]
    assert sound in PLAIN
    found = of(tmp_path, PLAIN.replace(sound, other))
    assert [name for name, f in found.items() if f.outcome == "warn"] == [check]
    assert {f.outcome for f in found.values()} <= {"ok", "warn"}


LEVEL = (
    PLAIN.replace("default_rng(seed)", "default_rng([seed, self.level])")
    .replace("write_text('3')", "write_text(str(self.level))")
    .replace("return cls()", "m = cls(); m.level = int((folder / 'level').read_text()); return m")
)
FITS = {
    "one number": ("self.level = 7", "ok"),
    "the clock": ("self.level = time.time_ns() % 1000003", "warn"),
    "global randomness": ("self.level = random.randrange(10**6)", "warn"),
    "the run's seed": ("self.level = random.Random(run.seed).randrange(10**6)", "ok"),
    "a mark left half way": (
        "mark = run.folder / 'mark'; self.level = int(mark.exists()); mark.write_text(''); "
        "bar = run.bar('x', 4, 'steps').__enter__(); bar.advance(1); bar.advance(3)",
        "warn",
    ),
    "the half that was done": (
        "mark = run.folder / 'mark'; self.level = 1; done = 2 * mark.exists(); "
        "bar = run.bar('x', 4, 'steps', done).__enter__(); "
        "mark.write_text(''); bar.advance(4 - done)",
        "ok",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fit", FITS)
def test_what_an_interrupted_fit_ends_in_is_compared(tmp_path, fit):
    body, outcome = FITS[fit]
    assert FIT in LEVEL
    found = of(tmp_path, LEVEL.replace(FIT, f"{body};"))
    assert found["resuming"].outcome == outcome
    assert ("not interrupted" in found["resuming"].reading) == (
        outcome == "ok" and "run.bar" not in body
    )
    assert {f.outcome for name, f in found.items() if name != "resuming"} == {"ok"}


def test_torch_s_own_files_count_as_pickles(tmp_path):
    import torch

    from trendbench.conformance.pickles import pickled

    torch.save({"a": torch.zeros(2)}, tmp_path / "w")
    assert pickled(tmp_path / "w")
    (tmp_path / "w.json").write_text("{}")
    assert not pickled(tmp_path / "w.json")


ENDS = {
    "hangs": ("time.sleep(600);", "not done after 1 s, and stopped"),
    "leaves": ("os._exit(0);", "ended the process with exit code 0"),
    "is killed": ("print('last words', flush=True); os.kill(os.getpid(), 9);",
                  "by signal SIGKILL: last words"),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_a_generator_that_hangs_or_dies_is_a_finding(tmp_path, monkeypatch, end):
    (tmp_path / "mine.py").write_text(PLAIN.replace(FIT, ENDS[end][0]))
    monkeypatch.chdir(tmp_path)
    told = []
    found = conform("mine.py", small_task(None), device="cpu", limit=1.0, tell=told.append)
    by_check = {finding.check: finding for finding in found}
    assert told == found
    assert list(by_check)[:4] == ["import", "protocol", "constructor", "fit"]
    assert by_check["fit"].outcome == "FAIL"
    assert ENDS[end][1] in by_check["fit"].reading
    assert {by_check[name].outcome for name in CHECKS[4:]} == {"skip"}


def test_the_template_passes_from_the_command_line_and_leaves_no_trace(tmp_path):
    path, title = write_template("my-model", tmp_path)
    result = subprocess.run(
        [sys.executable, "-m", "trendbench", "test", str(path), "--json"],
        capture_output=True, text=True, check=False, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert {row["outcome"] for row in found} == {"ok"}
    assert [row["check"] for row in found] == list(CHECKS)
    assert title == "MyModel"
    assert {p.name for p in tmp_path.iterdir()} <= {"my_model.py", "__pycache__"}


def test_the_tested_process_heeds_ctrl_c_where_its_parent_ignores_it(tmp_path, monkeypatch):
    def pressed(_plan, _root):
        yield signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(child, "_story", pressed)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    with pytest.raises(KeyboardInterrupt):
        child.main(Plan("mine", "{}", str(tmp_path), "cpu", "examine"), told=None)
    signal.signal(signal.SIGINT, before)


QUICK = {"reference", "multipoint", "annealing"}


def slow_unless_quick(recipe):
    quick = recipe.family in QUICK or recipe.arch == "vae"
    marks = [] if quick else [pytest.mark.slow]
    return pytest.param(recipe.arch, marks=marks)


@pytest.mark.parametrize("arch", [slow_unless_quick(recipe) for recipe in shipped_recipes()])
def test_every_shipped_recipe_conforms(tmp_path, monkeypatch, arch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    found = story(arch, tmp_path)
    assert {name: f.reading for name, f in found.items() if f.outcome == "FAIL"} == {}
    assert list(found) == list(CHECKS)
    assert found["resuming"].outcome == "ok"


def test_a_generator_comes_in_by_its_entry_point(tmp_path, monkeypatch):
    (tmp_path / "entering.py").write_text(PLAIN)
    info = tmp_path / "entering-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: entering\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[trendbench.generators]\ntheirs = entering:Mine\n")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "root").mkdir()
    found = story("theirs", tmp_path / "root")
    assert {finding.outcome for finding in found.values()} == {"ok"}
    assert found["import"].reading == "entering:Mine"
