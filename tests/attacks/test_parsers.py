"""Our parsers under Hypothesis: typed errors alone, and what is written comes back."""

import io
import math
import zipfile
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.campaign.seeds import seeds
from tests.campaign.targets import Bench
from trendbench.plain_text import inert, is_plain
from trendbench.results.store import pack_per_image
from trendbench.spec import spec_from_json
from trendbench.storage import bounded
from trendbench.storage.bounded import ArrayError, read_npz
from trendbench.training.losses import CurveLog

FEW = settings(
    max_examples=60, deadline=5000, suppress_health_check=list(HealthCheck), derandomize=True
)
NAMES = ("settings", "record", "entry", "leaderboard", "loss log", "run state", "spec", "recipe")


@pytest.fixture(scope="module")
def bench():
    made = Bench()
    yield made
    made.close()


sound = cache(seeds)


def test_there_is_a_sound_input_for_every_parser(bench):
    assert set(sound()) == set(bench.targets) == set(NAMES)


changes = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(["flip", "cut", "drop", "repeat", "insert", "zero", "ones"]),
        st.binary(min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=4,
)


def changed(content, steps):
    for place, how, extra in steps:
        at = int(place * len(content)) if content else 0
        head, tail = content[:at], content[at:]
        n = len(extra)
        content = {
            "flip": head + bytes(a ^ b for a, b in zip(tail, extra, strict=False)) + tail[n:],
            "cut": head,
            "drop": head + tail[n:],
            "repeat": head + tail[:64] + tail,
            "insert": head + extra + tail,
            "zero": head + bytes(n) + tail[n:],
            "ones": head + b"\xff" * n + tail[n:],
        }[how]
    return content


@pytest.mark.parametrize("name", NAMES)
@FEW
@given(steps=changes)
def test_damage_ends_in_a_typed_error_or_in_sound_content(bench, name, steps):
    bench.try_one(name, changed(sound()[name], steps))


@pytest.mark.parametrize("name", NAMES)
@FEW
@given(content=st.binary(max_size=300))
def test_rubbish_ends_in_a_typed_error(bench, name, content):
    bench.try_one(name, content)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("name", ["record", "settings"])
@FEW
@given(data=st.data())
def test_any_value_in_any_place_of_a_json_file(bench, name, data):
    import json

    content = json.loads(sound()[name])
    place = content
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else [0]))
        inner = place[key]
        if not isinstance(inner, dict) or not inner or data.draw(st.booleans()):
            break
        place = inner
    place[key] = data.draw(values)
    bench.try_one(name, json.dumps(content).encode())


words = st.from_regex(r"[a-z]{1,8}", fullmatch=True)


@FEW
@given(table=st.dictionaries(words, arrays.arrays("f4", 5, elements=st.floats(-9, 9, width=32))))
def test_per_image_scores_come_back(table):
    again = read_npz(pack_per_image(table), lambda name, shape, dtype: None, most=999)
    assert again.keys() == table.keys()
    for name in table:
        np.testing.assert_array_equal(again[name], table[name])


@FEW
@given(text=st.text(max_size=3000))
def test_inert_text_is_one_plain_line_that_keeps_plain_text(text):
    shown = inert(text)
    assert is_plain(shown)
    assert "\n" not in shown
    if is_plain(text) and len(text) <= 2000:
        assert shown == text


@FEW
@given(rows=st.lists(st.floats(-1e6, 1e6), max_size=8), kept=st.integers(0, 80))
def test_a_loss_log_cut_at_a_checkpoint_is_as_if_written_to_it(bench, rows, kept):
    one, other = bench.folder / "one.csv", bench.folder / "other.csv"
    for path, upto in ((one, 80), (other, kept)):
        path.unlink(missing_ok=True)
        log = CurveLog(path, 0)
        for i, value in enumerate(rows, start=1):
            if 10 * i <= upto:
                log.add(10 * i, {"d": value})
    CurveLog(one, kept)
    if other.exists():
        assert one.read_bytes() == other.read_bytes()


@FEW
@given(
    width=st.integers(8, 99), height=st.integers(1, 99), radius=st.floats(0.5, 9),
    low=st.floats(1e-3, 1e-2), n=st.integers(0, 10**9),
)  # fmt: skip
def test_a_spec_comes_back_from_its_json(width, height, radius, low, n):
    from trendbench.spec import TaskSpec

    spec = TaskSpec(name="a", width=width, height=height, radius=radius, lambda_left=low,
                    lambda_right=low, window=4, train=n, val=0, test=0)  # fmt: skip
    assert spec_from_json(spec.to_json(), "here") == spec


def test_a_zip_directory_that_promises_more_than_it_stores(monkeypatch):
    """Nothing is set aside on the word of an archive's directory."""
    header = io.BytesIO()
    shape = (5_000_000, 256, 256)
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("images.npy", header.getvalue())
        made.filelist[0].file_size = len(header.getvalue()) + math.prod(shape)
    monkeypatch.setattr(bounded, "scratch", lambda *_: pytest.fail("memory was asked for"))
    with pytest.raises(ArrayError, match="far fewer bytes are stored"):
        read_npz(archive.getvalue(), lambda name, shape, dtype: None, most=1)
