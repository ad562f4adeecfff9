"""The data file that everything takes which is given none."""

from pathlib import Path

from trendbench.catalog import DEFAULT_TASK
from trendbench.data.make import default_path, make_data
from trendbench.progress import say
from trendbench.spec import canonical_file, load_spec


def canonical_data() -> Path:
    """Where the canonical file of the default task lies; it is made if it is not there."""
    canonical = canonical_file(DEFAULT_TASK)
    assert canonical is not None
    spec = load_spec(DEFAULT_TASK, train=canonical.train)
    path = default_path(spec, canonical.seed)
    if make_data(spec, canonical.seed, path):
        say(f"made {path}")
    return path
