"""The command line as a person meets it: exit codes, one clear line, no traceback."""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import trendbench as tb
from trendbench.data.opening import open_dataset
from trendbench.metrics import full_card

HEAVY = ("torch", "numba", "scipy", "pandas", "h5py", "pydantic", "matplotlib", "numpy", "rich")


def trendbench(*arguments, cwd=None, **keywords):
    return subprocess.run(
        [sys.executable, "-m", "trendbench", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, check=False, **keywords,
    )  # fmt: skip


def refused(result, *words):
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['trendbench', '--help']\n"
        "from trendbench.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stderr.strip() == "[]"
    assert "make-data" in result.stdout


def test_every_command_explains_itself_without_heavy_imports():
    from trendbench.cli.main import _COMMANDS

    code = (
        "import sys\nfrom trendbench.cli.main import group\n"
        f"for name in {list(_COMMANDS)!r}:\n"
        "    group.main([name, '--help'], standalone_mode=False)\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stderr.strip() == "[]"


def test_make_data_info_verify_preview(in_process, tmp_path):
    spec = tmp_path / "mine.toml"
    spec.write_text(
        '[task]\nname = "mine"\nwidth = 32\nheight = 32\nradius = 2.0\nlambda_left = 2e-3\n'
        "lambda_right = 1e-2\nwindow = 4\ntrain = 9\nval = 2\ntest = 5\n"
    )
    made = in_process("make-data", "--spec", spec, "--n", 7, "--seed", 2, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert made.stdout.strip() == "datasets/mine-n7-seed2.h5"
    path = tmp_path / made.stdout.strip()
    facts = json.loads(in_process("info", path, "--json").stdout)
    by_training = 1 + 1 / facts["spec"]["train"]
    assert facts["xi_floor"] == pytest.approx(facts["xi_floor_exact_profile"] * by_training)
    told = " ".join(in_process("info", path).stdout.split())
    assert f"{facts['xi_floor']:.7f} against the mean profile of the" in told
    assert f"{facts['xi_floor_exact_profile']:.7f} against the exact mean profile" in told
    assert facts["spec"]["train"] == 7
    assert facts["seed"] == 2
    verified = in_process("verify", path)
    assert verified.returncode == 0
    assert "FAIL" not in verified.stdout
    drawn = in_process("preview", path, "--count", 2, cwd=tmp_path)
    assert drawn.returncode == 0
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert drawn.stderr == ""
    refused(in_process("preview", path, "--split", "val", "--start", 2), "beyond")
    fewer = in_process("preview", path, "--start", 5, "--count", 9, "--out", tmp_path / "few.png")
    assert "7 train triplets: 2 shown, not 9" in fewer.stderr
    again = in_process("preview", path, "--count", 2, cwd=tmp_path)
    assert again.stderr == f"{path.with_suffix('.png')} replaces the file of that name\n"
    assert (tmp_path / "few.png").is_file()


def test_score_prints_a_card_for_anyone_s_images(in_process, small_file, tmp_path):
    with open_dataset(small_file) as dataset:
        test = dataset.load("test")
    np.save(tmp_path / "mine.npy", test.s2)
    np.save(tmp_path / "again.npy", test.s1)
    arguments = ["score", tmp_path / "mine.npy", "--data", small_file, "--name", "mine"]
    printed = in_process(
        *arguments, "--no-c2st", "--second", tmp_path / "again.npy", "--figures", tmp_path / "f"
    )
    assert printed.returncode == 0, printed.stderr
    assert "mine on small, 12 images" in printed.stdout
    assert all(len(line) <= 80 for line in printed.stdout.splitlines())
    assert "copies-input" in " ".join(printed.stdout.split())
    assert {p.name for p in (tmp_path / "f").iterdir()} == {
        "result.png", "samples.png", "survival.png", "texture.png",
    }  # fmt: skip
    card = json.loads(in_process(*arguments, "--no-c2st", "--json").stdout)
    assert list(card) == ["name", "task", "data", "n", "flags", "scores", "told_by", "verdict"]
    assert card["n"] == 12
    assert card["scores"]["diversity"] is None
    assert card["scores"]["c2st_logloss"] is None
    assert card["scores"]["containment"]["value"] == 0
    alone = json.loads(in_process(*arguments, "--no-c2st", "--unconditional", "--json").stdout)
    assert alone["scores"]["containment"] is None
    refused(in_process(*arguments), "classifier needs at least 100", "--no-c2st")
    refused(in_process("score", "none.npy", "--data", small_file, "--name", "x"), "none.npy")
    np.save(tmp_path / "mine.npy", test.s2[:4])
    refused(in_process(*arguments, "--no-c2st"), "(4, 32, 64)", "(12, 32, 64)")


def test_score_takes_the_two_samples_that_a_run_leaves(in_process, small_file, tmp_path):
    with open_dataset(small_file) as dataset:
        test = dataset.load("test")
    np.save(tmp_path / "samples.npy", np.stack([test.s2, test.s1]))
    np.save(tmp_path / "one.npy", test.s2)
    np.save(tmp_path / "two.npy", test.s1)
    rest = ["--data", small_file, "--name", "mine", "--no-c2st", "--json"]
    both = in_process("score", tmp_path / "samples.npy", *rest)
    assert "the first is scored" in both.stderr
    apart = in_process("score", tmp_path / "one.npy", "--second", tmp_path / "two.npy", *rest)
    assert both.stdout == apart.stdout
    assert json.loads(both.stdout)["scores"]["diversity"] is not None
    refused(
        in_process("score", tmp_path / "samples.npy", "--second", tmp_path / "two.npy", *rest),
        "a second sample already",
    )
    assert "(2, n, H, W)" in in_process("score", "--help").stdout


def test_scoring_shows_progress_on_stderr_alone(in_process, small_file, tmp_path, monkeypatch):
    monkeypatch.setattr(full_card, "_KEPT", {})
    with open_dataset(small_file) as dataset:
        np.save(tmp_path / "mine.npy", dataset.images("test", "s2"))
    result = in_process(
        "score", tmp_path / "mine.npy", "--data", small_file, "--name", "mine", "--no-c2st"
    )
    assert "scoring: 12/12 images" in result.stderr
    assert "fresh true images: 64/64" in result.stderr
    assert "12/12" not in result.stdout


RAISES = """
class Mine:
    def fit(self, train, val, run): raise OSError('no such luck')
    def sample(self, inputs, seed): pass
    def save(self, folder): pass
    @classmethod
    def load(cls, folder): pass
"""


def test_a_generator_of_one_s_own_that_raises_is_one_line(
    in_process, monkeypatch, small_file, tmp_path
):
    (tmp_path / "mine.py").write_text(RAISES)
    command = ["run", "--arch", "mine.py:Mine", "--data", small_file, "--no-c2st"]
    result = in_process(*command, cwd=tmp_path)
    assert result.returncode == 2
    last = result.stderr.splitlines()[-1]
    assert "Mine.fit raised OSError: no such luck at " in last
    assert "mine.py:3 " in last
    assert "Traceback" not in result.stderr
    with monkeypatch.context() as patch:
        patch.setenv("TRENDBENCH_DEBUG", "1")
        shown = in_process(*command, cwd=tmp_path)
    assert shown.returncode == 2
    assert "Traceback" in shown.stderr
    assert shown.stderr.splitlines()[-1] == last
    (tmp_path / "lacks.py").write_text(RAISES.replace("fit(", "train("))
    command[command.index("mine.py:Mine")] = "lacks.py:Mine"
    refused(in_process(*command, "--runs", "other", cwd=tmp_path), "lacks.py:Mine lacks fit")
    assert not (tmp_path / "other").exists()


def test_tasks_lists_every_task_with_its_floor(in_process):
    text = in_process("tasks").stdout
    assert max(map(len, text.splitlines())) <= 80
    lines = {line.split()[0]: line.split() for line in text.splitlines() if line[0] != " "}
    assert set(lines) == {"task", *tb.tasks()}
    assert lines["trend-v1"][1:] == ["disks", "256×256", "3500/250/1000", "0.0032821"]
    assert lines["study-2017-columns"][-1] == "estimated"
    rows = {row["task"]: row for row in json.loads(in_process("tasks", "--json").stdout)}
    assert rows["porosity-v1"]["xi_floor"] == pytest.approx(0.008863, abs=1e-6)
    assert rows["study-2017-columns"]["xi_floor"] is None
    for name, row in rows.items():
        assert row["family"] == tb.task(name).family
        assert row["summary"] in text.replace("\n  ", " ")


def test_a_task_is_what_load_spec_reads():
    assert tb.task("small", train=7) == tb.load_spec("small", train=7)
    assert [tb.task(name).name for name in tb.tasks()] == tb.tasks()


def test_archs_lists_every_row_with_a_line(in_process):
    lines = in_process("archs").stdout.splitlines()
    assert {"nf8", "nf16", "oracle"} <= {line.split()[0] for line in lines}
    assert all(len(line) <= 80 for line in lines)
    rows = json.loads(in_process("archs", "--json").stdout)
    assert [row["arch"] for row in rows] == [line.split()[0] for line in lines]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--arch", "nf8x"], ["unknown arch 'nf8x'", "mean nf8, ", "trendbench archs"]),
        (["run", "--arch", "zzzz"], ["unknown arch 'zzzz': trendbench archs"]),
        (["run"], ["--arch"]),
        (["run", "--arch", "nf8", "--epoch", "3"], ["--epoch"]),
        (["run", "--arch", "nf8", "--epochs", "0"], ["--epochs"]),
        (["run", "--arch", "nf8", "--preset", "slow"], ["slow", "short, study"]),
        (["run", "--arch", "nf8", "--data", "no.h5"], ["no.h5", "make-data"]),
        (["run", "--arch", "no.py:X"], ["no.py"]),
        (["make-data", "--n", "0"], ["--n"]),
        (["make-data", "--n", "many"], ["--n"]),
        (["make-data", "--seed", "-1"], ["--seed"]),
        (["make-data", "--spec", "nope"], ["nope", "trend-v1"]),
        (["make-data", "--out", "/proc/none/x.h5"], ["/proc"]),
        (["make-data", "--out", "."], ["is a folder"]),
        (["info", "no.h5"], ["no.h5"]),
        (["info", "."], ["no data file at .", "not a plain file"]),
        (["verify", "."], ["no data file at .", "not a plain file"]),
        (["preview", "."], ["no data file at .", "not a plain file"]),
        (["preview", ".", "--out", "x.pdf"], ["x.pdf", ".png"]),
        (["preview", ".", "--out", "plain"], ["plain", ".png"]),
        (["leaderboard", "--results", "typo"], ["typo does not exist"]),
        (["nonsense"], ["nonsense"]),
    ],
)
def test_bad_input_is_one_clear_line(in_process, tmp_path, arguments, words):
    refused(in_process(*arguments, cwd=tmp_path), *words)
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_not_there(in_process, small_file, tmp_path):
    refused(
        in_process(
            "run", "--arch", "pix2pix-4", "--data", small_file, "--device", "cuda:77", "--no-c2st",
            cwd=tmp_path,
        ),
        "cuda:77", "try cpu",
    )  # fmt: skip


def test_a_damaged_file_is_not_trained_on(in_process, small_file, tmp_path):
    content = bytearray(small_file.read_bytes())
    content[len(content) // 3] ^= 0xFF
    (tmp_path / "bad.h5").write_bytes(content)
    command = ["run", "--arch", "pix2pix-4", "--data", "bad.h5", "--no-c2st"]
    refused(in_process(*command, cwd=tmp_path), "bad.h5")


@pytest.mark.parametrize(
    "megabytes", [3, 17, *(pytest.param(late, marks=pytest.mark.slow) for late in (30, 34))]
)
def test_a_full_disk_is_one_line_and_loses_nothing(in_process, tmp_path, megabytes):
    """A real limit on the size of files, met at several stages of writing."""
    limit = megabytes << 20
    result = trendbench(
        "make-data", "--n", 900, "--out", "x.h5", cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    lines = [line for line in result.stderr.splitlines() if "triplets" not in line]
    assert [line for line in lines if "compiled" not in line] == lines[-1:]
    assert "too large" in lines[-1]
    assert not (tmp_path / "x.h5").exists()
    assert in_process("make-data", "--n", 900, "--out", "x.h5", cwd=tmp_path).returncode == 0


def test_a_damaged_file_can_be_made_again_as_the_message_says(in_process, tmp_path):
    assert in_process("make-data", "--n", 3, "--out", "x.h5", cwd=tmp_path).returncode == 0
    good = (tmp_path / "x.h5").read_bytes()
    (tmp_path / "x.h5").write_bytes(good[:5000])
    refused(in_process("make-data", "--n", 3, "--out", "x.h5", cwd=tmp_path), "--overwrite")
    again = in_process("make-data", "--n", 3, "--out", "x.h5", "--overwrite", cwd=tmp_path)
    assert again.returncode == 0
    assert (tmp_path / "x.h5").read_bytes() == good


def test_compiling_is_told_once_and_after_the_target_is_known_to_be_usable(tmp_path):
    code = (
        "from trendbench.cli.main import main; import sys\n"
        "for path in '/proc/none/x.h5', 'x.h5', 'y.h5':\n"
        "    sys.argv = ['trendbench', 'make-data', '--n', '2', '--out', path]\n"
        "    try: main()\n"
        "    except SystemExit: pass\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "empty")},
    )  # fmt: skip
    talk = [line for line in result.stderr.splitlines() if " triplets, " not in line]
    starts = ["trendbench: /proc", "compiled the simulator's kernels", "wrote x.h5", "wrote y.h5"]
    for line, start in zip(talk, starts, strict=True):
        assert line.startswith(start)


def test_without_a_place_for_compiled_code_it_still_works(tmp_path):
    """As in a container whose package and home cannot be written."""
    code = (
        "import numba.core.caching as c, sys\n"
        "c.CacheImpl._locator_classes = []\n"
        "sys.argv = ['trendbench', 'make-data', '--n', '2', '--out', 'x.h5']\n"
        "from trendbench.cli.main import main\nmain()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_stdout_closed_early_is_quiet(small_file):
    command = f"{sys.executable} -m trendbench verify {small_file} | head -n 1"
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert result.stderr == ""
    assert result.stdout.startswith("ok")


def test_ctrl_c_in_training_saves_and_the_same_command_goes_on(in_process, small_file, tmp_path):
    command = ["run", "--arch", "pix2pix-4", "--data", small_file, "--epochs", "3000",
               "--device", "cpu", "--no-c2st"]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "trendbench", *map(str, command)],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while not list(tmp_path.rglob("checkpoint-*.pt")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "interrupted" in errors
    newest = max(path.name for path in tmp_path.rglob("checkpoint-*.pt"))
    seen = int(newest.split("-")[1])
    epochs = -(-seen // 24)
    plan = next(tmp_path.rglob("run.json"))
    plan.write_text(plan.read_text().replace('"epochs": 3000', f'"epochs": {epochs}'))
    command[command.index("3000")] = str(epochs)
    result = in_process(*command, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "leaderboard" in result.stdout


def test_an_end_of_file_is_not_called_an_interruption(in_process, monkeypatch, tmp_path):
    """Click takes any EOFError for a person's Ctrl-D."""

    def ends(*_):
        raise EOFError("Ran out of input")

    monkeypatch.setattr("trendbench.data.opening.open_dataset", ends)
    result = in_process("info", "a.h5", cwd=tmp_path)
    assert result.returncode == 1
    assert "EOFError: Ran out of input" in result.stderr
    assert "interrupted" not in result.stderr


def test_a_card_on_standard_output_is_nothing_but_the_card(in_process, small_file, tmp_path):
    assert in_process("card", small_file, "--out", "a.md", cwd=tmp_path).stdout == "a.md\n"
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert in_process("card", small_file, "--out", "pipe", cwd=tmp_path).stdout == ""
    with open(reader, "rb") as pipe:
        assert pipe.read() == (tmp_path / "a.md").read_bytes()


def test_typos_are_refused_before_anything_heavy_is_imported(tmp_path):
    wrong = [
        ["run", "--arch", "nf32-woUnettt"], ["run", "--arch", "flow", "--preset", "typo"],
        ["run", "--arch", "flow", "--data", "missing.h5"],
        ["run", "--arch", "flow", "--device", "hpu"], ["run", "--arch", "nowhere.py:X"],
        ["tune", "--arch", "flow", "--trials", "1", "--space", "no.toml"],
        ["sample", "--arch", "flo", "--out", "x.npy"], ["test", "flo"], ["power", "--spec", "tren"],
    ]  # fmt: skip
    code = (
        "import sys\nfrom trendbench.cli.main import main\n"
        f"for arguments in {wrong!r}:\n"
        "    sys.argv = ['trendbench', *arguments]\n"
        "    try: main()\n"
        "    except SystemExit as left: print(left.code, end=' ')\n"
        "print([m for m in ('torch', 'numba', 'scipy', 'h5py', 'matplotlib') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert result.stdout == "2 " * len(wrong) + "[]\n", result.stderr
    assert len(result.stderr.splitlines()) == len(wrong)


def test_a_task_without_germs_is_drawn_scored_and_run(in_process, tmp_path, small):
    from trendbench.data.make import make_data

    zero = small.model_copy(update={"name": "zero", "lambda_left": 0.0, "lambda_right": 0.0})
    make_data(zero, 0, tmp_path / "zero.h5")
    np.save(tmp_path / "white.npy", np.full((12, 32, 64), 255, np.uint8))
    scored = ["score", "white.npy", "--data", "zero.h5", "--name", "x", "--no-c2st", "--json"]
    for command in (
        ["preview", "zero.h5"], [*scored, "--figures", "f"], ["leaderboard"],
        ["run", "--arch", "null-white", "--data", "zero.h5", "--no-c2st"],
    ):  # fmt: skip
        done = in_process(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        if "score" in command:
            assert json.loads(done.stdout)["scores"]["xi_ratio"] is None
            assert json.loads(done.stdout)["scores"]["xi"]["value"] == 0
