"""``make bench``: every benchmark, one table."""

import platform

from benchmarks import card, make_data, startup, training, two_point
from benchmarks.measure import cores

if __name__ == "__main__":
    print(f"{platform.machine()}, {cores()} cores, Python {platform.python_version()}\n")
    for part in (startup, make_data, two_point, card, training):
        for line in part.measure():
            print(line, flush=True)
