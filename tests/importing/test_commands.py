"""The other commands on a data file of pictures, and on its records without the file."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import trendbench as tb
from trendbench.cli.main import group
from trendbench.figures.preview import preview_figure
from trendbench.spec import TaskSpec

TASK = TaskSpec(
    name="known", width=48, height=32, radius=2.0, lambda_left=2e-3, lambda_right=2e-2,
    window=8, train=1, val=1, test=1,
)  # fmt: skip
TRUE = tb.simulate(TASK, 150, 0)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for name, images in (("left", TRUE.s1), ("right", TRUE.s2), ("trend", TRUE.r)):
        (folder / name).mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image).save(folder / name / f"{i:03}.png")
    return folder


@pytest.fixture
def command(place, monkeypatch):
    monkeypatch.chdir(place)

    def call(line, code=0):
        result = CliRunner().invoke(group, line.split(), standalone_mode=False)
        if code:
            assert result.exception.exit_code == code
            return getattr(result.exception, "message", None) or str(result.exception)
        assert result.exit_code == 0, result.exception
        return result.stdout

    return call


@pytest.fixture
def mine(command, place):
    if not (place / "mine.h5").exists():
        line = "import trend --left left --right right --out mine.h5 --window 8"
        assert command(line).strip() == "mine.h5"
    return place / "mine.h5"


def test_a_file_of_pictures_is_described_checked_and_drawn(command, mine):
    facts = json.loads(command("info mine.h5 --json"))
    assert facts["task"] == "mine"
    assert facts["spec"]["inputs"] is True
    assert "true values are estimated from the test split" in command("info mine.h5")
    assert "FAILED" not in command("verify mine.h5")
    assert command("preview mine.h5").strip() == "mine.png"
    command("export mine.h5 --format npz --out exported")
    assert (
        "CC BY" not in (mine.parent / "exported" / "README.md").read_text().split("A particle")[0]
    )
    card = command("card mine.h5")
    assert "simulated" not in card
    assert "estimated from the `r` of the test split" in card
    assert json.loads(command("card mine.h5 --croissant"))["name"].startswith("mine-n90")


def test_a_run_is_scored_recorded_ranked_and_reported(command, mine):
    command("run --arch null-white --data mine.h5 --no-c2st")
    (path,) = (mine.parent / "results" / "mine" / "null-white").glob("*.json")
    record = json.loads(path.read_text())
    assert record["scores"]["xi"]["estimated"] is True
    assert record["scores"]["target_leakage"]["value"] == 0
    mine.rename(mine.with_suffix(".away"))  # what needs the pictures is left out from here on
    try:
        table = command("leaderboard --task mine --markdown arch,flags,estimated")
        assert "null-white" in table
        assert "xi" in table
        assert command("report").strip().endswith("index.html")
    finally:
        mine.with_suffix(".away").rename(mine)


def test_the_true_images_are_flagged_as_copies(command, mine, place):
    command(f"run --arch real --data {mine} --no-c2st")
    (path,) = (place / "results" / "mine" / "real").glob("*.json")
    assert "copies-target" in json.loads(path.read_text())["flags"]


def test_images_are_scored_and_say_what_is_estimated(command, mine, place):
    with tb.open_dataset(mine) as data:
        n = data.spec.test
    np.save(place / "fresh.npy", tb.simulate(TASK, n, 5).r)
    shown = command("score fresh.npy --data mine.h5 --name fresh --unconditional --no-c2st")
    assert "≈" in shown
    assert "True values are estimated." in " ".join(shown.split())


def test_a_row_of_a_task_without_inputs_is_unconditional(command, place):
    command("import trend --out sole.h5 --window 8")
    command("run --arch null-repeated --data sole.h5 --no-c2st")
    (path,) = (place / "results" / "sole" / "null-repeated").glob("*.json")
    record = json.loads(path.read_text())
    assert record["conditional"] is False
    assert record["scores"]["input_disagreement"] is None
    assert record["scores"]["diversity"] is not None


def test_pictures_without_inputs_are_called_and_shown_as_such(command, place):
    command("import trend --out alone.h5 --window 8 --overwrite")
    assert "pictures   90 train, 15 val, 45 test" in command("info alone.h5").splitlines()
    assert "90 pictures" in command("verify alone.h5")
    np.save(place / "short.npy", TRUE.r[:9])
    short = command("score short.npy --data alone.h5 --name short", 2)
    assert short.endswith("one for each test picture in the file's order: draw 45")
    folder = command("score trend --data alone.h5 --name folder", 2)
    assert folder.endswith("needed are 45, as many as the test split has pictures")
    with tb.open_dataset(place / "alone.h5") as data:
        figure = preview_figure(data.load("val")[:2], data.spec)
    assert [axes.get_title() for axes in figure.axes] == ["r: the trend", "", "", ""]


@pytest.mark.full_pool
def test_power_damages_the_held_out_pictures(command, mine):
    found = json.loads(command(f"power --spec {mine.name} --n 45 --json"))
    level = {(one["damage"], one["score"]): one["level"] for one in found}
    assert level["grey pixels", "grey_fraction"] == 0.001
    assert level["pictures whose black is a pixel larger", "xi"]
    assert level["pictures with shuffled columns", "anisotropy_error"]
    assert level["duplicates", "diversity"]
    assert not {score for _, score in level} & {"memorisation", "target_leakage", "stray_error"}
    least = {damage: min(filter(None, (v for (d, _), v in level.items() if d == damage)), default=1)
             for damage, _ in level}  # fmt: skip
    assert least["pictures mirrored along x"] > 0.01  # few of them are no sign


def test_too_few_pictures_leave_scores_out(command, place):
    with_few = " ".join(f"trend/{i:03}.png" for i in range(40))
    command(f"import {with_few} --out few.h5 --window 8")
    with tb.open_dataset(place / "few.h5") as data:
        scores = tb.score(tb.simulate(TASK, data.spec.test, 5).r, data).scores
    absent = {"s2_error", "stray_error", "column_error", "k_variance_ratio", "c2st_p"}
    assert all(scores.get(name) is None for name in absent)
    assert scores.get("xi") is not None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run --arch oracle --data mine.h5 --no-c2st", "does not exist for the family"),
        ("run --arch flow --data mine.h5 --no-c2st --stream 9", "trendbench import"),
        ("make-data --spec mine.toml", "trendbench import"),
        ("import nowhere --out b.h5", "nowhere does not exist"),
        ("import trend --left left --out b.h5", "--left and --right go together"),
        ("import trend --left left/000.png --right right --out b.h5", "numbers of pictures differ"),
        ("import trend/000.png --out b.h5", "1 source picture"),
        ("import trend --out trend-v1.h5", "'trend-v1' is the name of a shipped task"),
        ("import trend --out b.h5 --name growth-v1", "choose another --name, as my-growth-v1"),
        ("import trend --out b.h5 --threshold dark", "neither a number nor otsu"),
        ("import trend --out b.h5 --tile 9", "is not WxH"),
        ("import trend --out b.h5 --crop 9x9", None),
        ("import trend --out b.h5 --every 3", "goes with --slices"),
        ("import trend --out b.h5 --splits 1/0/1", "is not TRAIN/VAL/TEST"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(command, mine, place, line, message):
    with tb.open_dataset(mine) as data:
        fields = {k: v for k, v in data.spec.model_dump().items() if v is not None}
    toml = "\n".join(f"{k} = {json.dumps(v)}" for k, v in fields.items())
    (place / "mine.toml").write_text(f"[task]\n{toml}\n")
    if message is None:
        command(line)
        (place / "b.h5").unlink()
        return
    said = command(line, code=2)
    assert message in said
    assert "\n" not in said.strip()
    assert not (place / "b.h5").exists()
    assert not (place / "trend-v1.h5").exists()
