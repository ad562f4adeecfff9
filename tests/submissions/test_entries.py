"""Entries: packed the same every time, taken in whole, refused in one line when anything is odd."""

import csv
import hashlib
import io
import json
import os
import re
import zipfile
import zlib
from contextlib import suppress
from datetime import datetime

import numpy as np
import pytest

from trendbench import catalog
from trendbench.cli.card_text import record_text
from trendbench.data.opening import open_dataset
from trendbench.errors import InputError, ResultError
from trendbench.leaderboard.board import refresh, rows, superseded
from trendbench.results.record import TrainingEntry
from trendbench.results.store import pack_per_image, read_all, read_record, write_record
from trendbench.submissions.entry import Entry, pack, samples_hash, unpack
from trendbench.submissions.merge import merge
from trendbench.submissions.submit import About, submit


def tree(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }  # fmt: skip


def local(results):
    return [stored for stored in read_all(results) if stored.origin == "local"]


def refused(path, results, match):
    """The entry is refused in one line and nothing is written."""
    before = tree(results)
    with pytest.raises(ResultError, match=match) as caught:
        merge([path], results)
    assert "\n" not in str(caught.value)
    assert tree(results) == before


def test_the_same_bytes_for_the_same_images_and_words(made, small_file, tmp_path):
    first, second = (np.load(made / f"{name}.npy") for name in ("first", "second"))
    about = About("theirs", made / "recipe.md", parameters=3, epochs=2.0, device="a laptop")
    with open_dataset(small_file) as dataset:
        submit(first, dataset, about, tmp_path / "again.zip", second=second, c2st=False)
        with pytest.raises(ResultError, match=r"again.zip exists"):
            submit(first, dataset, about, tmp_path / "again.zip", second=second, c2st=False)
    assert (tmp_path / "again.zip").read_bytes() == (made / "entry.zip").read_bytes()
    entry = unpack(made / "entry.zip").entry
    assert entry.samples.sha256 == samples_hash(first) == hashlib.sha256(first).hexdigest()
    assert entry.samples.second == samples_hash(second)
    assert entry.status == "self-reported"


def test_an_entry_becomes_a_row_once(made, results):
    ((path, fresh),) = merge([made / "entry.zip"], results)
    assert fresh
    record = read_record(path)
    assert (record.arch, record.family, record.status) == ("theirs", "submitted", "self-reported")
    assert record.training.seconds is None
    assert record.recipe.source == hashlib.sha256((made / "recipe.md").read_bytes()).hexdigest()
    board = {row["arch"]: row for row in rows(local(results))}
    assert set(board) == {"Keeps", "theirs"}
    row = board["theirs"]
    assert (row["status"], row["family"], row["device"]) == (
        "self-reported",
        "submitted",
        "a laptop",
    )
    assert row["seconds"] is None
    assert (row["parameters"], row["epochs"]) == (3, 2.0)
    (stored,) = [s for s in local(results) if s.record.arch == "theirs"]
    parcel = unpack(made / "entry.zip")
    for name, values in stored.per_image().items():
        assert np.array_equal(values, parcel.per_image[name])
    kept = path.with_suffix("") / "entry.zip"
    assert unpack(kept).recipe == (made / "recipe.md").read_text()
    assert merge([made / "entry.zip"], results) == [(path, False)]
    assert merge([kept], results) == [(path, False)]
    assert len(local(results)) == 2


def other_samples(made, small_file, path, name="theirs", seed=0):
    """The same words about other images."""
    with open_dataset(small_file) as dataset:
        about = About(name, made / "recipe.md", seed=seed)
        submit(np.load(made / "second.npy"), dataset, about, path, c2st=False)
    return path


class OneMoment(datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 1, 2, 3, 4, 5, tzinfo=tz)


def test_an_entry_does_not_hide_another(made, small_file, results, tmp_path, monkeypatch):
    """Other samples under one name, recipe and seed: refused, or put in its place when asked."""
    monkeypatch.setattr("trendbench.submissions.merge.datetime", OneMoment)
    ((first, _),) = merge([made / "entry.zip"], results)
    other = other_samples(made, small_file, tmp_path / "other.zip")
    refused(other, results, rf"{re.escape(str(first))} already stands for 'theirs', seed 0.*--name")
    seeded = other_samples(made, small_file, tmp_path / "seeded.zip", seed=1)
    named = other_samples(made, small_file, tmp_path / "named.zip", "other")
    assert [fresh for _, fresh in merge([seeded, named], results)] == [True, True]
    ((second, fresh),) = merge([other], results, replace=True)  # within the same second
    assert fresh
    assert read_record(second).finished > read_record(first).finished
    shown = {row["arch"]: row for row in rows(local(results))}
    assert {name: row["superseded"] for name, row in shown.items()} == {
        "Keeps": 0, "theirs": 1, "other": 0,
    }  # fmt: skip
    assert [stored.path for stored in superseded(local(results))] == [first]
    assert merge([other], results) == [(second, False)]


def test_two_entries_of_one_merge_do_not_hide_each_other(made, small_file, results, tmp_path):
    other = other_samples(made, small_file, tmp_path / "other.zip")
    before = tree(results)
    with pytest.raises(ResultError, match="already stands for 'theirs'"):
        merge([made / "entry.zip", other], results)
    assert tree(results) == before
    assert len(merge([made / "entry.zip", made / "entry.zip"], results)) == 2


def test_what_a_record_does_not_say_is_shown_as_absent_everywhere(
    made, results, tmp_path, in_process
):
    """All that may be None is None, in an entry and in a run: cards, tables, CSV and report."""
    ((entry, _),) = merge([made / "entry.zip"], results)
    run = next((results / "small" / "Keeps").glob("seed*.json"))
    for number, path in enumerate((entry, run)):
        record = read_record(path)
        blank = {"epochs": None, "images_seen": None, "seconds": None, "sampling_seconds": None,
                 "sampling_seed": None}  # fmt: skip
        bare = record.model_copy(
            update={
                "training": TrainingEntry(**blank), "parameters": None, "attachments": {},
                "recipe": record.recipe.model_copy(update={"preset": None, "source": None}),
                "scores": dict.fromkeys(record.scores), "seed": 7 + number,
            }
        )  # fmt: skip
        written = write_record(results, bare, path.with_suffix(".npz").read_bytes())
        for what in (path, written):
            card = in_process("card", what)
            assert card.returncode == 0, card.stderr
            assert "None" not in card.stdout
        assert "None" not in record_text(bare)
    assert "no weights" in in_process("card", entry).stdout
    board = ["leaderboard", "--results", results]
    refresh(results).rename(tmp_path / "before.csv")
    for more in ([], ["--json"], ["--differences", "xi"], ["--markdown", "arch,seconds,epochs,xi"],
                 ["--compare", tmp_path / "before.csv"]):  # fmt: skip
        done = in_process(*board, *more)
        assert done.returncode == 0, done.stderr
        assert "None" not in done.stdout
    assert "None" not in (results / "leaderboard.csv").read_text()
    done = in_process("report", "--results", results, "--out", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    assert ">None<" not in (tmp_path / "report" / "index.html").read_text()


# --- what a hostile hand can do to the archive -------------------------------------------------


def members(made):
    with zipfile.ZipFile(made / "entry.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archived(path, content, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in content:
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m[:2],
        lambda m: [],
        lambda m: [*m, ("../../evil.py", b"x")],
        lambda m: [*m, ("/etc/passwd", b"x")],
        lambda m: [*m, ("extra.txt", b"x")],
        lambda m: [("sub/entry.json", m[0][1]), *m[1:]],
        lambda m: [("ENTRY.JSON", m[0][1]), *m[1:]],
        lambda m: [*m, ("recipe.toml", b"a = 1")],
        lambda m: [(f"entry.json{chr(0)}", m[0][1]), *m[1:], ("e", b"")],
    ],
)
def test_members_other_than_the_three_are_refused(made, results, tmp_path, change):
    path = archived(tmp_path / "x.zip", change(list(members(made).items())))
    refused(path, results, r"x.zip.* holds .*nothing else")
    assert not (tmp_path.parent / "evil.py").exists()


def test_a_member_twice_is_refused(made, results, tmp_path):
    content = list(members(made).items())
    with pytest.warns(UserWarning, match="Duplicate"):
        path = archived(tmp_path / "x.zip", [*content, content[0]])
    refused(path, results, "nothing else")


@pytest.mark.parametrize("name", ["entry.json", "scores.npz", "recipe.md"])
def test_bombs_are_not_inflated(made, results, tmp_path, name):
    content = members(made) | {name: b" " * ((1 << 25) + 1)}
    refused(archived(tmp_path / "x.zip", content.items()), results, f"{name} is larger than")


def test_a_bomb_that_hides_its_size_is_not_inflated(made, results, tmp_path):
    content = members(made) | {"recipe.md": b"a" * (1 << 22)}
    path = archived(tmp_path / "x.zip", content.items())
    size = (1 << 22).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (9).to_bytes(4, "little")))
    refused(path, results, "x.zip")


def test_a_bomb_within_the_scores_is_not_inflated(made, results, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xi.npy", b"\0" * (1 << 24))
    refused(
        changed(made, tmp_path, per_image=buffer.getvalue()), results, r"scores.npz is not a read"
    )


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"not a zip", b"PK\x03\x04" + b"\0" * 60, b"PK\x05\x06" + b"\xff" * 18]
)
def test_what_is_no_archive_is_refused(results, tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    refused(tmp_path / "x.zip", results, "x.zip")


def test_folders_links_pipes_and_giants_are_refused(made, results, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(made / "entry.zip")
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "giant").open("wb") as file:
        file.truncate(1 << 40)
    for name in ("folder", "link", "pipe", "giant", "nothing"):
        refused(tmp_path / name, results, f"{name} cannot be read")


def test_damage_anywhere_is_never_a_crash(made, results, tmp_path):
    sound = (made / "entry.zip").read_bytes()
    rng = np.random.default_rng(0)
    before = tree(results)
    for i in range(40):
        content = bytearray(sound)
        for at in rng.integers(0, len(sound), 3):
            content[at] ^= int(rng.integers(1, 256))
        (tmp_path / "x.zip").write_bytes(content[: len(sound) - (i % 2) * 100])
        with suppress(ResultError):
            unpack(tmp_path / "x.zip")
    assert tree(results) == before


# --- what a hostile hand can write into it ------------------------------------------------------


def changed(made, tmp_path, change=None, *, per_image=None, recipe=None, raw=None):
    """The entry with something in it changed, its hashes made to fit again."""
    content = members(made)
    fields = json.loads(content["entry.json"])
    scores = content["scores.npz"] if per_image is None else per_image
    text = content["recipe.md"] if recipe is None else recipe
    fields["images"] = hashlib.sha256(scores).hexdigest()
    fields["recipe"]["sha256"] = hashlib.sha256(text).hexdigest()
    if change is not None:
        change(fields)
    entry = json.dumps(fields) if raw is None else raw(json.dumps(fields))
    parts = {"entry.json": entry.encode(), "scores.npz": scores, "recipe.md": text}
    return archived(tmp_path / "x.zip", parts.items())


def test_the_entry_unchanged_passes_this_way_too(made, results, tmp_path):
    assert merge([changed(made, tmp_path)], results)[0][1]


def put(*path, value):
    def change(fields):
        for key in path[:-1]:
            fields = fields[key]
        fields[path[-1]] = value

    return change


def drop(*path):
    def change(fields):
        for key in path[:-1]:
            fields = fields[key]
        del fields[path[-1]]

    return change


def all_of(score, **values):
    return lambda fields: fields["scores"][score].update(values)


FIELDS = {
    "another format": (put("format", value="trendbench-entry/2"), "format = .*: needed is"),
    "reproduced": (put("status", value="reproduced"), "status = .*: needed is"),
    "a key more": (put("rank", value=1), "unknown key 'rank'"),
    "a key less": (drop("conditional"), "conditional is missing"),
    "our row": (put("name", value="nf8"), "'nf8' is a name of trendbench's own"),
    "our row in capitals": (put("name", value="ORACLE"), "own rows"),
    "a null": (put("name", value="null-mine"), "own rows"),
    "a formula for a name": (put("name", value="=1+1"), "name: .* does not name a row"),
    "a path for a name": (put("name", value="../../x"), "name: .* does not name a row"),
    "dots for a name": (put("name", value=".."), "name: .* does not name a row"),
    "a line for a name": (put("name", value="a\n"), "name: .* does not name a row"),
    "markup for a name": (put("name", value="<b>x</b>"), "name: .* does not name a row"),
    "a long name": (put("name", value="a" * 65), "name: .* does not name a row"),
    "a path for a task": (put("task", value="../x"), "task: .* does not name a row"),
    "another task": (put("task", value="trend-v1"), "task is 'trend-v1', and 'small'"),
    "a formula for a device": (put("device", value="=cmd|' /C calc'!A0"), "device holds"),
    "marks in a device": (put("device", value="a\u202eb"), r"device holds U\+202E"),
    "markup in a device": (put("device", value="<script>"), "device holds '<'"),
    "a long device": (put("device", value="a" * 81), "device has 81"),
    "unknown data": (put("data", "sha256", value="0" * 64), "data 000000000000 is not known"),
    "no hash": (put("data", "sha256", value="x"), "data.sha256 = .*: needed is"),
    "other training triplets": (put("data", "train", value=25), "data.train is 25, and 24"),
    "another data seed": (put("data", "seed", value=4), "data.seed is 4, and 3"),
    "fewer images": (put("samples", "n", value=11), "scores.npz, .* is not one finite float32"),
    "images beyond count": (put("samples", "n", value=10**9), "samples.n = .*: needed is"),
    "text for a number": (put("xi_floor", value="0.004"), "xi_floor = .*: needed is"),
    "a seed below zero": (put("seed", value=-1), "seed = .*: needed is"),
    "a huge seed": (put("seed", value=1 << 64), "seed = .*: needed is"),
    "parameters below zero": (put("parameters", value=-5), "parameters = .*: needed is"),
    "true for a number": (put("parameters", value=True), "parameters = .*: needed is"),
    "a version that is a formula": (put("code", "version", value="=1"), "code.version = .*needed"),
    "a version with markup": (put("code", "version", value="0.1.0<b>"), "code.version = .*needed"),
    "another floor": (put("xi_floor", value=0.005), "xi_floor is 0.005, and exactly "),
    "an unknown score": (put("scores", "beauty", value=None), "no score 'beauty'"),
    "a score less": (drop("scores", "k_error"), "k_error is missing"),
    "a score hidden": (put("scores", "k_error", value=None), "k_error is left empty"),
    "diversity hidden": (put("scores", "diversity", value=None), "diversity is left empty"),
    "an older metric": (put("scores", "xi", "version", value=0), "xi is of version 0"),
    "another unit": (put("scores", "xi", "unit", value="=1"), "xi.unit"),
    "a better score": (put("scores", "xi", "value", value=0.004), "xi = 0.004"),
    "a better interval": (
        all_of("xi", low=0.0, high=9.0),
        "xi = .* does not follow",
    ),
    "a better ratio": (put("scores", "xi_ratio", "value", value=1.0), "xi_ratio"),
    "a better trend": (
        all_of("k_error", value=0.0, low=-1.0, high=1.0),
        "k_error = 0 does not follow",
    ),
    "an interval without end": (
        all_of("k_error", low=-1e308, high=1e308),
        "k_error's interval",
    ),
    "a wider truth": (put("scores", "s2_error", "truth_high", value=9.0), "truth_high = 9, which"),
    "another truth": (put("scores", "xi_ratio", "truth", value=1.01), "truth = 1.01, which is 1 "),
    "below the least": (put("scores", "s2_error", "value", value=-1.0), "lies outside"),
    "a flag less": (put("flags", value=[]), "states the flags none, and its scores raise"),
    "a flag more": (put("flags", value=["grey"]), "states the flags"),
    "a flag that is a formula": (put("flags", value=["=1"]), "flags.0 = .*: needed is"),
    "another recipe hash": (put("recipe", "sha256", value="0" * 64), "recipe.md is not the file"),
    "another recipe file": (put("recipe", "file", value="recipe.toml"), "speaks of recipe.toml"),
    "a path for a recipe": (put("recipe", "file", value="../x.md"), "recipe.file = .*: needed is"),
    "another scores hash": (put("images", value="0" * 64), "scores.npz is not the file"),
}  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_fields_that_lie_are_refused(made, results, tmp_path, field):
    change, match = FIELDS[field]
    refused(changed(made, tmp_path, change), results, match)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('"seed": 0,', '"seed": 0, "seed": 1,', "a key twice"),
        ('"epochs": 2.0', '"epochs": NaN', "NaN is no number"),
        ('"epochs": 2.0', '"epochs": Infinity', "Infinity is no number"),
        ('"epochs": 2.0', '"epochs": 1e999', "epochs = inf: needed is a finite"),
        ('"epochs": 2.0', f'"epochs": {"9" * 5000}', "entry.json is not readable"),
        ('"epochs": 2.0', f'"epochs": {"[" * 99999}', "entry.json is not readable"),
        ("{", "[", "entry.json is not readable"),
    ],
)
def test_json_that_means_mischief_is_refused(made, results, tmp_path, old, new, match):
    path = changed(made, tmp_path, raw=lambda text: text.replace(old, new, 1))
    refused(path, results, match)


@pytest.mark.parametrize("recipe", [b"<script>x</script>", b"a\xff", b"", b"x" * 70_000])
def test_a_recipe_that_is_no_plain_text_is_refused(made, results, tmp_path, recipe):
    refused(changed(made, tmp_path, recipe=recipe), results, "recipe.md")


def arrays(made):
    with np.load(io.BytesIO(members(made)["scores.npz"])) as stored:
        return {name: stored[name] for name in stored.files}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda a: a | {"beauty": a["xi"]}, "disagree on whether beauty"),
        (lambda a: {k: v for k, v in a.items() if k != "xi"}, "disagree on whether xi"),
        (lambda a: a | {"xi": a["xi"][:-1]}, "'xi' is not one finite float32"),
        (lambda a: a | {"xi": a["xi"].astype(np.float64)}, "'xi' is not one finite float32"),
        (lambda a: a | {"xi": a["xi"] * np.nan}, "'xi' is not one finite float32"),
        (lambda a: a | {"xi": a["xi"] * np.inf}, "'xi' is not one finite float32"),
        (lambda a: a | {"xi": a["xi"] * np.float32(1.01)}, "xi = .* does not follow"),
        (lambda a: a | {"xi": np.full_like(a["xi"], a["xi"].mean())}, "xi = .* does not follow"),
        (lambda a: a | {"xi": np.array([{}] * 12)}, "'xi' is not one finite float32"),
    ],
)  # fmt: skip
def test_images_that_do_not_bear_out_the_scores_are_refused(made, results, tmp_path, change, match):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **change(arrays(made)))
    refused(changed(made, tmp_path, per_image=buffer.getvalue()), results, match)


def test_a_good_score_must_be_borne_out_by_the_images(made, results, tmp_path):
    """s2_error is no mean; stated as good as truth's, bad values image by image betray it."""
    buffer = io.BytesIO()
    bad = arrays(made)
    np.savez_compressed(buffer, **bad | {"s2_error": bad["s2_error"] + 5})
    truth = json.loads(members(made)["entry.json"])["scores"]["s2_error"]["truth"]

    def flatter(fields):
        fields["scores"]["s2_error"] |= dict.fromkeys(("value", "low", "high"), truth)

    entry = changed(made, tmp_path, flatter, per_image=buffer.getvalue())
    refused(entry, results, "s2_error = .* does not follow")


def test_if_one_of_several_is_refused_none_is_taken(made, results, tmp_path):
    bad = changed(made, tmp_path, put("flags", value=[]))
    before = tree(results)
    with pytest.raises(ResultError, match="states the flags"):
        merge([made / "entry.zip", bad], results)
    assert tree(results) == before


def test_an_unconditional_entry_may_leave_out_the_scores_of_the_coupling(
    made, small_file, results, tmp_path
):
    about = About("blind", made / "recipe.md", conditional=False)
    images = np.load(made / "first.npy")
    with open_dataset(small_file) as dataset:
        submit(images, dataset, about, tmp_path / "e.zip", c2st=False)
    ((path, fresh),) = merge([tmp_path / "e.zip"], results)
    assert fresh
    record = read_record(path)
    assert not record.conditional
    assert record.scores["containment"] is None
    # the same words about an entry that is said to be conditional hide a flag
    content = unpack(tmp_path / "e.zip")
    lie = content.entry.model_copy(update={"conditional": True})
    (tmp_path / "lie.zip").write_bytes(pack(lie, pack_per_image(content.per_image), content.recipe))
    refused(tmp_path / "lie.zip", results, "left empty, and can be computed")


def test_every_published_record_is_consistent_by_the_same_rules():
    from trendbench.submissions.consistency import _must_fit_by_image, _must_make_sense

    seen = 0
    for stored in read_all(catalog.RESULTS):
        record = stored.record
        entry = Entry.model_construct(
            scores=record.scores, xi_floor=record.xi_floor,
            samples=type("Samples", (), {"n": record.n_test}),
        )  # fmt: skip
        for name, score in record.scores.items():
            if score is not None:
                _must_make_sense(name, score, record.arch)
        _must_fit_by_image(entry, stored.per_image(), record.arch)
        seen += 1
    assert seen > 10


# --- the submitter's own mistakes ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("keywords", "match"),
    [
        ({"name": "nf8"}, "own rows"), ({"name": "a b"}, "does not name a row"),
        ({"name": "=x"}, "does not name a row"), ({"name": "NA"}, "--name: 'NA' would not be read"),
        ({"name": "1e5"}, "would not be read back"), ({"device": "N/A"}, "--device: 'N/A' would"),
        ({"device": "=x"}, "--device holds '='"),
        ({"recipe": "none.md"}, "none.md cannot be read"),
        ({"recipe": "x.docx"}, "a recipe is a .md or a .toml file"),
        ({"recipe": "bad.toml"}, "bad.toml is not TOML"), ({"recipe": "html.md"}, "holds HTML"),
    ],
)  # fmt: skip
def test_a_submitter_s_mistakes_show_before_anything_is_scored(
    made, tmp_path, monkeypatch, keywords, match
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_text("= 3")
    (tmp_path / "html.md").write_text("<b>x</b>")
    given = {"name": "theirs", "recipe": made / "recipe.md"} | keywords
    with pytest.raises(InputError, match=match):
        About(given["name"], tmp_path / given["recipe"], device=given.get("device", "x"))


def test_submit_and_merge_from_the_command_line(in_process, made, small_file, results, tmp_path):
    command = ["submit", made / "first.npy", "--data", small_file, "--recipe", made / "recipe.md"]
    done = in_process(
        *command, "--name", "theirs", "--second", made / "second.npy", "--no-c2st",
        "--parameters", 3, "--epochs", 2, "--device", "a laptop", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "entry  theirs-seed0.entry.zip"
    assert (tmp_path / "theirs-seed0.entry.zip").read_bytes() == (made / "entry.zip").read_bytes()
    board = in_process(
        "leaderboard", "--results", results, "--merge", "theirs-seed0.entry.zip", cwd=tmp_path
    )
    assert board.returncode == 0, board.stderr
    assert "theirs-seed0.entry.zip: recorded as" in board.stderr
    assert "self-reported" in board.stdout
    with (results / "leaderboard.csv").open(newline="") as file:
        table = {row["arch"]: row for row in csv.DictReader(file)}
    assert (table["theirs"]["status"], table["theirs"]["seconds"]) == ("self-reported", "")
    before = tree(results)
    (tmp_path / "x.zip").write_bytes(zlib.compress(b"x"))
    bad = in_process("leaderboard", "--results", results, "--merge", "x.zip", cwd=tmp_path)
    assert (bad.returncode, bad.stdout, len(bad.stderr.splitlines())) == (2, "", 1)
    assert tree(results) == before
