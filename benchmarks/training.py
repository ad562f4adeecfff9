"""pix2pix training against a plain loop: fp32, channels-first, same networks, same batch."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import verdict

if TYPE_CHECKING:
    import torch

RATIO = 1.6
BATCH = 4
ARCHS = {"nf8": None, "nf16": RATIO, "nf32": RATIO}
IMAGES = {"nf8": 2000, "nf16": 1200, "nf32": 480}
WARM_UP = 40


def measure() -> Iterator[str]:
    """Each loop in a process of its own, three times in turn; the best of each counts."""
    for arch, wanted in ARCHS.items():
        ours, plain = 0.0, 0.0
        for _ in range(3):
            ours = max(ours, _rate("ours", arch))
            plain = max(plain, _rate("plain", arch))
        ratio = ours / plain
        end = "reported" if wanted is None else f"wanted {wanted:g}: {verdict(ratio >= wanted)}"
        yield (
            f"training {arch:<5}        {ours:6.1f} images/s plain fp32 loop {plain:.1f}, "
            f"ratio {ratio:.2f}; {end}"
        )


def _rate(loop: str, arch: str) -> float:
    command = [sys.executable, "-m", "benchmarks.training", loop, arch]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.findall(r"[\d.]+", output)[-1])


def _ours(arch: str, n: int) -> float:
    """The package's own trainer, data, logging and checkpoints included."""
    from trendbench.generators.recipes import find_recipe
    from trendbench.rendering.triplets import simulate
    from trendbench.spec import load_spec
    from trendbench.training.context import RunContext
    from trendbench.training.device import choose_device, choose_precision

    triplets = simulate(load_spec("trend-v1"), n)
    device = choose_device()
    with tempfile.TemporaryDirectory() as name:
        context = RunContext(0, str(device), choose_precision(device), Path(name), "bench")
        find_recipe(arch, overrides={"epochs": 1, "batch": BATCH}).build().fit(
            triplets[:WARM_UP], triplets, context
        )
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as other:
            context = RunContext(0, str(device), context.precision, Path(other), "bench")
            find_recipe(arch, overrides={"epochs": 1, "batch": BATCH}).build().fit(
                triplets, triplets, context
            )
        return n / (time.perf_counter() - start)


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


def _plain(arch: str, n: int) -> float:
    """The textbook loop: float32 images in memory, default Adam, default layout."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as bce

    from trendbench.generators.pix2pix.networks import PatchGAN
    from trendbench.generators.recipes import find_recipe
    from trendbench.rendering.triplets import simulate
    from trendbench.spec import load_spec

    settings = find_recipe(arch).parameters
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
    return (n - WARM_UP) / (time.perf_counter() - start)


if __name__ == "__main__":
    which, name = sys.argv[1:]
    print({"ours": _ours, "plain": _plain}[which](name, IMAGES[name]))
