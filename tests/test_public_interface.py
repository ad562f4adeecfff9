"""``import trendbench as tb``: light, complete, and documented."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

import trendbench as tb
from tests.conftest import SMALL
from trendbench.families import disks


def test_importing_is_light():
    code = "import sys, trendbench; print(sorted(set(sys.modules) & {'torch', 'numba', 'pandas'}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("name", tb.__all__)
def test_every_name_is_there_with_its_documentation(name):
    assert getattr(tb, name).__doc__
    assert name in dir(tb)


def test_dir_is_the_public_names_alone():
    assert set(dir(tb)) == {*tb.__all__, "__version__"}
    assert {"Card", "InputError", "TaskSpec", "TrendbenchError", "make_data", "run"} <= set(dir(tb))


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
    assert "pix2pix-8" in set(frame["arch"])


# For each parameter of the closed forms a right value, and wrong ones.
RIGHT = {
    "x": [8.0, 32.0], "midpoint": [8.0, 32.0], "h": [0.0, 2.0], "lag": [0.0, 2.0], "n": [1, 2],
    "radius": 3.0, "window": 8, "width": 64, "centres": [(0.0, 0.0), (1.0, 0.0)], "along_x": True,
    "of": "r", "training_images": 5, "images": 2, "level": 0.9, "draws": 10, "dilated": False,
}  # fmt: skip
WRONG = {
    "radius": ("three", None, [3.0], -1.0, 0, float("nan")),
    "window": ("three", None, [8], -1, 0, 2.5, 64),
    "width": ("three", None, -1, 0, 2.5),
    "x": ("three", None, [[1.0], [1.0, 2.0]]),
    "midpoint": ("three", None, [1.0] * 3),  # beside two of h, lag or n
    "h": ("three", None, -1.0),
    "lag": ("three", None, -1.0),
    "n": ("three", None, 0),
    "intensity": ("three", None, [1e-3, 1e-3], -1.0),
    "process": ("no-such-task", None, 5, 1e-3),
    "images": ("three", None, 0, 2.5),
    "training_images": ("three", 0, 2.5),
    "level": ("three", None, 0, 1.0, 5),
    "draws": ("three", None, 0, 2.5),
    "centres": ("three", None, [], [1.0], [(0, 0, 0)]),
}
FORMS = [
    form
    for form in (getattr(disks, name) for name in disks.__all__)
    if inspect.isfunction(form) and form is not disks.conditional_disagreement
]
THEORY = [*(getattr(tb.theory, name) for name in tb.theory.__all__), *FORMS]
LEVEL = [  # those of an intensity that need no trend
    function
    for function in FORMS
    if "intensity" in inspect.signature(function).parameters and "survival" not in str(function)
]


@pytest.fixture
def right(small):
    return {**RIGHT, "process": small, "intensity": small.intensity}


@pytest.mark.parametrize("function", THEORY, ids=lambda function: function.__name__)
def test_a_closed_form_refuses_wrong_arguments_in_one_line(function, right):
    names = list(inspect.signature(function).parameters)
    given = {name: right[name] for name in names}
    function(**given)
    for name in names:
        for value in WRONG.get(name, ()):
            with pytest.raises(tb.InputError) as caught:
                function(**{**given, name: value})
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("function", LEVEL, ids=lambda function: function.__name__)
def test_a_constant_intensity_is_that_of_a_level_trend(function, small):
    names = list(inspect.signature(function).parameters)
    level = small.model_copy(update={"lambda_left": 2e-3, "lambda_right": 2e-3}).intensity
    given = {name: RIGHT[name] for name in names if name != "intensity"}
    np.testing.assert_array_equal(
        function(**given, intensity=2e-3), function(**given, intensity=level)
    )


def test_a_task_is_given_as_a_spec_a_name_or_a_path(small, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[task]\n" + "".join(f"{key} = {value!r}\n" for key, value in SMALL.items()))
    drawn = tb.simulate(small, 2, seed=3).r
    for task in (path, str(path), tb.TaskSpec(**SMALL)):
        assert np.array_equal(tb.simulate(task, n=2, seed=3).r, drawn)
        assert tb.theory.xi_floor(task, 8) == tb.theory.xi_floor(small, 8)
        assert tb.theory.cramer_rao(task) == tb.theory.cramer_rao(small)
    assert tb.simulate("trend-v1", n=1).spec == tb.load_spec("trend-v1")
    assert tb.make_data(path, 3, str(tmp_path / "mine.h5"))
    assert not tb.make_data(small, 3, tmp_path / "mine.h5")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda spec, file: tb.simulate(spec, n=-1), "n = -1: needed is a whole number"),
        (lambda spec, file: tb.simulate(spec, n=2.5), "n = 2.5: needed is a whole number"),
        (lambda spec, file: tb.simulate(spec, n="two"), "n = 'two': needed is a whole number"),
        (lambda spec, file: tb.simulate(spec, 1, seed=-1), "seed = -1: needed is a whole number"),
        (lambda spec, file: tb.simulate(spec, 1, seed=1 << 64), "from 0 to 18446744073709551615"),
        (lambda spec, file: tb.simulate(spec, 1, start=-1), "start = -1"),
        (lambda spec, file: tb.simulate(spec, 1, split="tests"), "did you mean 'test'"),
        (lambda spec, file: tb.simulate(spec, 1, split=None), "one of train, val, test"),
        (lambda spec, file: tb.simulate(spec, 1, out=np.zeros(3)), "out: needed is an array"),
        (lambda spec, file: tb.simulate(spec, 3)[0], "[0]: needed is a contiguous range"),
        (lambda spec, file: tb.simulate(spec, 3)[::2], "needed is a contiguous range"),
        (lambda spec, file: tb.simulate("trend-v2", 1), "no task spec 'trend-v2'"),
        (lambda spec, file: tb.simulate(5, 1), "5: needed is a task's name"),
        (lambda spec, file: tb.load_spec(None), "None: needed is a task's name"),
        (lambda spec, file: tb.load_spec("trend-v1", train=2.5), "train = 2.5: needed is a whole"),
        (lambda spec, file: tb.TaskSpec(name="mine"), "width, height, radius"),
        (lambda spec, file: tb.make_data(spec, -1, "x.h5"), "seed = -1"),
        (lambda spec, file: tb.make_data(spec, 0, "x.h5", workers=0), "workers = 0"),
        (lambda spec, file: tb.make_data(spec, 0, None), "path = None: needed is a path"),
        (lambda spec, file: tb.open_dataset(None), "None: needed is the path of a data file"),
        (lambda spec, file: tb.open_dataset("no.h5"), "no data file at no.h5"),
        (lambda spec, file: tb.TripletDataset(None), "None: needed is the path of a data file"),
        (lambda spec, file: tb.TripletDataset(file, "tests"), "did you mean 'test'"),
        (lambda spec, file: tb.TripletDataset(file, "val", "gray"), "did you mean 'grey'"),
        (lambda spec, file: tb.TripletDataset(file, "val")["a"], "needed is the number of one"),
        (lambda spec, file: tb.TripletDataset(file, "val")[0:2], "needed is the number of one"),
        (lambda spec, file: tb.score(np.zeros(3, np.uint8), 5), "5: needed is the path"),
        (lambda spec, file: tb.score(None, file, c2st=False), "needed is uint8"),
        (lambda spec, file: tb.score(tb.simulate(spec, 2), file), "needed is one series of them"),
        (lambda spec, file: tb.simulate(spec, 10**9), "tb.stream draws them block by block"),
        (lambda spec, file: tb.score([["a"]], file, c2st=False), "needed is uint8"),
        (lambda spec, file: tb.import_pictures(5, "x.h5"), "pictures = 5: needed is an"),
        (lambda spec, file: tb.import_pictures("x", None), "out = None: needed is a path"),
        (lambda spec, file: tb.import_pictures("x", "trend-v1.h5"), "name of a shipped task"),
        (lambda spec, file: tb.import_pictures("x", "x.h5", threshold="a"), "threshold = 'a'"),
        (lambda spec, file: tb.import_pictures("x", "x.h5", crop=(1, 2)), "crop = (1, 2): needed"),
        (lambda spec, file: tb.import_pictures("x", "x.h5", tile=9), "tile = 9: needed are 2"),
        (lambda spec, file: tb.import_pictures("x", "x.h5", along="z"), "along = 'z'"),
        (lambda spec, file: tb.import_pictures("x", "x.h5", slices="w"), "slices = 'w'"),
        (lambda spec, file: tb.import_pictures("x", "x.h5", every=3), "every = 3 goes with slices"),
        (lambda spec, file: tb.import_pictures("x", "x.h5", splits=(1, 0, 1)), "splits = 0"),
        (lambda spec, file: tb.import_pictures("x", "x.h5", length=0), "length = 0"),
        (lambda spec, file: tb.run("pix2pix-8", seed=-1), "seed = -1"),
        (lambda spec, file: tb.run("pix2pix-8", epochs=2.5), "epochs = 2.5"),
        (lambda spec, file: tb.run(None), "None: needed is the name of a generator"),
        (lambda spec, file: tb.run("pix2pix-8", data=5), "5: needed is the path of a data file"),
        (lambda spec, file: tb.run("pix2pix-8", runs=None), "runs = None: needed is a path"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused_in_one_line(call, said, small, small_file):
    with pytest.raises(tb.InputError) as caught:
        call(small, small_file)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_misspelt_split_or_column_is_named_with_the_right_one(small_file):
    with tb.open_dataset(small_file) as opened:
        for wrong in (opened.load, opened.latents, opened.ends):
            with pytest.raises(tb.InputError, match="no split is called 'tests': did you mean 'te"):
                wrong("tests")
        for wrong in (opened.images, lambda *name: opened.numbers("/".join(name))):
            with pytest.raises(tb.InputError, match="no column in 'test' is called 's3': did you"):
                wrong("test", "s3")
        with pytest.raises(tb.InputError, match="no split is called 'None'"):
            opened.load(None)
        with pytest.raises(tb.InputError, match="start = -1"):
            opened.glance("test", -1, 2)
