"""Families by name: those that ship with trendbench, and installed ones."""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

import trendbench.families
from trendbench.errors import SpecError, nearest
from trendbench.process.family import Process

DEFAULT_FAMILY = "disks"  # of a spec that names none
GROUP = "trendbench.families"  # of entry points: name = "package.module:Class"
_OWN = trendbench.families.__name__


def family_names() -> list[str]:
    """The names of all families, those that ship with trendbench first."""
    ours = [module.name.replace("_", "-") for module in iter_modules(trendbench.families.__path__)]
    shipped = sorted(name for name in ours if name != __name__.rpartition(".")[2])
    return shipped + sorted({entry.name for entry in entry_points(group=GROUP)} - set(shipped))


@cache
def family(name: str = DEFAULT_FAMILY) -> type[Process]:
    """The class of a family.

    A shipped family is the ``FAMILY`` of the module that bears its name; an installed one is what
    the entry point of its name refers to.

    Raises:
        SpecError: there is none, or it cannot be imported.
    """
    known = family_names()
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"
        raise SpecError(f"no family '{name:.60}': {hint}")
    found = {entry.name: entry for entry in entry_points(group=GROUP)}.get(name)
    try:
        if found is None:
            loaded = import_module(f"{_OWN}.{name.replace('-', '_')}").FAMILY
        else:
            loaded = found.load()
    except Exception as error:  # of other people's code
        raise SpecError(f"the family '{name}' cannot be imported: {error}") from error
    if not (isinstance(loaded, type) and issubclass(loaded, Process) and loaded.family == name):
        raise SpecError(
            f"the entry point '{name}' in {GROUP} refers to no class of Process with "
            f"family = '{name}'"
        )
    return loaded
