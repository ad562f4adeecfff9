"""``make bench``: every benchmark, one table, each row with its limit and its verdict."""

import argparse

from benchmarks import (
    card,
    data_file,
    flow,
    growth,
    make_data,
    simulation,
    startup,
    training,
    two_point,
)
from benchmarks.page import PAGE, machine, page
from benchmarks.table import line

PARTS = (startup, simulation, make_data, data_file, growth, card, two_point, training, flow)


def main() -> None:
    """Measure every part, or those whose names hold a word."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    parser.add_argument("--full", action="store_true", help="100 000 scored images as well")
    parser.add_argument("--only", default="", help="parts whose name holds this word")
    options = parser.parse_args()
    if options.write and options.only:
        parser.error("the page shows one whole run: --write goes without --only")
    print(machine())
    measured = []
    for part in PARTS:
        if options.only not in part.__name__.rpartition(".")[2]:
            continue
        print(f"\n{part.TITLE}\n", flush=True)
        rows = []
        for row in part.measure(options.full):
            rows.append(row)
            print(line(row), flush=True)
        measured.append((part, rows))
    if options.write:
        PAGE.write_text(page(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
