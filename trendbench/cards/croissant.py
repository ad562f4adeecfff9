"""Croissant metadata of a data file: JSON-LD that search engines and loaders of data read.

Croissant 1.1, https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html. Its extractions
know tables and JSON, not HDF5: a field's ``column`` is the path of its data set in the file.
"""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trendbench.cards.text import DATA_LICENSE_URL
from trendbench.citation import SOFTWARE, bibtex
from trendbench.data.dataset import Dataset
from trendbench.data.layout import format_of
from trendbench.process.images import IMAGES
from trendbench.process.seeds import SPLITS, Split
from trendbench.spec import TaskSpec

_CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
_FILE_ID = "data-file"
_LANGUAGE_TAGGED = {"@container": "@language"}
_JSON = {"@type": "@json"}
_TERMS = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field",
    "fileObject", "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset",
    "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", **_JSON},
    "examples": {"@id": "cr:examples", **_JSON},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": _LANGUAGE_TAGGED,
    "name": _LANGUAGE_TAGGED,
    **{term: f"cr:{term}" for term in _TERMS},
}
_MEANINGS = {
    "s1": "image with the texture at x = 0, black 0, white 255",
    "s2": "image with the texture at x = W, black 0, white 255",
    "r": "image whose texture runs from the left one to the right one along x",
}


def croissant(dataset: Dataset, *, summary: str = "", url: str | None = None) -> dict[str, Any]:
    """The metadata of an open data file, to be written beside it as JSON.

    ``datePublished`` is the day the file was written; the file itself holds no clock.

    Args:
        dataset: an open data file.
        summary: a sentence or two for the description, from the spec's ``[card]`` table.
        url: where the file is published; its own name, relative to the metadata, if None.

    Raises:
        OSError: the file cannot be read.
    """
    spec, name = dataset.spec, dataset.path.name
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS_TO,
        "name": f"{spec.name}-n{spec.train}-seed{dataset.seed}",
        "description": (summary + " " if summary else "") + _description(spec),
        "version": f"{dataset.version}+{dataset.sha256[:12]}",
        "identifier": f"sha256:{dataset.sha256}",
        **({"license": DATA_LICENSE_URL} if spec.simulated else {}),
        "url": url or name,
        "citeAs": bibtex(),
        "creator": {"@type": "Organization", "name": SOFTWARE.entity},
        "datePublished": _day_written(dataset.path),
        "isLiveDataset": False,
        "keywords": ["generative models", "texture synthesis", *_kinds(spec)],
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": _FILE_ID,
                "name": name,
                "description": f"HDF5 file of the format {format_of(spec)}",
                "contentUrl": url or name,
                "contentSize": f"{dataset.path.stat().st_size} B",
                "encodingFormat": "application/x-hdf5",
                "sha256": _file_sha256(dataset.path),
            }
        ],
        "recordSet": [_record_set(spec, split) for split in SPLITS],
    }


def _kinds(spec: TaskSpec) -> list[str]:
    return ["Boolean model", "simulation"] if spec.simulated else []


def _description(spec: TaskSpec) -> str:
    what = "Simulated triplets" if spec.simulated else "Triplets"
    return (
        f"{what} (s1, s2, r) of {spec.width}×{spec.height} px, "
        f"family {spec.family}: {'; '.join(f'{name} {text}' for name, text in spec.facts())}."
    )


def _record_set(spec: TaskSpec, split: Split) -> dict[str, Any]:
    shape = f"{spec.height},{spec.width}"
    images = [
        _field(split, name, "cr:UInt8") | {"isArray": True, "arrayShape": shape} for name in IMAGES
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": split,
        "name": split,
        "description": f"{spec.sizes[split]} {spec.counted}",
        "field": [*images, *(_field(split, name, "cr:Float64") for name in spec.ends)],
    }


def _field(split: Split, name: str, kind: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{split}/{name}",
        "name": f"{split}/{name}",
        "description": _MEANINGS.get(name, f"{name} of the triplet's trend"),
        "dataType": kind,
        "source": {"fileObject": {"@id": _FILE_ID}, "extract": {"column": f"{split}/{name}"}},
    }


def _day_written(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
