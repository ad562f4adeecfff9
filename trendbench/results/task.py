"""The task that a record was made on."""

from trendbench import catalog
from trendbench.errors import TrendbenchError
from trendbench.results import attachments
from trendbench.results.store import StoredRecord
from trendbench.spec import TaskSpec, load_spec, spec_from_json

_LARGEST_SPEC = 1 << 14  # bytes


def task_of(stored: StoredRecord) -> TaskSpec | None:
    """The task of a record's data file: the spec that lies beside it, or the shipped one.

    None where neither exists. ``train`` is the number of training triplets in the file, which for
    a run on a stream is not the record's. A task may bear a shipped one's name and be another: its
    floor tells.
    """
    record, beside = stored.record, _beside(stored)
    if beside is None and record.task in catalog.spec_names():
        return load_spec(record.task, train=record.data.train)
    return beside


def _beside(stored: StoredRecord) -> TaskSpec | None:
    """The spec among a record's attachments, if it is one."""
    try:
        content = stored.attachment(attachments.TASK)
        if content is None or len(content) > _LARGEST_SPEC:
            return None
        return spec_from_json(content.decode("utf-8"), attachments.TASK)
    except (TrendbenchError, UnicodeDecodeError):
        return None
