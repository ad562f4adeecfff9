"""Training: against its convolutions alone, and pix2pix against a plain loop.

The plain loop is the textbook's: fp32, channels-first, the same networks, the same batch. The
study's networks are trained at the study's batch.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.measure import figures
from benchmarks.table import Row, absent, at_least, at_most, limit, reported

if TYPE_CHECKING:
    import torch

TITLE = "Training"
LEAST = (
    "A pix2pix step runs convolutions: the generator forward and backward, the discriminator "
    "forward three times and backward three times. The ceiling runs these convolutions alone, at "
    "the shapes, batch and precision of the step, forward and backward. The lost share is the "
    "time of data, logs and checkpoints in an epoch of 3500 images. A checkpoint is saved after "
    "each epoch and each minute. Beside convolutions a step has batch norm, activations, losses "
    "and Adam, which read and write the same feature maps; what they take is the ceiling's "
    "distance. The networks of the 2017 study take its batch of 50."
)
RATIO, CEILING, LOST = 1.6, 1.25, 1.0
BATCH = 4
ARCHS = ("pix2pix-8", "pix2pix-16", "pix2pix-32")
IMAGES = {"pix2pix-8": 480, "pix2pix-16": 200, "pix2pix-32": 100}
STUDY_ARCHS, STUDY_BATCH = ("nf8", "nf16", "nf32"), 50
_BLOCK = {"d_steps": 2, "g_steps": 1}  # the study's 40 and 20, shortened
WARM_UP = 20
_EPOCH = 3500
_SECONDS_A_SAVE = 60  # between checkpoints; there is one more at the end of each epoch
_REPEATS = 3


def measure(full: bool) -> Iterator[Row]:
    """Medians of three rounds; each loop in a process of its own."""
    del full
    device, precision = _device()
    yield reported("trained on", f"{device}, {precision}")
    for arch in ARCHS:
        rounds = [
            (
                *figures("benchmarks.training", "ours", arch),
                *figures("benchmarks.training", "ceiling", arch),
                *figures("benchmarks.training", "plain", arch),
            )
            for _ in range(_REPEATS)
        ]
        ours, lost, *parts, ceiling, plain = (
            median(column) for column in zip(*rounds, strict=True)
        )
        yield reported(f"{arch}, batch {BATCH}", f"{ours:.1f} images/s")
        what, over = "  ceiling of its convolutions over that", ceiling / ours
        if arch == "pix2pix-32":
            yield at_most(what, over, CEILING, "times", ".2f")
        else:
            yield reported(what, f"{over:.2f} times")
        yield at_most("  lost to data, logs, checkpoints", lost, LOST, "%")
        shown = ", ".join(f"{part:.1f} %" for part in parts)
        yield limit("gathering a batch, checkpoints, between steps", shown)
        what = "  speed over the plain fp32 loop"
        if arch == "pix2pix-8":
            yield reported(what, f"{ours / plain:.2f} times")
        else:
            yield at_least(what, ours / plain, RATIO, "times", ".2f")
    for arch in STUDY_ARCHS:
        rounds = [
            (
                *figures("benchmarks.training", "block", arch),
                *figures("benchmarks.training", "block_ceiling", arch),
            )
            for _ in range(_REPEATS)
        ]
        ours, ceiling = (median(column) for column in zip(*rounds, strict=True))
        yield reported(f"{arch}, batch {STUDY_BATCH}", f"{ours:.1f} images/s")
        what = "  ceiling of its convolutions over that"
        yield at_most(what, ceiling / ours, CEILING, "times", ".2f")
    if device == "cpu":
        yield absent("the same on a GPU", "there is none")


def _device() -> tuple[str, str]:
    """Kind of device and precision, asked of a process of its own; torch is heavy."""
    from trendbench.training.device import choose_device, choose_precision

    device = choose_device()
    return device.type, choose_precision(device)


def _ours(arch: str) -> tuple[float, ...]:
    """Images per second of our own trainer in an epoch of 3500, and shares of its time [%].

    The shares: lost as a whole; data, checkpoints, logs and what else lies between steps.
    """
    from trendbench.simulation import simulate
    from trendbench.spec import load_spec
    from trendbench.training import loop as training_loop

    n = IMAGES[arch]
    rows = training_loop.ROWS_PER_EPOCH * n // _EPOCH
    own = training_loop.train.__kwdefaults__
    before = own["logged"]
    triplets = simulate(load_spec("trend-v1"), n)
    try:
        own["logged"] = max(1, rows)  # as often as in a whole epoch
        _fit(arch, triplets[:WARM_UP])
        with _Watch() as watch:
            _fit(arch, triplets)
            end = time.perf_counter()
    finally:
        own["logged"] = before
    saving = watch.seconds["save"]
    loop = end - watch.start - saving - watch.seconds["data"]  # gathered once more, to be timed
    epoch = loop * _EPOCH / n
    saves = (1 + epoch // _SECONDS_A_SAVE) * saving
    parts = watch.seconds["data"] * _EPOCH / n, saves, (loop - watch.seconds["step"]) * _EPOCH / n
    whole = epoch + saves
    return _EPOCH / whole, 100 * sum(parts) / whole, *(100 * part / whole for part in parts)


def _fit(arch: str, triplets: Any, epochs: int = 1, batch: int = BATCH, **settings: int) -> None:
    from trendbench.generators.recipes import find_recipe
    from trendbench.training.context import RunContext
    from trendbench.training.device import choose_device, choose_precision

    device = choose_device()
    with tempfile.TemporaryDirectory() as name:
        context = RunContext(0, str(device), choose_precision(device), Path(name), "bench")
        overrides = {"epochs": epochs, "batch": batch} | settings
        find_recipe(arch, overrides=overrides).build().fit(triplets, triplets, context)


class _Watch:
    """Seconds spent in training steps, in gathering their images and in saving checkpoints.

    Attributes:
        seconds: of each.
        start: when the first step began.
    """

    def __init__(self) -> None:
        from trendbench.generators.pix2pix import generator
        from trendbench.training.checkpoint import Checkpoints

        self.seconds = {"step": 0.0, "data": 0.0, "save": 0.0}
        self.start = 0.0
        self._places: list[tuple[Any, str, str]] = [
            (generator._Contest, "step", "step"),
            (Checkpoints, "save", "save"),
        ]
        self._before = [getattr(owner, name) for owner, name, _ in self._places]

    def __enter__(self) -> _Watch:
        for (owner, name, what), function in zip(self._places, self._before, strict=True):
            setattr(owner, name, self._timed(function, what))
        return self

    def __exit__(self, *error: object) -> None:
        for (owner, name, _), function in zip(self._places, self._before, strict=True):
            setattr(owner, name, function)

    def _timed(self, function: Callable[..., Any], what: str) -> Callable[..., Any]:
        def timed(owner: Any, argument: Any) -> Any:
            if what == "step":
                self._add("data", lambda: _gather(owner, argument))
            return self._add(what, lambda: function(owner, argument))

        return timed

    def _add(self, what: str, work: Callable[[], Any]) -> Any:
        _wait()
        start = time.perf_counter()
        self.start = self.start or start
        result = work()
        _wait()
        self.seconds[what] += time.perf_counter() - start
        return result


def _gather(contest: Any, chosen: torch.Tensor) -> None:
    """What a step does first: its images, as darkness."""
    import torch

    from trendbench.generators.network.images import darkness

    darkness(torch.stack([series[chosen] for series in contest._series], dim=-1))


def _wait() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _ceiling(arch: str) -> tuple[float]:
    from benchmarks.convolutions import ceiling

    return (ceiling(arch, BATCH),)


def _block(arch: str) -> tuple[float]:
    """Images per second of a block of the study's steps; what a run does once does not count."""
    from trendbench.simulation import simulate
    from trendbench.spec import load_spec

    triplets = simulate(load_spec("study-2017"), STUDY_BATCH)
    seconds = []
    for epochs in (1, 1, 3):  # the first warms up
        start = time.perf_counter()
        _fit(arch, triplets, epochs=epochs, batch=STUDY_BATCH, **_BLOCK)
        seconds.append(time.perf_counter() - start)
    return (2 * STUDY_BATCH * sum(_BLOCK.values()) / (seconds[2] - seconds[1]),)


def _block_ceiling(arch: str) -> tuple[float]:
    from benchmarks.convolutions import ceiling

    return (ceiling(arch, STUDY_BATCH, **_BLOCK),)


def _textbook_unet(*arguments: int, **keywords: int) -> torch.nn.Module:
    """The same U-Net with its layers called in the order that the paper draws them."""
    import torch

    from trendbench.generators.pix2pix.networks import UNet

    class Textbook(UNet):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            encoded = []
            for layer in self.down:
                x = layer(x)
                encoded.append(x)
            for block, layer in enumerate(self.up):
                if self.skips and block:
                    x = torch.cat([x, encoded[-1 - block]], dim=1)
                x = layer(torch.relu(x))
            return torch.sigmoid(x)

    return Textbook(*arguments, **keywords)


def _plain(arch: str) -> tuple[float]:
    """The textbook loop: float32 images in memory, default Adam, default layout."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as bce

    from trendbench.generators.pix2pix.networks import PatchGAN
    from trendbench.generators.recipes import find_recipe
    from trendbench.simulation import simulate
    from trendbench.spec import load_spec

    n, settings = IMAGES[arch], find_recipe(arch).parameters
    nf = int(settings["nf"])
    g = _textbook_unet(nf, 8, kernel=int(settings["kernel"]), skips=bool(settings["skips"]))
    d = PatchGAN(nf)
    adam_g = torch.optim.Adam(g.parameters(), 2e-4, (0.5, 0.999))
    adam_d = torch.optim.Adam(d.parameters(), 2e-4, (0.5, 0.999))
    triplets = simulate(load_spec("trend-v1"), n)
    images = [1 - torch.from_numpy(s).float() / 255 for s in (triplets.s1, triplets.s2, triplets.r)]
    data = torch.stack(images, dim=1)
    start = 0.0
    for i in range(0, n, BATCH):
        if i == WARM_UP:
            start = time.perf_counter()
        batch = data[i : i + BATCH]
        pair, real = batch[:, :2], batch[:, 2:]
        fake = g(pair)
        on_real, on_fake = d(batch), d(torch.cat([pair, fake.detach()], 1))
        loss = (
            bce(on_real, torch.ones_like(on_real)) + bce(on_fake, torch.zeros_like(on_fake))
        ) / 2
        adam_d.zero_grad()
        loss.backward()
        adam_d.step()
        d.requires_grad_(False)
        on_fake = d(torch.cat([pair, fake], 1))
        loss = bce(on_fake, torch.ones_like(on_fake)) + 100 * (fake - real).abs().mean()
        adam_g.zero_grad()
        loss.backward()
        adam_g.step()
        d.requires_grad_(True)
    return ((n - WARM_UP) / (time.perf_counter() - start),)


_PARTS: dict[str, Callable[[str], tuple[float, ...]]] = {
    "ours": _ours, "ceiling": _ceiling, "plain": _plain,
    "block": _block, "block_ceiling": _block_ceiling,
}  # fmt: skip

if __name__ == "__main__":
    which, name = sys.argv[1:]
    print(*_PARTS[which](name))
