"""Which images can be scored: the same checks, whichever way they come in.

A file, a folder, an array in Python and what a generator drew all pass ``accepted``. What it
refuses, it refuses with the line of code that mends it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, permutations
from operator import mul
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendbench.errors import ImagesError, InputError
from trendbench.metrics.batch import THRESHOLD
from trendbench.metrics.card import FEWEST_IMAGES
from trendbench.metrics.flags import RULES
from trendbench.metrics.grey import DARKEST, LIGHTEST
from trendbench.metrics.truth import true_values
from trendbench.process.images import WHITE
from trendbench.progress import say
from trendbench.spec import TaskSpec
from trendbench.storage.scratch import pieces, scratch

Images = NDArray[np.uint8]
_MOST_GREY = next(r.limit for r in RULES if r.flag == "grey" and not callable(r.limit))
_INVERTED_MARGIN = 2.0
_INVERTED_RMS = 0.14  # of the negative's column densities from the exact coverage
_HALF_LEVEL = 0.5 / WHITE  # what the rounding to whole grey values takes in beyond 0 and 1
_DEEP = 65535  # white in 16 bits: 257 · 255
_LARGEST_LABEL = 16  # integers up to here alone are numbers of classes, not grey
_FEW_CLASSES = 3  # of what a generator draws, whose near-black grey is none


@dataclass(frozen=True)
class Handling:
    """What is done to images on request before they are scored.

    Attributes:
        threshold: pixels of this value and above become white, all others black; 0 … 255 for
            integers, 0 … 1 for floats.
        invert: whether black and white are exchanged, after the threshold.

    Raises:
        InputError: the threshold is no number, or invert neither True nor False.
    """

    threshold: float | None = None
    invert: bool = False

    def __post_init__(self) -> None:
        number = isinstance(self.threshold, int | float | np.integer | np.floating)
        if self.threshold is not None and (not number or isinstance(self.threshold, bool)):
            raise InputError(f"threshold = {self.threshold!r:.60}: needed is a number")
        if not isinstance(self.invert, bool | np.bool_):
            raise InputError(f"invert = {self.invert!r:.60}: needed is True or False")


def must_have_enough(spec: TaskSpec, n: int) -> None:
    """Refuse a data file whose test split of n is too small to be scored on.

    Raises:
        ImagesError: fewer than two.
    """
    if n < FEWEST_IMAGES:
        way = "set test = 100 or more in its [task], and make-data again"
        raise ImagesError(
            f"the data file has {n} test {spec.counted} and scoring needs at least "
            f"{FEWEST_IMAGES}: {way if spec.simulated else 'import more pictures'}"
        )


def must_fit(
    shape: Sequence[int], dtype: np.dtype[Any], spec: TaskSpec, n: int, where: str
) -> None:
    """Refuse what cannot be images of a task, by what a file says before it is read.

    Raises:
        ImagesError: no plain numbers, or another shape.
    """
    if dtype.kind not in "biuf":
        raise ImagesError(
            f"{where} has type {dtype!s:.60}: needed is uint8, or floats in 0 … 1"
            + (": images.real.astype(np.float32) leaves out i" if dtype.kind == "c" else "")
        )
    frame = (spec.height, spec.width)
    if tuple(shape) not in {(n, *frame), (n, 1, *frame), (n, *frame, 1), (2, n, *frame)}:
        raise ImagesError(
            f"{where} holds images of shape {tuple(shape)!s:.80}: needed is {(n, *frame)}, one for "
            f"each test {spec.counted[:-1]} in the file's order{_reshaped(shape, spec, n)}"
        )


def accepted_samples(
    array: NDArray[Any], spec: TaskSpec, n: int, where: str, how: Handling
) -> tuple[Images, Images | None]:
    """Images for scoring, and the second sample for the same triplets where the array has one.

    Args:
        array: (n, H, W), with a channel axis of length 1 or without, or (2, n, H, W).
        spec: the task.
        n: its number of test triplets.
        where: what a message calls the array.
        how: what is done to the images.

    Returns:
        (n, H, W) uint8 each, a particle 0 and the background 255.

    Raises:
        ImagesError: too few test triplets, or as ``must_fit`` and ``accepted``.
    """
    must_have_enough(spec, n)
    must_fit(array.shape, array.dtype, spec, n, where)
    if array.shape == (2, n, spec.height, spec.width):
        return accepted(array[0], spec, where, how), accepted(array[1], spec, where, how)
    return accepted(array.reshape(n, spec.height, spec.width), spec, where, how), None


def drawn_by(drawn: Any, spec: TaskSpec, n: int, who: str) -> Images:
    """What a generator's ``sample`` returned for n pairs, if it is what the protocol asks for.

    Raises:
        ImagesError: no array of uint8 (n, H, W), or as ``accepted``.
    """
    shape = (n, spec.height, spec.width)
    wanted = f"needed is one image for each pair, a NumPy array {shape} of uint8"
    if not isinstance(drawn, np.ndarray):
        what = f"{type(drawn).__module__}.{type(drawn).__qualname__}".removeprefix("builtins.")
        hint = f": {tensor_line(drawn)} makes one" if what.startswith("torch.") else ""
        raise ImagesError(f"{who} returned {what}: {wanted}{hint}")
    if drawn.shape != shape:
        hint = _reshaped(drawn.shape, spec, n)
        raise ImagesError(f"{who} returned shape {drawn.shape}: {wanted}{hint}")
    if drawn.dtype != np.uint8:
        line = {
            "f": _of_floats(drawn),
            "b": ": np.where(images, 255, 0).astype(np.uint8) makes it where True is white",
        }.get(drawn.dtype.kind, ": images.astype(np.uint8) makes it of integers in 0 … 255")
        raise ImagesError(f"{who} returned {drawn.dtype}: {wanted}{line}")
    return accepted(drawn, spec, f"what {who} returned")


def _of_floats(drawn: NDArray[Any]) -> str:
    """The line that makes uint8 of a generator's floats."""
    if np.nanmax(drawn, initial=0) > 2:
        return ": images.round().astype(np.uint8) makes it of floats in 0 … 255"
    return ": (255 * images).round().astype(np.uint8) makes it of floats in 0 … 1"


def accepted(
    array: NDArray[Any], spec: TaskSpec, where: str, how: Handling | None = None
) -> Images:
    """Images (n, H, W) of a task as uint8, a particle 0 and the background 255.

    One colour throughout, black or white, is taken: a collapsed generator draws it.

    Args:
        array: integers in 0 … 255 or 0 … 65535, floats in 0 … 1, or booleans.
        spec: the task.
        where: what a message calls them.
        how: what is done to them; None where nothing can be, as for what a generator drew.

    Raises:
        ImagesError: values that are not finite or out of range, class labels, or black and white
            exchanged.
    """
    images = plain(array, where, how)
    _must_not_be_inverted(images, spec, where, how)
    if how is not None and how.threshold is None:
        _say_what_counts(images, where)
    return images


def plain(array: NDArray[Any], where: str, how: Handling | None) -> Images:
    """Images (n, H, W) of any type as grey values of 8 bits, handled as it was asked for.

    Raises:
        ImagesError: values that are not finite or out of range, or class labels.
    """
    if array.dtype.kind == "b":
        array = array.view(np.uint8)
    images = _grey(array, where, how)
    if how is None or how.threshold is None:
        _must_not_be_labels(array, images, where, how)
    if how is not None and how.invert:
        say(f"{where}: black and white are exchanged")
        images = _changed(images, lambda part: WHITE - part)
    return images


def _grey(array: NDArray[Any], where: str, how: Handling | None) -> Images:
    """Whole grey values, 0 … 255, or black and white where there is a threshold."""
    low, high = (float(end) for end in _range(array))
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ImagesError(
            f"{where} holds values that are not finite: np.isfinite(images).all(axis=(1, 2)) shows "
            "which images to draw again"
        )
    is_float = array.dtype.kind == "f"
    if is_float and not (low >= -_HALF_LEVEL and high <= 1 + _HALF_LEVEL):
        raise ImagesError(
            f"{where} holds floats from {low:.6g} to {high:.6g}: needed is 0 … 1: "
            f"{_rescaled(low, high)}"
        )
    deep = not is_float and high == _DEEP
    if not is_float and (low < 0 or (high > WHITE and not deep)):
        raise ImagesError(
            f"{where} holds integers from {low:.0f} to {high:.0f}: needed is 0 … 255: "
            f"np.interp(images, [{min(low, 0):.0f}, {high:.0f}], [0, 255]).round().astype(np.uint8)"
        )
    if deep:
        say(f"{where}: 16 bits, taken as grey with 65535 for white")
        array = _changed(array, lambda part: (part.astype(np.uint32) + 128) // 257)
    if how is not None and how.threshold is not None:
        return _cut(array, float(how.threshold), where)
    if is_float:
        say(f"{where}: floats in 0 … 1, taken as grey with 1 for white, rounded to 0 … 255")
        return _changed(array, lambda part: np.rint(part * WHITE))
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    return _changed(array, lambda part: part)


def _cut(array: NDArray[Any], threshold: float, where: str) -> Images:
    """Black and white, if the threshold is on the images' own scale."""
    low, high = _range(array)
    top = 1 if array.dtype.kind == "f" else WHITE
    middle = 0.5 if top == 1 else THRESHOLD
    own = middle if low < middle <= high else high  # in all its digits: rounded, it may lie above
    between = low < threshold <= high or low == high
    if not (0 < threshold <= top) or not between or (threshold < 1 < high):
        raise ImagesError(
            f"{where} holds values from {low:.6g} to {high:.6g}, of which --threshold "
            f"{threshold:g} makes no black and white: --threshold {own!s}"
        )
    say(f"{where}: pixels of {threshold:g} and above are taken as white, the others as black")
    white, black = np.uint8(WHITE), np.uint8(0)
    return _changed(array, lambda part: np.where(part >= threshold, white, black))


def _range(array: NDArray[Any]) -> tuple[Any, Any]:
    """The least and the greatest value; NaN where there is one."""
    ends = np.array([(array[rows].min(), array[rows].max()) for rows in pieces(array)])
    return ends[:, 0].min(), ends[:, 1].max()


def _changed(array: NDArray[Any], change: Callable[[NDArray[Any]], NDArray[Any]]) -> Images:
    """What a change makes of the grey values, as uint8; on the disk where it is large."""
    images: Images = scratch(array.shape, np.uint8)
    for rows in pieces(array):
        images[rows] = change(array[rows])
    return images


def _must_not_be_labels(
    array: NDArray[Any], images: Images, where: str, how: Handling | None
) -> None:
    """Refuse numbers of classes, not grey, in all images or in some of black and white ones.

    In all: two values that both count as black, or integers of 16 at most, which a generator may
    draw on its way as near-black grey. One value throughout is what a collapsed generator draws;
    1 alone is a label.
    """
    is_float = array.dtype.kind == "f"
    grey = images if is_float else array
    tops = np.concatenate([grey[rows].max(axis=(1, 2)) for rows in pieces(grey)])
    dark, light = _range(images)
    if light < THRESHOLD:
        low, high = _range(array)
        if dark == light:
            sound = is_float or high != 1
        else:
            deep = is_float or high > (_FEW_CLASSES if how is None else _LARGEST_LABEL)
            sound = deep and not all(((image == low) | (image == high)).all() for image in array)
    else:
        few, white = (tops > 0) & (tops <= _LARGEST_LABEL), tops.max()
        sound = not few.any() or any(
            ((grey[i] > 0) & (grey[i] < white)).any() for i in np.flatnonzero(~few)
        )
        more = f" and {few.sum() - 1} more" if few.sum() > 1 else ""
        where, array = f"{where}: image {few.argmax()}{more}", array[few]
    if sound:
        return
    low, high = (str(value).removesuffix(".0") for value in (array.min(), array.max()))
    option = (
        f"--threshold {high} (threshold={high} in Python) does it, with --invert where "
        f"{high} is a particle; in NumPy: "
        if how is not None and tops.max() <= WHITE  # in 16 bits a threshold counts in 257s
        else ""
    )
    between = any(((image > float(low)) & (image < float(high))).any() for image in array)
    held = high if low == high else f"{low} {'…' if between else 'and'} {high}"
    raise ImagesError(
        f"{where} holds only {held}, as class labels do: needed is 0 for particles and 255 for "
        f"white: {option}np.where(images >= {high}, 255, 0).astype(np.uint8)"
    )


def _must_not_be_inverted(images: Images, spec: TaskSpec, where: str, how: Handling | None) -> None:
    """Refuse white particles on black, told by coverage where the task's is not near one half.

    The negative must lie nearer to the exact coverage than a white page does: one colour
    throughout is no negative of true images.
    """
    exact = true_values(spec).column_coverage
    sums = (images[rows].sum(axis=(0, 1), dtype=np.int64) for rows in pieces(images))
    black = 1 - sum(sums) / (images[..., 0].size * WHITE)
    as_is, negative, page = (np.square(c - exact).mean() for c in (black, 1 - black, 0.0))
    if _INVERTED_MARGIN * negative < min(as_is, page) and negative < _INVERTED_RMS**2:
        if how is None:
            line = "255 - images exchanges them"
        elif how.invert:
            line = "leave out --invert (invert=True in Python)"
        else:
            line = "--invert exchanges them (invert=True in Python; in NumPy: 255 - images)"
        raise ImagesError(
            f"{where} seems to have white particles on black; a particle is 0 and the background "
            f"255: {line}"
        )


def _say_what_counts(images: Images, where: str) -> None:
    """What a person should hear before the scores do."""
    low, high = (int(end) for end in _range(images))
    if high < THRESHOLD:
        say(f"{where}: every pixel is black (values {low} … {high}, white is {THRESHOLD} and up)")
    shares = [
        ((image >= DARKEST) & (image <= LIGHTEST)).mean()
        for rows in pieces(images)
        for image in images[rows]
    ]
    grey = np.mean(shares)
    if grey > _MOST_GREY:
        say(
            f"{where}: {grey:.1%} of the pixels are grey, and the flag 'grey' disqualifies beyond "
            f"{_MOST_GREY:.0%}: --threshold 128 (0.5 for floats) makes antialiased edges black and "
            "white"
        )


def _reshaped(shape: Sequence[int], spec: TaskSpec, n: int) -> str:
    """The line that makes the right shape of a wrong one, where there is one.

    Reshaping keeps the order of the pixels only where neighbouring axes are merged or split.
    """
    height, width = spec.height, spec.width
    frame = (n, height, width)
    if len(shape) == 4 and tuple(shape[:3]) == frame:
        return ": images[..., 0] is one channel"
    if len(shape) == 4 and (shape[0], *shape[2:]) == frame:
        return ": images[:, 0] is one channel"
    if len(shape) == 4 and shape[0] > 2 and tuple(shape[1:]) == frame:
        return ": images[:2] are two samples of each, images[0] is one"
    if len(shape) == 3 and tuple(shape[1:]) == (height, width):
        if shape[0] > n:
            return f": images[:{n}] are the first {n}"
        pairs = f'for all {n} pairs of data.load("test").s1 and .s2'
        return f": draw {pairs if spec.has_inputs else n}"
    longer = [length for length in shape if length != 1]
    for order in permutations(range(3)) if sorted(longer) == sorted(frame) else ():
        if tuple(longer[axis] for axis in order) == frame and longer != [*frame]:
            squeezed = ".squeeze()" if len(shape) > 3 else ""
            return f": images{squeezed}.transpose{order}"
    if tuple(longer) == (height * width, n):
        return f": images.T.reshape{frame}"
    here, there = set(accumulate(longer, mul)), set(accumulate(frame, mul))
    if longer and max(here) == max(there) and (here <= there or here >= there):
        return f": images.reshape{frame}"
    return ""


def tensor_line(images: Any) -> str:
    """The line that makes an array of a tensor; NumPy has no bfloat16."""
    wide = ".float()" if str(getattr(images, "dtype", "")).endswith("bfloat16") else ""
    return f"images.detach().cpu(){wide}.numpy()"


def _rescaled(low: float, high: float) -> str:
    """The line that brings floats to 0 … 1, told by their range."""
    if -1 - _HALF_LEVEL <= low < -0.5 and high <= _HALF_LEVEL:
        return "images + 1"
    if -1 - _HALF_LEVEL <= low < -0.5 and high <= 1 + _HALF_LEVEL:
        return "(images + 1) / 2"
    if low > -0.5 and high < 1.5:
        return "np.clip(images, 0, 1)"
    if low > -0.5 and high < WHITE + 0.5:
        return "images.round().astype(np.uint8)"
    return f"np.interp(images, [{low:.6g}, {high:.6g}], [0, 1])"
