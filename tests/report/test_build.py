"""The report as files: the same every time, whole or not there, everything in it escaped."""

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from trendbench.cli.main import group
from trendbench.errors import ReportError
from trendbench.figures.samples import contact_sheet
from trendbench.leaderboard.board import rows
from trendbench.report import build
from trendbench.report.attached import read_attached
from trendbench.report.build import write_report
from trendbench.results.store import StoredRecord, read_all, read_folder, read_record
from trendbench.simulation import simulate

VOID = {"meta", "link", "img", "input", "br"}


class Page(HTMLParser):
    """Checks nesting, and gathers tags, texts and ids."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.text, self.ids = [], [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), (tag, attrs)
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="package")
def html(page):
    return page.read_text(encoding="utf-8")


@pytest.fixture(scope="package")
def parsed(html):
    return Page(html)


@pytest.fixture
def local_alone(monkeypatch):
    """Reports leave out the published rows, and take a tenth of the time."""
    monkeypatch.setattr(build, "read_all", lambda results: read_folder(results, "local"))


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes()
            for p in folder.rglob("*") if p.is_file()}  # fmt: skip


def test_the_same_records_give_the_same_bytes(results, page, tmp_path):
    again = write_report(results, tmp_path / "again")
    assert files(again.parent) == files(page.parent)
    first = files(page.parent)
    write_report(results, page.parent)
    assert files(page.parent) == first


def test_nothing_runs_and_nothing_is_fetched_that_is_not_there(parsed, page):
    assert parsed.of("script") == [{"src": "report.js", "defer": None}]
    assert parsed.of("style") == []
    assert parsed.of("iframe") == parsed.of("object") == parsed.of("base") == []
    (policy,) = [m["content"] for m in parsed.of("meta") if "http-equiv" in m]
    assert policy.startswith(
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'"
    )
    for _, attributes in parsed.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("src", "href"):
            target = attributes.get(name)
            if target is None:
                continue
            if target.startswith("#"):
                assert target[1:] in parsed.ids, target
            else:
                assert (page.parent / target).is_file(), target
    assert len(parsed.ids) == len(set(parsed.ids))


def test_what_strangers_wrote_is_shown_as_text(parsed, html):
    text = "".join(parsed.text)
    assert "<script>window.hacked = 1</script>" in text
    assert "<script>window" not in html
    assert "<img src=x" not in html
    assert "\u202e" not in html
    assert "\x00" not in html
    assert "\N{REPLACEMENT CHARACTER}gnp." in text
    assert "</bdi>xxxx" in text
    sources = [a["src"] for a in parsed.of("img") if a.get("src")]
    assert all(s.endswith("/samples.png") or s.startswith("thumbs/") for s in sources)


def test_the_table_holds_the_board(results, parsed, html):
    board = rows(read_all(results))
    assert sum("data-order" in a for a in parsed.of("tr")) == len(board)
    cells = [a for a in parsed.of("td") if a.get("data-name") == "xi_ratio"]
    shown = [c["data-value"] for c in cells]
    for row in board:
        assert f"{row['xi_ratio']:.6g}" in shown
        half = (row["xi_ratio_high"] - row["xi_ratio_low"]) / 2
        assert f"{row['xi_ratio']:.2f} ±{half:.2f}" in html
    assert (results / "leaderboard.csv").exists() is False  # reading writes nothing there


def test_curves_are_drawn_over_the_exact_ones(html):
    card = html[html.index('data-row="row-nf8-') :]
    card = card[: card.index("</article>")]
    assert card.count('class="band"') == 1
    assert card.count('class="truth"') == 1 + 4 + 4 + 1
    assert card.count('class="model"') == 2 * (1 + 4 + 4 + 1) + 2 * (2 + 1)
    assert card.count("<title ") == card.count("<desc ") == card.count("<svg ")
    assert "95 % of true images lie wholly here" in card
    assert card.count("samples.png") > 2


@pytest.mark.usefixtures("local_alone")
def test_a_task_of_one_s_own_is_drawn_alone(make, tmp_path):
    """A shipped task's name over another floor, or an unknown one: no exact curve is claimed."""
    make("nf8", attachments=make.shown(), xi_floor=0.5)
    make("nf16", attachments=make.shown(), task="mine")
    text = write_report(make.folder, tmp_path / "out").read_text()
    assert 'class="truth" d=' not in text
    assert 'class="model" d=' in text
    assert "the numbers of its task are not at hand" in text


@pytest.mark.usefixtures("local_alone")
def test_a_task_of_one_s_own_is_drawn_over_truth_where_it_lies_beside(make, small, tmp_path):
    task = small.model_copy(update={"name": "mine"}).to_json().encode()
    make("nf8", attachments={**make.shown(), "task.json": task}, task="mine")
    make("nf16", attachments={**make.shown(), "task.json": b"{"}, task="mine")
    text = write_report(make.folder, tmp_path / "out").read_text()
    cards = text.split("<article")[1:]
    assert sorted('class="truth" d=' in card for card in cards) == [False, True]


@pytest.mark.usefixtures("local_alone")
def test_where_several_tasks_have_rows_a_card_names_its_own(make, tmp_path):
    make("nf8")
    assert "on <bdi>" not in write_report(make.folder, tmp_path / "one").read_text()
    make("nf8", task="mine")
    heads = write_report(make.folder, tmp_path / "two").read_text().split("<summary><h3>")[1:]
    assert sorted("on <bdi>mine</bdi>" in head for head in heads) == [False, True]
    assert sorted("on <bdi>small</bdi>" in head for head in heads) == [False, True]


def test_a_row_without_attachments_says_so(html):
    rows = [part.split("</tr>")[0] for part in html.split('<tr id="row-nf16-')[1:]]
    (row,) = (part for part in rows if "no samples recorded" in part)
    assert "no curves recorded" in row
    recipe = row[: row.index('"')]
    card = html[html.index(f'data-row="row-nf16-{recipe}"') :]
    card = card[: card.index("</article>")]
    assert "No samples or curves lie beside this record: it has its scores alone." in card
    assert "<svg" not in card


def test_flags_are_put_in_words(html):
    assert "hundredth of the frame in grey is a twelfth of all edges" in html
    assert "grey_fraction 2, limit 1.06" in html
    assert "Self-reported: these numbers and pictures were sent in" in html


def png(size, mode="L", **options):
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, format="PNG", **options)
    return buffer.getvalue()


def animated():
    return png((8, 8), save_all=True, append_images=[Image.new("L", (8, 8), 9)])


def bomb():
    """A header that promises 60000×60000 px."""
    content = bytearray(png((8, 8)))
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    return bytes(content)


def curves(profile, two_point="[[1]]"):
    return (
        f'{{"format":"trendbench-curves/1","profile":{profile},"two_point":{two_point},'
        '"white_runs":[[1]],"survival":null}'
    ).encode()


SENSELESS = {
    "markup": ("samples.png", b"<svg onload=alert(1)>"),
    "nothing": ("samples.png", b""),
    "bomb": ("samples.png", bomb()),
    "animated": ("samples.png", animated()),
    "colour": ("samples.png", png((8, 8), "RGB")),
    "cut": ("samples.png", png((800, 800))[:-200]),
    "huge": ("samples.png", b"\0" * (9 << 20)),
    "deep": ("curves.json", b"[" * 100_000),
    "nan": ("curves.json", curves("[NaN]")),
    "seven": ("curves.json", curves("[7]")),
    "no-points": ("curves.json", curves("[]")),
    "no-lags": ("curves.json", curves("[0.5]", "[[]]")),
    "other-task": ("curves.json", curves("[0.5, 0.5]")),
    "empty": ("losses.csv", b""),
    "no-lines": ("losses.csv", b"a,b\n"),
    "formula": ("losses.csv", b"=cmd(),b\n1,2\n"),
    "inf": ("losses.csv", b"a,b\n1,inf\n"),
    "ragged": ("losses.csv", b"a,b\n1\n"),
    "endless": ("losses.csv", b'a,"' + b"b" * 200_000),
    "accent": ("losses.csv", "é,b\n1,2\n".encode()),
    "tag": ("validation.csv", b"a,<b>\n1,2\n"),
}


@pytest.mark.parametrize("case", SENSELESS)
def test_attachments_that_make_no_sense_are_named_and_left_out(make, tmp_path, monkeypatch, case):
    name, content = SENSELESS[case]
    path = make("nf8", attachments={name: content})
    monkeypatch.setattr(
        build, "read_all", lambda _: [StoredRecord(read_record(path), path, "local")]
    )
    folder = write_report(make.folder, tmp_path / "out").parent
    text = (folder / "index.html").read_text()
    assert f"{name} is not shown: " in text
    if case != "other-task":  # sound in itself
        assert name not in {p.name for p in folder.rglob("small/**/*")}
    if (
        name != "losses.csv" and name != "validation.csv"
    ):  # the row says why, in the picture's place
        assert re.search(f'<span class="none">(seed 0: )?{name} is not shown: ', text)
    assert "0x" not in text  # no address of an object in what a decoder says


def test_a_row_s_small_picture_is_what_was_drawn_and_true_images_have_theirs(page, make, small):
    """The first row of the contact sheet, third and fourth column, pixel for pixel."""

    triplets = simulate(small, 12, seed=100)

    def pixels(name):  # of this task: a published row of that name has another frame
        found = [np.asarray(Image.open(path)) for path in page.parent.glob(f"thumbs/{name}")]
        (image,) = (image for image in found if image.shape == triplets.r[0].shape)
        return image

    np.testing.assert_array_equal(pixels("nf8-????????????.png"), triplets.r[0])
    np.testing.assert_array_equal(pixels("true-task-*.png"), triplets.r[0])
    sheet = contact_sheet(triplets[:2], 255 - triplets.r[:2])
    path = make("nf16", attachments={"samples.png": sheet})
    found = read_attached(StoredRecord(read_record(path), path, "local")).sheet
    assert found is not None
    for content, expected in ((found.true, triplets.r[0]), (found.drawn, 255 - triplets.r[0])):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), expected)


def test_rows_of_one_name_show_what_differs(make, tmp_path, monkeypatch):
    stored = StoredRecord(read_record(path := make("nf8")), path, "local")
    told = [(row | {"variant": "eta=1, <b>"}, group) for row, group in build.placed([stored])]
    monkeypatch.setattr(build, "read_all", lambda results: [stored])
    monkeypatch.setattr(build, "placed", lambda records: told)
    text = write_report(make.folder, tmp_path / "out").read_text()
    assert "<small><bdi>eta=1, &lt;b&gt;</bdi></small>" in text


def test_the_files_are_a_results_folder(results, page):
    def known(folder):
        return {s.record.run_id for s in read_all(folder) if s.origin == "local"}

    mine, theirs = known(results), known(page.parent / "records")
    evil = {s.record.run_id for s in read_all(results) if s.record.arch == "aaa-stranger"}
    assert mine - evil <= theirs  # the stranger's losses.csv is not handed on
    manifest = json.loads((page.parent / "manifest.json").read_text())
    assert set(manifest["files"]) | {"manifest.json"} == set(files(page.parent))


def test_an_attachment_that_went_missing_is_no_crash(make):
    path = make("nf8", attachments=make.shown())
    (path.with_suffix("") / "samples.png").unlink()
    found = read_attached(StoredRecord(read_record(path), path, "local"))
    assert found.sheet is None
    assert found.curves is not None
    assert found.problems == ["samples.png is missing, or is not the one that was recorded"]


def test_a_folder_that_is_no_report_is_refused(results, tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(ReportError, match="is not empty and holds no report"):
        write_report(results, out)
    assert [p.name for p in out.iterdir()] == ["thesis.tex"]
    (out / "manifest.json").write_text('{"format": "other", "files": {}}')
    with pytest.raises(ReportError, match="holds no report"):
        write_report(results, out)
    with pytest.raises(ReportError, match="is a file"):
        write_report(results, out / "thesis.tex")
    monkeypatch.chdir(out)
    with pytest.raises(ReportError, match="the folder you stand in"):
        write_report(results, out)
    with pytest.raises(ReportError, match="holds the current folder"):
        write_report(results, tmp_path)


@pytest.mark.usefixtures("local_alone")
def test_a_report_with_a_strange_file_in_it_is_refused(results, tmp_path):
    out = write_report(results, tmp_path / "out").parent
    (out / ".DS_Store").write_text("litter")
    write_report(results, out)
    (out / "records" / "notes.txt").write_text("mine")
    with pytest.raises(ReportError, match=r"records/notes\.txt, which no report wrote"):
        write_report(results, out)
    assert (out / "records" / "notes.txt").read_text() == "mine"


@pytest.mark.usefixtures("local_alone")
def test_an_error_leaves_the_old_report(results, tmp_path, monkeypatch):
    out = write_report(results, tmp_path / "out").parent
    before = files(out)
    calls, write = [], Path.write_bytes

    def failing(path, content):
        calls.append(path)
        if len(calls) == 5:
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(Path, "write_bytes", failing)
    with pytest.raises(OSError, match="No space"):
        write_report(results, out)
    assert files(out) == before
    assert list(tmp_path.iterdir()) == [out]


def test_without_any_record_the_page_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "read_all", lambda results: [])
    page = write_report(tmp_path / "none", tmp_path / "out")
    assert "No results yet" in page.read_text()
    Page(page.read_text())


@pytest.mark.usefixtures("local_alone")
def test_the_command_writes_to_report_and_prints_where_the_page_is(results, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(group, ["report", "--results", str(results)])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(tmp_path / "report" / "index.html")


def test_intervals_of_several_seeds_are_those_of_the_board(results, html):
    (row,) = [r for r in rows(read_all(results)) if (r["arch"], r["origin"]) == ("nf8", "local")]
    assert row["seeds"] == 2
    assert np.isfinite(row["xi_ratio_low"])
    assert f"[{row['xi_ratio_low']:.3g}, {row['xi_ratio_high']:.3g}]" in html
    assert "95 % interval over seeds and images" in html


@pytest.mark.usefixtures("local_alone")
def test_tiers_and_what_is_ranked_apart_are_shown(make, tmp_path):
    """Each row has its tier; a card has the reason for a missing rank, or the scores that tell."""
    make("nf8", told_by=["s2_error", "xi"])
    make("nf16", conditional=False)
    make("nf32", flags=["grey"])
    text = write_report(make.folder, tmp_path / "out").read_text()
    assert text.count("1*<small>tier 2</small>") == 2
    assert text.count("<small>tier 3</small>") == 1
    assert "Tier 2: told from true images by s2_error, xi; provisional rank" in text
    assert "Tier 2: not known whether told from true images; provisional rank" in text
    assert "Tier 3: flagged or stale; no rank: flagged." in text
    first, second = (text.index(f"<h4>Rows that {use} the inputs") for use in ("use", "do not use"))
    assert first < text.index('href="#card-nf8-') < second < text.index('href="#card-nf16-')
