"""Dask as the engine: real worker processes, of which some are killed."""

import json
import os

import pytest

from tests.cluster import tasks
from trendbench.cluster import dask
from trendbench.cluster.dask import connected
from trendbench.errors import ClusterError, DataFileError
from trendbench.metrics.full_card import full_card

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def cluster():
    """Three workers on this machine, at an address."""
    distributed = pytest.importorskip("distributed")
    with (
        pytest.MonkeyPatch.context() as patch,
        distributed.LocalCluster(
            n_workers=3, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as local,
    ):
        # Killed workers come back as fast as the machine imports what they need.
        patch.setattr(dask, "_SECONDS_TO_CONNECT", 120)
        yield local.scheduler_address


def test_results_come_in_order_from_several_processes(cluster):
    with connected(cluster) as engine:
        done = list(engine.map(tasks.whose, range(24)))
    assert [task for task, _ in done] == list(range(24))
    assert len({pid for _, pid in done} - {os.getpid()}) >= 2


def test_a_task_that_kills_every_worker_is_given_up(cluster):
    with connected(cluster) as engine:
        results = engine.map(tasks.fatal, range(3))
        assert next(results) == 0
        with pytest.raises(ClusterError, match="task 1 of 3 has taken several workers"):
            next(results)


def test_errors_of_ours_and_of_the_disk_travel_back(cluster):
    with connected(cluster) as engine:
        with pytest.raises(DataFileError, match="task 0 is refused"):
            list(engine.map(tasks.refused, range(2)))
        with pytest.raises(OSError, match="No space left"):
            list(engine.map(tasks.full, range(4)))


def test_workers_of_another_trendbench_are_refused(cluster, monkeypatch):
    monkeypatch.setattr(dask, "__version__", "9.9.9")
    with pytest.raises(ClusterError, match=r"here is trendbench 9\.9\.9"), connected(cluster):
        pass


def test_a_cluster_that_cannot_be_reached_is_one_line(monkeypatch):
    monkeypatch.setattr(dask, "_SECONDS_TO_CONNECT", 1)
    with (
        pytest.raises(ClusterError, match="no scheduler can be reached"),
        connected("tcp://127.0.0.1:9"),
    ):
        pass


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("moon", "say local, a scheduler's address"),
        ("slurm:2", "say local, a scheduler's address"),
        ("nowhere.json", "no such scheduler file"),
    ],
)
def test_misspelt_clusters_are_refused(where, reason):
    with pytest.raises(ClusterError, match=reason), connected(where):
        pass


def test_a_scheduler_s_file_will_do(cluster, tmp_path):
    (tmp_path / "scheduler.json").write_text(f'{{"address": "{cluster}"}}')
    with connected(str(tmp_path / "scheduler.json")) as engine:
        assert list(engine.map(tasks.full, range(2))) == [0, 1]


def test_a_card_is_the_same_wherever_its_images_are_looked_at(cluster, small_data):
    """To the last bit."""
    test = small_data.load("test")
    cards = [full_card(test.r, small_data, name="true", second=test.s2, c2st=False)]
    with connected(cluster) as engine:
        cards.append(
            full_card(test.r, small_data, name="true", second=test.s2, c2st=False, engine=engine)
        )
    here, there = (json.dumps(card.to_json()) for card in cards)
    assert here == there
