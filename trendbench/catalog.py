"""Where the shipped specs, recipes and published results lie.

In a checkout they are the top-level folders; in a wheel the same folders travel inside the
package, under ``_catalog/``.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_PACKED = _PACKAGE / "_catalog"
ROOT = _PACKED if _PACKED.is_dir() else _PACKAGE.parent

DEFAULT_TASK = "trend-v1"
DATASETS = ROOT / "datasets"
BASELINES = ROOT / "baselines"
RESULTS = ROOT / "results"


def spec_names() -> list[str]:
    """Names of the shipped task specs, sorted."""
    return sorted(path.stem for path in DATASETS.glob("*.toml"))


def spec_path(name: str) -> Path | None:
    """The shipped spec of that name, if there is one."""
    return DATASETS / f"{name}.toml" if name in spec_names() else None
