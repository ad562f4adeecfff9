"""``make bench``: every benchmark, one table."""

import platform

from benchmarks import make_data, startup, training
from benchmarks.measure import cores

if __name__ == "__main__":
    print(f"{platform.machine()}, {cores()} cores, Python {platform.python_version()}\n")
    for part in (startup, make_data, training):
        for line in part.measure():
            print(line, flush=True)
