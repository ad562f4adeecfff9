"""The task that a record was made on."""

from trendbench import catalog
from trendbench.errors import TrendbenchError
from trendbench.results import attachments
from trendbench.results.store import StoredRecord
from trendbench.spec import TaskSpec, load_spec, spec_from_json

_LARGEST_SPEC = 1 << 14  # bytes


def task_of(stored: StoredRecord) -> TaskSpec | None:
    """The spec that lies beside a record, or the shipped one of its task's name, if there is one.

    A task may bear a shipped one's name and be another: its floor tells.
    """
    beside = _beside(stored)
    if beside is None and stored.record.task in catalog.spec_names():
        return load_spec(stored.record.task)
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
