"""Write the report: read the records, lay out the page, put the folder in place."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from trendbench import __version__
from trendbench.errors import ReportError
from trendbench.leaderboard.board import CSV_NAME, placed, to_csv
from trendbench.report.entries import Seed
from trendbench.report.page import SCRIPT, STYLE, asset, make_groups, render, render_study
from trendbench.report.studies import Study, make_study
from trendbench.results.store import StoredRecord, read_all
from trendbench.results.study import read_studies
from trendbench.storage.bounded import LITTER
from trendbench.storage.folder import must_take_files, replacing_folder

INDEX, MANIFEST = "index.html", "manifest.json"
_FORMAT = "trendbench-report/1"
_LARGEST_MANIFEST = 16 << 20


def write_report(results: Path, out: Path) -> Path:
    """Write the report on records and studies under ``results``, and the published, to ``out``.

    The same records give the same bytes. ``out`` appears whole or, on any error, stays what it
    was.

    Args:
        results: folder of local records; it need not exist.
        out: a folder that is not there yet, is empty, or holds an earlier report and nothing else.

    Returns:
        The page.

    Raises:
        ReportError: ``out`` is no folder, holds something else, or is the folder one stands in.
        InputError: a file or a device stands above ``out``.
    """
    must_take_files(out, "--out", ReportError)
    out = Path(os.path.realpath(out))
    _must_be_replaceable(out)
    records = read_all(results)
    groups = make_groups(placed(records))
    seeds = [seed for group in groups for entry in group.entries for seed in entry.seeds]
    studies = [make_study(summary) for summary in read_studies(results)]
    content = {
        INDEX: render(groups, studies).encode(),
        STYLE: asset(STYLE),
        SCRIPT: asset(SCRIPT),
        CSV_NAME: to_csv(entry.row for group in groups for entry in group.entries).encode(),
        **{path: picture for group in groups for path, picture in group.thumbs.items()},
        **_files(seeds, records),
        **_pages(studies),
    }
    content[MANIFEST] = _manifest(content)
    with replacing_folder(out) as folder:
        for name, data in content.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        _must_be_replaceable(out)
    return out / INDEX


def _files(seeds: Iterable[Seed], records: Iterable[StoredRecord]) -> dict[str, bytes]:
    """Records and their companions by path in the report, a folder that can be read as results."""
    stored = {record.record.run_id: record for record in records}
    content = {}
    for seed in seeds:
        scores = stored[seed.run_id].path.with_suffix(".npz")
        content[f"{seed.stem}.json"] = seed.record.to_json().encode()
        content[f"{seed.stem}.npz"] = scores.read_bytes()
        content |= {f"{seed.stem}/{name}": data for name, data in seed.attached.files.items()}
    return content


def _pages(studies: Iterable[Study]) -> dict[str, bytes]:
    """Each study's page and its summary, by path in the report."""
    content = {}
    for study in studies:
        content[study.page] = render_study(study).encode()
        content[study.file] = study.summary.to_json().encode()
    return content


def _manifest(content: Mapping[str, bytes]) -> bytes:
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(content.items())}
    about = {"format": _FORMAT, "trendbench_version": __version__, "files": hashes}
    return (json.dumps(about, indent=1) + "\n").encode()


def _must_be_replaceable(out: Path) -> None:
    """Refuse a folder with files of other origin, which writing would delete.

    Raises:
        ReportError: it is the current one, or holds what no report wrote.
    """
    if not out.exists():
        return
    here = Path.cwd()
    if out == here or out in here.parents:
        where = "is the folder you stand in" if out == here else f"holds the current folder {here}"
        raise ReportError(f"{out} {where}: name a folder of its own with --out")
    there = sorted(
        Path(folder, name).relative_to(out).as_posix()
        for folder, _, names in os.walk(out)
        for name in names
        if name not in LITTER
    )
    if not there and not any(out.iterdir()):
        return
    written = _written_files(out)
    if written is None:
        raise ReportError(f"{out} is not empty and holds no report: name another folder with --out")
    strange = [name for name in there if name not in written]
    if strange:
        raise ReportError(
            f"{out} holds {strange[0]}, which no report wrote: "
            "move it away, or name another folder with --out"
        )


def _written_files(out: Path) -> set[str] | None:
    """The files of an earlier report there; None if there is none."""
    path = out / MANIFEST
    try:
        if path.stat().st_size > _LARGEST_MANIFEST:
            return None
        about = json.loads(path.read_bytes())
        if about["format"] != _FORMAT:
            return None
        return {str(name) for name in about["files"]} | {MANIFEST}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
