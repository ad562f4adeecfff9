"""Entries: packed the same every time, scored where they are taken in, refused in one line."""

import codecs
import csv
import io
import json
import os
import re
import zipfile
import zlib
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

import trendbench as tb
from tests.submissions.conftest import said_of
from trendbench import catalog
from trendbench.cli.card_text import record_text
from trendbench.data.opening import open_dataset
from trendbench.errors import InputError, ResultError
from trendbench.leaderboard.board import refresh, rows, superseded
from trendbench.metrics.full_card import full_card
from trendbench.metrics.registry import METRICS
from trendbench.results.record import TrainingEntry
from trendbench.results.store import read_all, read_record, write_record
from trendbench.submissions.entry import (
    EntryFile,
    checked_entry,
    pack,
    read_recipe,
)
from trendbench.submissions.merge import merge


def tree(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }  # fmt: skip


def as_npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def local(results):
    return [stored for stored in read_all(results) if stored.origin == "local"]


@pytest.fixture
def take(results, small_file):
    """Take entries in, on the small file."""

    def call(*paths, **how):
        return merge(paths, results, **{"data": small_file, "c2st": False} | how)

    return call


@pytest.fixture
def refused(take, results):
    """The entry is refused in one line and nothing is written."""

    def call(path, match, **how):
        before = tree(results)
        with pytest.raises(InputError, match=match) as caught:
            take(path, **how)
        assert "\n" not in str(caught.value)
        assert tree(results) == before

    return call


@pytest.fixture
def samples(made):
    return [np.load(made / f"{name}.npy") for name in ("first", "second")]


def test_the_same_bytes_for_the_same_images_and_words(made, small_data, samples, tmp_path):
    recipe = read_recipe(made / "recipe.md")
    entry = said_of(small_data, parameters=3, epochs=2.0, device="a laptop")
    (tmp_path / "again.zip").write_bytes(pack(entry, recipe, *samples))
    assert (tmp_path / "again.zip").read_bytes() == (made / "entry.zip").read_bytes()
    file = EntryFile(tmp_path / "again.zip")
    assert (file.entry, file.recipe) == (entry, recipe)
    for back, sample in zip(file.images(small_data.spec), samples, strict=True):
        np.testing.assert_array_equal(back, sample)


@pytest.mark.parametrize("width", [64, 61, 7])
@pytest.mark.parametrize("grey", [False, True])
def test_images_of_any_width_come_back_and_black_and_white_is_packed(small, tmp_path, width, grey):
    spec = small.model_copy(update={"width": width})
    images = np.where(np.random.default_rng(0).random((12, 32, width)) < 0.3, 0, 255)
    images = images.astype(np.uint8)
    images[3, 2, 1] = 127 if grey else 0
    entry = checked_entry({"name": "theirs", "task": "small", "data": "0" * 64})
    (tmp_path / "e.zip").write_bytes(pack(entry, ("recipe.md", "How.\n"), images))
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        size = archive.getinfo("images.npy").file_size
    assert size == 128 + 12 * 32 * (width if grey else -(-width // 8))
    back, second = EntryFile(tmp_path / "e.zip").images(spec)
    np.testing.assert_array_equal(back, images)
    assert second is None


def test_an_entry_becomes_a_row_scored_here(made, small_data, samples, results, take):
    ((path, fresh),) = take(made / "entry.zip")
    assert fresh
    record = read_record(path)
    assert (record.arch, record.family, record.status) == ("theirs", "submitted", "self-reported")
    assert record.training.seconds is None
    assert record.code == read_record(next(results.glob("small/Keeps/*.json"))).code
    card = full_card(samples[0], small_data, name="x", second=samples[1], c2st=False)
    assert record.scores == card.scores
    assert record.flags == [flag.name for flag in card.flags]
    (stored,) = [s for s in local(results) if s.record.arch == "theirs"]
    for name, values in stored.per_image().items():
        np.testing.assert_array_equal(values, card.per_image[name].astype(np.float32))
    board = {row["arch"]: row for row in rows(local(results))}
    assert set(board) == {"Keeps", "theirs"}
    row = board["theirs"]
    assert (row["status"], row["device"], row["parameters"], row["epochs"], row["seconds"]) == (
        "self-reported", "a laptop", 3, 2.0, None,
    )  # fmt: skip
    assert {*record.attachments} == {"entry.zip", "samples.png", "curves.json", "task.json"}
    kept = path.with_suffix("") / "entry.zip"
    assert kept.read_bytes() == (made / "entry.zip").read_bytes()
    before = tree(results)
    assert take(made / "entry.zip") == [(path, False)]
    assert take(kept, made / "entry.zip") == [(path, False)] * 2
    assert tree(results) == before


def test_an_entry_is_scored_again_where_a_metric_has_changed(made, results, take, monkeypatch):
    ((old, _),) = take(made / "entry.zip")
    monkeypatch.setattr(METRICS["xi"], "version", 2)
    assert [row["status"] for row in rows(local(results))] == ["stale"] * 2
    ((new, fresh),) = take(old.with_suffix("") / "entry.zip")
    assert fresh
    assert read_record(new).scores["xi"].version == 2
    assert read_record(new).finished > read_record(old).finished
    board = {row["arch"]: row for row in rows(local(results))}
    assert (board["theirs"]["status"], board["theirs"]["superseded"]) == ("self-reported", 1)


def test_the_data_of_a_run_and_of_a_task_is_found(made, results, small_file, monkeypatch, capsys):
    """The folder knows the task and the seed of its runs, so it makes their data file."""
    ((path, fresh),) = merge([made / "entry.zip"], results, c2st=True)
    assert fresh
    said = capsys.readouterr().err
    assert "made datasets/small-n24-seed3.h5" in said
    assert "12 test triplets: the classifier needs 100: left out" in said
    assert read_record(path).scores["c2st_logloss"] is None
    (run,) = results.glob("small/Keeps/*.json")
    run.rename(results / "gone")
    path.rename(results / "gone too")
    with pytest.raises(ResultError, match=r"data \w{12} of task small is not known here.*--data"):
        merge([made / "entry.zip"], results)
    with open_dataset(small_file) as dataset:
        table = {"train": 24, "seed": 3, "sha256": dataset.sha256}
    monkeypatch.setattr(
        "trendbench.submissions.merge.canonical_file", lambda task: tb.spec.CanonicalFile(**table)
    )
    monkeypatch.setattr("trendbench.submissions.merge.load_spec", lambda name, train: dataset.spec)
    assert merge([made / "entry.zip"], results)[0][1]


def test_a_run_on_a_stream_names_the_file_and_not_the_stream(
    made, small_file, results, monkeypatch
):
    """Else a stream of a million would have the keeper write a file of a million."""
    monkeypatch.setattr("trendbench.runner.run.write_figures", lambda *_: None)
    (run,) = results.glob("small/Keeps/*.json")
    run.rename(results / "gone")
    tb.run(
        "pix2pix-2", data=small_file, stream=30, epochs=1, device="cpu", c2st=False, results=results
    )  # fmt: skip
    assert merge([made / "entry.zip"], results, c2st=False)[0][1]
    assert [path.name for path in Path("datasets").glob("*.h5")] == ["small-n24-seed3.h5"]


def other_samples(made, small_file, path, **words):
    """The same words about other images."""
    with open_dataset(small_file) as dataset:
        entry = said_of(dataset, **words)
    path.write_bytes(pack(entry, read_recipe(made / "recipe.md"), np.load(made / "second.npy")))
    return path


class OneMoment(datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 1, 2, 3, 4, 5, tzinfo=tz)


def test_an_entry_does_not_hide_another(
    made, small_file, results, take, refused, tmp_path, monkeypatch
):
    """Other samples under one name, recipe and seed: refused, or put in its place when asked."""
    monkeypatch.setattr("trendbench.submissions.merge.datetime", OneMoment)
    ((first, _),) = take(made / "entry.zip")
    other = other_samples(made, small_file, tmp_path / "other.zip")
    refused(other, rf"{re.escape(str(first))} already stands for 'theirs', seed 0.*--name")
    seeded = other_samples(made, small_file, tmp_path / "seeded.zip", seed=1)
    named = other_samples(made, small_file, tmp_path / "named.zip", name="other")
    assert [fresh for _, fresh in take(seeded, named)] == [True, True]
    ((second, fresh),) = take(other, replace=True)  # within the same second
    assert fresh
    assert read_record(second).finished > read_record(first).finished
    shown = {row["arch"]: row for row in rows(local(results))}
    assert {name: row["superseded"] for name, row in shown.items()} == {
        "Keeps": 0, "theirs": 1, "other": 0,
    }  # fmt: skip
    assert [stored.path for stored in superseded(local(results))] == [first]
    assert take(other) == [(second, False)]


def test_two_entries_of_one_merge_do_not_hide_each_other(made, small_file, results, take, tmp_path):
    other = other_samples(made, small_file, tmp_path / "other.zip")
    before = tree(results)
    with pytest.raises(ResultError, match="already stands for 'theirs'"):
        take(made / "entry.zip", other, replace=True)
    assert tree(results) == before
    assert [fresh for _, fresh in take(made / "entry.zip", made / "entry.zip")] == [True, True]
    assert len(local(results)) == 2


def test_if_one_of_several_is_refused_none_is_taken(made, results, take, changed):
    before = tree(results)
    with pytest.raises(ResultError, match="of task other, and"):
        take(made / "entry.zip", changed({"task": "other"}))
    assert tree(results) == before


def test_an_unconditional_entry_has_no_scores_of_the_coupling(made, small_file, take, tmp_path):
    path = other_samples(made, small_file, tmp_path / "e.zip", name="blind", conditional=False)
    ((record, _),) = take(path)
    assert not read_record(record).conditional
    assert read_record(record).scores["containment"] is None


def test_what_a_record_does_not_say_is_shown_as_absent_everywhere(
    made, results, take, tmp_path, in_process
):
    """All that may be None is None, in an entry and in a run: cards, tables, CSV and report."""
    ((entry, _),) = take(made / "entry.zip")
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
    for more in (["--write"], ["--json"], ["--differences", "xi"], ["--compare", "before.csv"],
                 ["--markdown", "arch,seconds,epochs,xi"]):  # fmt: skip
        done = in_process(*board, *more, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "None" not in done.stdout
    assert "None" not in (results / "leaderboard.csv").read_text()
    done = in_process("report", "--results", results, "--out", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    assert ">None<" not in (tmp_path / "report" / "index.html").read_text()


# --- what a hostile hand can do to the archive -------------------------------------------------


@pytest.fixture
def members(made):
    with zipfile.ZipFile(made / "entry.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def archived(tmp_path):
    def call(content, method=zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as archive:
            for name, data in content:
                archive.writestr(name, data)
        return tmp_path / "x.zip"

    return call


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
        lambda m: [*m, ("third.npy", b"x")],
        lambda m: [(f"entry.json{chr(0)}", m[0][1]), *m[1:], ("e", b"")],
    ],
)
def test_members_other_than_an_entry_s_are_refused(members, archived, refused, tmp_path, change):
    refused(archived(change(list(members.items()))), r"x.zip.* holds .*nothing else")
    assert not (tmp_path.parent / "evil.py").exists()


def test_an_entry_packed_again_on_a_mac_is_the_same_entry(members, made, archived, small):
    added = dict.fromkeys(("__MACOSX/._images.npy", "._entry.json", ".DS_Store"), b"\0Mac")
    file, plain = EntryFile(archived((added | members).items())), EntryFile(made / "entry.zip")
    assert (file.entry, file.row_recipe) == (plain.entry, plain.row_recipe)
    for sample, wanted in zip(file.images(small), plain.images(small), strict=True):
        np.testing.assert_array_equal(sample, wanted)


def test_texts_in_an_entry_are_read_with_a_byte_order_mark(members, made, archived):
    marked = {name: codecs.BOM_UTF8 * (".npy" not in name) + data for name, data in members.items()}
    file, plain = EntryFile(archived(marked.items())), EntryFile(made / "entry.zip")
    assert (file.entry, file.recipe) == (plain.entry, plain.recipe)


def test_a_cut_or_flipped_entry_is_to_be_fetched_again(made, small, tmp_path):
    sound = (made / "entry.zip").read_bytes()
    flipped = bytearray(sound)
    flipped[len(sound) // 2] ^= 0xFF
    for content in (sound[:-100], bytes(flipped)):
        (tmp_path / "x.zip").write_bytes(content)
        with pytest.raises(ResultError, match=r"[)]: download or submit it again$"):
            EntryFile(tmp_path / "x.zip").images(small)


def test_a_member_twice_is_refused(members, archived, refused):
    content = list(members.items())
    with pytest.warns(UserWarning, match="Duplicate"):
        path = archived([*content, content[0]])
    refused(path, "nothing else")


def test_an_entry_of_scores_alone_is_to_be_made_again(archived, refused):
    old = {"entry.json": b'{"format": "trendbench-entry/1"}', "scores.npz": b"", "recipe.md": b"x"}
    refused(archived(old.items()), "trendbench-entry/1, which holds scores.*trendbench submit")


@pytest.mark.parametrize(
    ("name", "words"),
    [("entry.json", "is larger than"), ("recipe.md", "is larger than"),
     ("images.npy", "holds uint8 .4096, 8192.*, and the 12 images of small are uint8 .12, 32, 64"),
     ("second.npy", "holds uint8 .4096, 8192.*, and the 12 images")],
)  # fmt: skip
def test_bombs_are_not_inflated(members, archived, refused, name, words):
    big = as_npy(np.zeros((1 << 12, 1 << 13), np.uint8)) if ".npy" in name else b" " * (1 << 25)
    refused(archived((members | {name: big}).items()), f"{name} {words}")


@pytest.mark.parametrize(("name", "stated"), [("recipe.md", 9), ("images.npy", 3200)])
def test_a_bomb_that_hides_its_size_is_not_inflated(members, archived, refused, name, stated):
    path = archived((members | {name: b"a" * (1 << 22)}).items())
    size = (1 << 22).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, stated.to_bytes(4, "little")))
    refused(path, "x.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressors_are_not_tried(members, archived, refused, method):
    refused(archived(members.items(), method), "packed in an unusual way")


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"not a zip", b"PK\x03\x04" + b"\0" * 60, b"PK\x05\x06" + b"\xff" * 18]
)
def test_what_is_no_archive_is_refused(refused, tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    refused(tmp_path / "x.zip", "x.zip")


def test_folders_links_pipes_and_giants_are_refused(made, refused, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(made / "entry.zip")
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "giant").open("wb") as file:
        file.truncate(1 << 40)
    for name in ("folder", "link", "pipe", "giant", "nothing"):
        refused(tmp_path / name, f"{name} cannot be read")


def test_damage_anywhere_is_never_a_crash(made, small, tmp_path):
    sound = (made / "entry.zip").read_bytes()
    rng = np.random.default_rng(0)
    for i in range(40):
        content = bytearray(sound)
        for at in rng.integers(0, len(sound), 3):
            content[at] ^= int(rng.integers(1, 256))
        (tmp_path / "x.zip").write_bytes(content[: len(sound) - (i % 2) * 100])
        with suppress(ResultError):
            EntryFile(tmp_path / "x.zip").images(small)


# --- what a hostile hand can write into it ------------------------------------------------------


@pytest.fixture
def changed(members, archived):
    """The entry with some of its fields, or its text, or its recipe changed."""

    def call(fields=None, *, recipe=None, raw=None, **parts):
        content = members | parts
        stated = json.loads(content["entry.json"]) | (fields or {})
        text = json.dumps({k: v for k, v in stated.items() if v is not Ellipsis})
        content["entry.json"] = (text if raw is None else raw(text)).encode()
        content["recipe.md"] = content["recipe.md"] if recipe is None else recipe
        return archived(content.items())

    return call


def test_the_entry_unchanged_passes_this_way_too(take, changed):
    assert take(changed())[0][1]


FIELDS = {
    "another format": ({"format": "trendbench-entry/3"}, "format = .*: needed is"),
    "a status": ({"status": "reproduced"}, "unknown key 'status'"),
    "a score": ({"scores": {"xi": 1.0}}, "unknown key 'scores'"),
    "a key less": ({"data": ...}, "data is missing"),
    "our row": ({"name": "nf8"}, "'nf8' is a name of trendbench's own"),
    "our row in capitals": ({"name": "ORACLE"}, "own rows"),
    "a null": ({"name": "null-mine"}, "own rows"),
    "a formula for a name": ({"name": "=1+1"}, "name: .* does not name a row"),
    "a path for a name": ({"name": "../../x"}, "name: .* does not name a row"),
    "dots for a name": ({"name": ".."}, "name: .* does not name a row"),
    "a line for a name": ({"name": "a\n"}, "name: .* does not name a row"),
    "markup for a name": ({"name": "<b>x</b>"}, "name: .* does not name a row"),
    "a long name": ({"name": "a" * 65}, "name: .* does not name a row"),
    "a missing value for a name": ({"name": "NA"}, "name: 'NA' would not be read"),
    "a path for a task": ({"task": "../x"}, "task: .* does not name a row"),
    "another task": ({"task": "trend-v1"}, "of task trend-v1, and .* holds .* of small"),
    "a formula for a device": ({"device": "=cmd|' /C calc'!A0"}, "device: .*formula"),
    "marks in a device": ({"device": "a\u202eb"}, "device: .*cannot be seen"),
    "a missing value for a device": ({"device": "N/A"}, "device: 'N/A' would not"),
    "a long device": ({"device": "a" * 201}, "device = .*needed is text of at most 200"),
    "unknown data": ({"data": "0" * 64}, "data 000000000000 of task small, and .* holds"),
    "no hash": ({"data": "x"}, "data = .*: needed is"),
    "a seed below zero": ({"seed": -1}, "seed = .*: needed is"),
    "a huge seed": ({"seed": 1 << 64}, "seed = .*: needed is"),
    "parameters below zero": ({"parameters": -5}, "parameters = .*: needed is"),
    "true for a number": ({"parameters": True}, "parameters = .*: needed is"),
    "text for a truth value": ({"conditional": "no"}, "conditional = .*: needed is"),
}  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_fields_that_cannot_be_used_are_refused(refused, changed, field):
    fields, match = FIELDS[field]
    refused(changed(fields), match)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('"seed": 0,', '"seed": 0, "seed": 1,', "a key twice"),
        ('"epochs": 2.0', '"epochs": NaN', "NaN is no number"),
        ('"epochs": 2.0', '"epochs": Infinity', "Infinity is no number"),
        ('"epochs": 2.0', '"epochs": 1e999', "epochs = inf: needed is a finite"),
        ('"epochs": 2.0', f'"epochs": {"9" * 5000}', "entry.json is not readable"),
        ('"epochs": 2.0', f'"epochs": {"[" * 9999}', "entry.json is not readable"),
        ("{", "[", "entry.json is not readable"),
    ],
)
def test_json_that_means_mischief_is_refused(refused, changed, old, new, match):
    refused(changed(raw=lambda text: text.replace(old, new, 1)), match)


@pytest.mark.parametrize("recipe", [b"<script>x</script>", b"a\xff", b"", b"x" * 70_000])
def test_a_recipe_that_is_no_plain_text_is_refused(refused, changed, recipe):
    refused(changed(recipe=recipe), "recipe.md")


@pytest.mark.parametrize(
    ("images", "match"),
    [
        (lambda x: x[1:], r"holds uint8 \(11, 32, 64\), and the 12 images"),
        (lambda x: x.astype(np.float32), "holds float32"),
        (lambda x: x.astype(object), "not plain numbers|holds object"),
        (lambda x: 255 - x, "white particles on black"),
        (lambda x: x // 255, "holds only 0 and 1, as class labels do"),
    ],
)
@pytest.mark.parametrize("name", ["images.npy", "second.npy"])
def test_images_that_cannot_be_scored_are_refused(refused, changed, samples, name, images, match):
    refused(changed(**{name: as_npy(images(samples[0]))}), match)


# --- the submitter's own mistakes ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (["--name", "nf8"], "own rows"), (["--name", "a b"], "does not name a row"),
        (["--name", "NA"], "name: 'NA' would not be read"),
        (["--device", "=x"], "device: .*formula"),
        (["--recipe", "none.md"], "none.md cannot be read"),
        (["--recipe", "x.docx"], "a recipe is a .md or a .toml file"),
        (["--recipe", "bad.toml"], "bad.toml is not TOML"),
        (["--recipe", "html.md"], "html.md: line 1 holds HTML: write plain text"),
    ],
)  # fmt: skip
def test_a_submitter_s_mistakes_show_before_the_images_are_read(
    made, small_file, tmp_path, in_process, options, match
):
    (tmp_path / "bad.toml").write_text("= 3")
    (tmp_path / "html.md").write_text("<b>x</b>")
    given = {"--name": "theirs", "--recipe": made / "recipe.md"} | {options[0]: options[1]}
    words = [word for pair in given.items() for word in pair]
    done = in_process("submit", "none.npy", "--data", small_file, *words, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert re.search(match, done.stderr)


def test_an_entry_that_is_too_large_is_refused_before_it_is_scored(
    in_process, made, small_file, tmp_path, monkeypatch
):
    monkeypatch.setattr("trendbench.submissions.entry.LARGEST_COMPANION", 1000)
    monkeypatch.setattr("trendbench.metrics.full_card.full_card", lambda *_, **__: 1 / 0)
    command = ["submit", made / "first.npy", "--data", small_file, "--name", "theirs"]
    done = in_process(*command, "--recipe", made / "recipe.md", cwd=tmp_path)
    assert (done.returncode, "an entry has at most" in done.stderr) == (2, True)
    (tmp_path / "theirs-seed0.entry.zip").touch()
    done = in_process(*command, "--recipe", made / "recipe.md", cwd=tmp_path)
    assert (done.returncode, "theirs-seed0.entry.zip exists" in done.stderr) == (2, True)


def test_a_target_that_cannot_be_written_is_refused_before_the_scoring(
    in_process, made, small_file, tmp_path, monkeypatch
):
    monkeypatch.setattr("trendbench.metrics.full_card.full_card", lambda *_, **__: 1 / 0)
    (tmp_path / "f").touch()
    given = [made / "first.npy", "--data", small_file, "--name", "theirs"]
    submit = ["submit", *given, "--recipe", made / "recipe.md"]
    for command, words in (
        ([*submit, "--out", "f/x"], "f is a file, not a folder"),
        (["score", *given, "--figures", "f"], "--figures names a folder, and f is a file"),
        (["score", *given, "--figures", "f/x"], "f is a file, not a folder"),
    ):
        done = in_process(*command, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (2, f"trendbench: {words}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_submit_and_merge_from_the_command_line(in_process, made, small_file, results, tmp_path):
    command = ["submit", made / "first.npy", "--data", small_file, "--recipe", made / "recipe.md"]
    done = in_process(
        *command, "--name", "theirs", "--second", made / "second.npy", "--no-c2st",
        "--parameters", 3, "--epochs", 2, "--device", "a laptop", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("theirs on small, 12 images")
    assert done.stdout.splitlines()[-1] == "entry  theirs-seed0.entry.zip"
    assert (tmp_path / "theirs-seed0.entry.zip").read_bytes() == (made / "entry.zip").read_bytes()
    board = ["leaderboard", "--results", results]
    taking = in_process(
        *board, "--merge", "theirs-seed0.entry.zip", "--data", small_file, "--no-c2st", cwd=tmp_path
    )
    assert taking.returncode == 0, taking.stderr
    assert "theirs-seed0.entry.zip: recorded as" in taking.stderr
    assert "self-reported" in taking.stdout
    with (results / "leaderboard.csv").open(newline="") as file:
        table = {row["arch"]: row for row in csv.DictReader(file)}
    assert (table["theirs"]["status"], table["theirs"]["seconds"]) == ("self-reported", "")
    before = tree(results)
    (tmp_path / "x.zip").write_bytes(zlib.compress(b"x"))
    bad = in_process(*board, "--merge", "x.zip", cwd=tmp_path)
    assert (bad.returncode, bad.stdout, len(bad.stderr.splitlines())) == (2, "", 1)
    alone = in_process(*board, "--data", small_file, cwd=tmp_path)
    assert (alone.returncode, "goes with --merge" in alone.stderr) == (2, True)
    assert tree(results) == before
    assert results != catalog.RESULTS
