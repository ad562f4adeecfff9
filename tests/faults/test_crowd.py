"""Many processes in one folder, kills among them: no row lost, none doubled, no file torn."""

import pytest

from tests.campaign.crowd import finishing, making_one_file
from tests.campaign.failures import make_data_command


def test_a_dozen_runs_finish_at_once_and_three_are_killed(tmp_path):
    assert finishing(tmp_path / "results", 12).lost == []


@pytest.mark.slow
def test_thirty_two_runs_finish_at_once_and_eight_are_killed(tmp_path):
    assert finishing(tmp_path / "results", 32).lost == []


def test_of_two_make_data_on_one_target_one_works_and_the_other_says_so(tmp_path):
    assert making_one_file(make_data_command(tmp_path), tmp_path / "x", 4).lost == []
