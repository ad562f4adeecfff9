"""The two-point function against PoreSpy's, the peer for texture statistics of images.

Ours: what ``s2_error`` needs of a set of images, per image: P(both pixels black) in four vertical
bands, at every lag 0 … 24 px along x and 1 … 24 px along y, pairs inside the frame only.
PoreSpy's ``two_point_correlation`` (3.2), with its default bins: one radial average over the whole
image, 64 bins of 2 px up to 127 px, pairs inside the frame only, by a Fourier transform of the
image padded with zeros to twice its sides (earlier releases wrap around the border). It answers a
different question (no bands, no directions, longer lags), so the ratio says what the score would
cost with the tool at hand, not that the same numbers come out faster. Both on one thread, in
processor seconds, which other work on the machine does not stretch.
"""

import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Iterator

from benchmarks.measure import figures
from benchmarks.table import Row, absent, at_least, reported

TITLE = "The two-point function"
LEAST = (
    "The black pixels of an image fit into 8 kB of bits. Each of 49 lags takes one pass over "
    "them, 400 kB an image. PoreSpy computes another quantity, one radial average over the "
    "whole image by a Fourier transform. The ratio is the cost of the score with an existing "
    "tool."
)
RATIO = 20.0
IMAGES, PEER_IMAGES = 1000, 100
REPEATS = 3
_BATCH = 128


def measure(full: bool) -> Iterator[Row]:
    """Medians of three passes in turn over the same images; the peer's over the first hundred."""
    del full
    if importlib.util.find_spec("porespy") is None:
        yield absent("two-point function: speed over PoreSpy's", "porespy is not installed")
        return
    ours, peer = figures("benchmarks.two_point")
    yield reported("1000 images, 49 lags in 4 bands", f"{ours:.2f} s")
    yield at_least("speed over PoreSpy's, radial, to 127 px", peer / ours, RATIO, "times")


def _compare() -> tuple[float, float]:
    """Processor seconds per 1000 images: ours, PoreSpy's."""
    import numpy as np
    import porespy

    from trendbench import theory
    from trendbench.metrics.sampling import features_of
    from trendbench.metrics.texture import S2Error
    from trendbench.metrics.truth import Truth
    from trendbench.simulation import simulate
    from trendbench.spec import load_spec

    porespy.settings.ncores = 1
    spec = load_spec("trend-v1")
    images = simulate(spec, IMAGES, seed=1).r
    truth = Truth(spec, theory.mean_profile(spec, spec.window)[None], 1)

    def ours() -> None:
        features_of([S2Error()], images, truth, None, None, _BATCH)

    def peer() -> None:
        for image in images[:PEER_IMAGES]:
            porespy.metrics.two_point_correlation(np.equal(image, 0))

    ours()
    porespy.metrics.two_point_correlation(images[0] == 0)  # both warm
    pairs = [(_seconds(ours), _seconds(peer)) for _ in range(REPEATS)]
    fast, slow = (statistics.median(side) for side in zip(*pairs, strict=True))
    return fast * 1000 / IMAGES, slow * 1000 / PEER_IMAGES


def _seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    sys.stdout.write(" ".join(map(str, _compare())))
