"""The differences of rows of one name: the hyper-parameters with different values."""

from collections import defaultdict
from collections.abc import Sequence

from trendbench.results.store import StoredRecord

_Facts = dict[str, object]


def variants(rows: Sequence[StoredRecord]) -> list[str]:
    """For each row, by one of its records, how it differs from others of its task, data and name.

    Hyper-parameters come first, as ``epochs=20, eta=1``; then the number of training triplets; then
    the generator, the hash of its file and the day of the run; then where the record comes from.
    What does not differ is left out, and so is all that is needed no more. The text is empty where
    the name is unique.
    """
    named: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for index, stored in enumerate(rows):
        record = stored.record
        named[record.task, record.data.sha256, record.arch].append(index)
    told = [""] * len(rows)
    for indices in named.values():
        for facts in (_parameters, _data, _generator, _recipe, _origin):
            if len({told[i] for i in indices}) == len(indices):
                break
            absent = [_absent(rows[i]) for i in indices]
            texts = _differing([facts(rows[i]) for i in indices], absent)
            if facts is _generator and len({rows[i].record.recipe.source for i in indices}) > 1:
                texts = [
                    f"{text} of {_when(rows[i])}" for i, text in zip(indices, texts, strict=True)
                ]
            for i, text in zip(indices, texts, strict=True):
                told[i] = ", ".join(filter(None, (told[i], text)))
    return told


def _parameters(stored: StoredRecord) -> _Facts:
    return dict(stored.record.recipe.parameters)


def _data(stored: StoredRecord) -> _Facts:
    return {"train": stored.record.data.train}  # of one file's triplets, or of a stream's


def _generator(stored: StoredRecord) -> _Facts:
    recipe = stored.record.recipe
    return {"generator": recipe.generator, "source": (recipe.source or "none")[:8]}


def _when(stored: StoredRecord) -> str:
    """Day and minute of a run: a hash does not say which was the later."""
    return stored.record.finished[:16].replace("T", " ")


def _recipe(stored: StoredRecord) -> _Facts:
    return {"recipe": stored.record.recipe.sha256[:8]}  # of 1 and 1.0, for one


def _origin(stored: StoredRecord) -> _Facts:
    return {"origin": stored.origin}


def _absent(stored: StoredRecord) -> str:
    """What is written for a hyper-parameter that a record lacks; an entry need not say them."""
    return "not said" if stored.record.status == "self-reported" else "default"


def _differing(rows: Sequence[_Facts], absent: Sequence[str]) -> list[str]:
    keys = dict.fromkeys(key for facts in rows for key in facts)
    table = {
        key: [_written(facts.get(key, word)) for facts, word in zip(rows, absent, strict=True)]
        for key in keys
    }
    differing = {key: words for key, words in table.items() if len(set(words)) > 1}
    return [
        ", ".join(f"{key}={words[i]}" for key, words in differing.items()) for i in range(len(rows))
    ]


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}"
    return str(value)
