"""A sound input of each of our parsers, for a fuzzer to begin with."""

import json

from tests.faults.jobs import TINY
from trendbench import catalog
from trendbench.simulation import simulate


def seeds() -> dict[str, bytes]:
    """One sound input for each target."""
    return {
        "settings": json.dumps(_SETTINGS).encode(),
        "record": min(catalog.RESULTS.glob("trend-v1/pix2pix-8/seed*.json")).read_bytes(),
        "entry": _entry(),
        "leaderboard": b"".join(
            (catalog.RESULTS / "leaderboard.csv").read_bytes().splitlines(keepends=True)[:4]
        ),
        "loss log": b"images_seen,d,g_adv\n10,0.5,0.25\n20,0.5,0.25\n",
        "run state": b'{"fitted": true}{"arch": "a", "recipe": {}, "data": "d", "seed": 0, '
        b'"device": "cpu", "precision": "fp32"}',
        "spec": (catalog.DATASETS / "trend-v1.toml").read_bytes(),
        "recipe": (catalog.BASELINES / "pix2pix" / "family.toml").read_bytes(),
    }


_SETTINGS = {"frame": [32, 32], "device": "cpu", "precision": "fp32", "settings": {"nf": 4}}


def _entry() -> bytes:
    """An entry of the form that ``submit`` packs: one sample in bits, one in grey."""
    from trendbench.submissions.entry import Entry, pack

    images = simulate(TINY, TINY.test, 1).r
    entry = Entry(name="mine", task=TINY.name, data="0" * 64)
    return pack(entry, ("recipe.md", "# How\n\nTrained.\n"), images, images // 2)
