"""A sound input of each of our parsers, for a fuzzer to begin with."""

import json

import numpy as np

from trendbench import catalog


def seeds() -> dict[str, bytes]:
    """One sound input for each target."""
    return {
        "settings": json.dumps(_SETTINGS).encode(),
        "record": min(catalog.RESULTS.glob("trend-v1/nf8/seed*.json")).read_bytes(),
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
    """An entry of the form that ``submit`` packs."""
    import hashlib

    from trendbench.results.store import pack_per_image
    from trendbench.submissions.entry import Entry, pack

    content = json.loads(min(catalog.RESULTS.glob("trend-v1/nf8/seed*.json")).read_bytes())
    images, recipe = pack_per_image({"xi": np.ones(3)}), "# How\n\nTrained.\n"
    digest = hashlib.sha256(recipe.encode()).hexdigest()
    kept = ("task", "seed", "data", "conditional", "privileged", "parameters", "xi_floor",
            "scores", "flags")  # fmt: skip
    entry = Entry.model_validate(
        {key: content[key] for key in kept}
        | {
            "name": "mine", "device": "CPU", "code": content["code"],
            "recipe": {"file": "recipe.md", "sha256": digest},
            "samples": {"n": 3, "sha256": "0" * 64},
            "images": hashlib.sha256(images).hexdigest(),
        }
    )  # fmt: skip
    return pack(entry, images, recipe)
