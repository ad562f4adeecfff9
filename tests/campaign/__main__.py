"""``python -m tests.campaign``: each of our parsers under a coverage-guided fuzzer; the table.

The table goes to stdout and, with ``--write``, into its block of ``docs/reliability.md``; with
``--only``, the rows that ran take the place of their forerunners there.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.campaign.seeds import seeds

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- what the campaign found -->", "<!-- end of what it found -->"
_SECONDS = 3600
_KEPT = ROOT / "demo" / "found"  # inputs that broke a parser


def main() -> None:
    """Fuzz every parser, or those whose names hold a word."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    parser.add_argument("--only", default="", help="parsers whose name holds this word")
    parser.add_argument("--inputs", type=int, default=100_000, help="for each parser")
    options = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    rows = stored(page) if options.only else {}
    lost = []
    for name, seed in seeds().items():
        if options.only in name:
            start = time.monotonic()
            found = fuzzed(name, seed, options.inputs)
            rows[name] = (options.inputs, bool(found))
            print(name, f"{time.monotonic() - start:.0f} s", found, sep="\t", flush=True)
            lost += [f"{name}: {found}"] if found else []
    print(table(rows))
    if options.write:
        PAGE.write_text(filled(page, table(rows)), encoding="utf-8")
    sys.exit(bool(lost))


def fuzzed(name: str, seed: bytes, inputs: int) -> str:
    """So many inputs to one parser, in a process of its own; how the parser failed, or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for part in ("seeds", "found"):
            (place / part).mkdir()
        (place / "seeds" / "0").write_bytes(seed)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "tests.campaign.fuzz", name, str(inputs), folder],
                cwd=ROOT, capture_output=True, text=True, errors="replace", check=False,
                timeout=_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"not done within {_SECONDS} s"
        left = [path for path in place.iterdir() if path.is_file()]
        for path in left:
            _KEPT.mkdir(parents=True, exist_ok=True)
            (_KEPT / f"{name.replace(' ', '-')}-{path.name}").write_bytes(path.read_bytes())
    broken = done.returncode or left
    return f"ended with {done.returncode}: {done.stderr[-500:]}" if broken else ""


def table(rows: dict[str, tuple[int, bool]]) -> str:
    """The rows as Markdown."""
    cells = [("parser", "inputs", "broken by"), ("---",) * 3]
    cells += [(name, str(inputs), str(int(broken))) for name, (inputs, broken) in rows.items()]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def stored(page: str) -> dict[str, tuple[int, bool]]:
    """The rows of the page's table by name."""
    block = page.partition(BEGIN)[2].partition(END)[0]
    cells = [line.strip("| ").split(" | ") for line in block.split("\n") if line.startswith("|")]
    return {name: (int(inputs), broken != "0") for name, inputs, broken in cells[2:]}


def filled(page: str, text: str) -> str:
    """The page with the table in its block."""
    block = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    return block.sub(lambda _: f"{BEGIN}\n\n{text}\n\n{END}", page)


if __name__ == "__main__":
    main()
