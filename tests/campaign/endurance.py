"""Thousands of steps and of images: does the memory stay where it was?"""

import json
from collections.abc import Callable
from pathlib import Path

from tests.campaign.jobs import TINY, Tally, tally
from tests.campaign.moments import in_child

MOST_GROWTH = 32 << 20
_PAGE = 4096


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def training(place: Path, steps: int, warm: int) -> Tally:
    """Train for so many steps of one image; growth is counted from step ``warm`` on."""

    def work(note: Callable[[], None]) -> None:
        from trendbench.generators.pix2pix.generator import Pix2Pix, _Contest
        from trendbench.progress import quiet
        from trendbench.rendering.triplets import simulate
        from trendbench.training.context import RunContext

        step, done = _Contest.step, [0]

        def counted(self: _Contest, chosen: object) -> object:
            done[0] += 1
            if done[0] in (warm, steps):
                note()
            return step(self, chosen)  # type: ignore[arg-type]

        _Contest.step = counted  # type: ignore[method-assign,assignment]
        triplets = simulate(TINY, 100, 1)
        model = Pix2Pix(nf=1, kernel=4, skips=True, eta=100.0, learning_rate=2e-4, beta1=0.5,
                        batch=1, epochs=steps // 100)  # fmt: skip
        folder = place / "training"
        folder.mkdir()
        model.fit(triplets, triplets, RunContext(1, "cpu", "fp32", folder, "x", bar=quiet))

    return _flat(place, work, f"{steps} steps")


def scoring(place: Path, images: int, rounds: int) -> Tally:
    """Score so many images in so many rounds; growth is counted from the end of the first."""

    def work(note: Callable[[], None]) -> None:
        from trendbench.data.make import make_data
        from trendbench.data.opening import open_dataset
        from trendbench.metrics.full_card import full_card

        spec = TINY.model_copy(update={"test": images // rounds})
        make_data(spec, 1, place / "many.h5", workers=1)
        for i in range(rounds):
            with open_dataset(place / "many.h5") as dataset:
                full_card(dataset.images("test", "r"), dataset, name="mine", c2st=False)
            if i in (0, rounds - 1):
                note()

    return _flat(place, work, f"{images} images")


def _flat(place: Path, work: Callable[[Callable[[], None]], None], what: str) -> Tally:
    place.mkdir(parents=True, exist_ok=True)
    log = place / "memory.json"

    def job() -> None:
        readings: list[int] = []
        work(lambda: readings.append(resident()))
        log.write_text(json.dumps(readings))

    code = in_child(job)
    if code:
        return tally([f"{what}: ended with {code}"])
    first, last = json.loads(log.read_text())
    grown = last - first
    return tally([None if grown < MOST_GROWTH else f"{what}: grew by {grown >> 20} MB"])
