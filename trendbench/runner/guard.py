"""Calls into a generator's class, whose errors are its author's to mend: one line that says where.

An error of a class of trendbench's own stays what it is: a fault of trendbench.
"""

import inspect
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from trendbench.errors import DEBUG, RecipeError, TrendbenchError
from trendbench.generators.own_file import lie_together

_PACKAGE = __name__.partition(".")[0]
_WATCHING = f"{_PACKAGE}.conformance."
_LONGEST = 300
_Result = TypeVar("_Result")


def must_follow_protocol(model_class: Any, reference: str) -> None:
    """Refuse what lacks a method of the generator protocol, or has one that takes other arguments.

    Raises:
        RecipeError: it is no class, methods are missing, which the message names all, ``load`` is
            no classmethod, or a method cannot be called as the protocol calls it.
    """
    from trendbench.generators.protocol import METHODS, Generator  # Numba, which a typo need not

    if not isinstance(model_class, type):
        raise RecipeError(f"{reference} is not a class, but {type(model_class).__name__}")
    missing = [name for name in METHODS if not callable(getattr(model_class, name, None))]
    if missing:
        raise RecipeError(
            f"{reference} lacks {', '.join(missing)}: a generator has the methods "
            f"{', '.join(METHODS)}, as docs/generators.md describes"
        )
    if not isinstance(inspect.getattr_static(model_class, "load"), classmethod | staticmethod):
        raise RecipeError(f"{reference}: load must be a @classmethod, load(cls, folder)")
    for name in METHODS:
        arguments = list(inspect.signature(getattr(Generator, name)).parameters)
        if isinstance(inspect.getattr_static(model_class, name), staticmethod) and name != "load":
            arguments.remove("self")
        try:
            inspect.signature(getattr(model_class, name)).bind(*arguments)
        except TypeError:
            wanted = ", ".join(["cls", *arguments] if name == "load" else arguments)
            raise RecipeError(f"{reference}: {name} must be callable as {name}({wanted})") from None
        except ValueError:  # a compiled function, which tells nothing
            continue


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
        if _top(model_class.__module__) == _PACKAGE:
            raise
        message = " ".join(str(error).split())[:_LONGEST]
        raise RecipeError(
            f"{model_class.__name__}.{method} raised {type(error).__name__}"
            f"{': ' + message if message else ''} at {_place(model_class, function, error)} "
            f"({DEBUG}=1 shows the traceback)"
        ) from error


def _place(model_class: type[Any], function: Callable[..., Any], error: BaseException) -> str:
    """``file:line`` of the innermost code of the class and what lies beside it, or of the method.

    Where that code has called trendbench, which raised, the line there follows.
    """
    frames = _frames(error)
    own = [i for i, (name, _) in enumerate(frames) if _is_own(name, model_class)]
    if not own:
        code = getattr(function, "__code__", None)
        return f"{code.co_filename}:{code.co_firstlineno}" if code else model_class.__module__
    called = (f for f in frames[own[-1] + 1 :] if _top(f[0]) == _PACKAGE)
    inside = [line for name, line in called if not name.startswith(_WATCHING)]
    return frames[own[-1]][1] + (f", which calls {inside[-1]}" if inside else "")


def _is_own(name: str, model_class: type[Any]) -> bool:
    module = model_class.__module__
    return _top(name) == _top(module) or lie_together(name, module)


def _frames(error: BaseException) -> list[tuple[str, str]]:
    """Frames below ``call``, outermost first: the module's name and ``file:line``."""
    below = list(traceback.walk_tb(error.__traceback__))[1:]
    return [
        (frame.f_globals.get("__name__", ""), f"{frame.f_code.co_filename}:{line}")
        for frame, line in below
    ]


def _top(module: str) -> str:
    return module.partition(".")[0]
