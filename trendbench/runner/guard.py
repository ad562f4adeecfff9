"""Calls into a generator's class, whose errors are its author's to mend: one line that says where.

A class of trendbench's own, or a fault inside trendbench that a stranger's class runs into, stays
what it is: a fault of trendbench.
"""

import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

from trendbench.errors import DEBUG, RecipeError, TrendbenchError

METHODS = ("fit", "sample", "save", "load")
_PACKAGE = __name__.partition(".")[0]
_LONGEST = 300
_Result = TypeVar("_Result")


def must_follow_protocol(model_class: Any, reference: str) -> None:
    """Refuse what lacks a method of the generator protocol.

    Raises:
        RecipeError: it is no class, or methods are missing; the message names them all.
    """
    if not isinstance(model_class, type):
        raise RecipeError(f"{reference} is not a class, but {type(model_class).__name__}")
    missing = [name for name in METHODS if not callable(getattr(model_class, name, None))]
    if missing:
        raise RecipeError(
            f"{reference} lacks {', '.join(missing)}: a generator has the methods "
            f"{', '.join(METHODS)}, see trendbench/generators/protocol.py"
        )


def call(
    model_class: type[Any], method: str, function: Callable[..., _Result], *arguments: Any
) -> _Result:
    """``function(*arguments)``, which is ``method`` of ``model_class``.

    Raises:
        RecipeError: the class's own code raised, or does not take these arguments.
        TrendbenchError: as it was raised.
        MemoryError: as it was raised.
    """
    try:
        return function(*arguments)
    except (TrendbenchError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        if not _is_strangers(model_class, error):
            raise
        message = " ".join(str(error).split())[:_LONGEST]
        raise RecipeError(
            f"{model_class.__name__}.{method} raised {type(error).__name__}"
            f"{': ' + message if message else ''} at {_place(model_class, function, error)} "
            f"({DEBUG}=1 shows the traceback)"
        ) from error


def _is_strangers(model_class: type[Any], error: BaseException) -> bool:
    """Whether the innermost code of either side is the class's and not trendbench's."""
    if _top(model_class.__module__) == _PACKAGE:
        return False
    sides = [name for name, _ in _frames(error) if name in (_PACKAGE, _top(model_class.__module__))]
    return not sides or sides[-1] != _PACKAGE


def _place(model_class: type[Any], function: Callable[..., Any], error: BaseException) -> str:
    """``file:line`` of the innermost code of the class's package, or of the method itself."""
    own = [
        f"{frame.f_code.co_filename}:{line}"
        for name, (frame, line) in _frames(error)
        if name == _top(model_class.__module__)
    ]
    code = getattr(function, "__code__", None)
    method = f"{code.co_filename}:{code.co_firstlineno}" if code else model_class.__module__
    return own[-1] if own else method


def _frames(error: BaseException) -> list[tuple[str, tuple[FrameType, int]]]:
    """Frames below ``call``, outermost first: top-level package, frame, line."""
    below = list(traceback.walk_tb(error.__traceback__))[1:]
    return [(_top(frame.f_globals.get("__name__", "")), (frame, line)) for frame, line in below]


def _top(module: str) -> str:
    return module.partition(".")[0]
