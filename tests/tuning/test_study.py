"""A search goes on where it stopped, counts each trial once, and reads no test image."""

import json
import os
import signal
import subprocess
import sys
import tomllib

import pytest
from click.testing import CliRunner

from trendbench.cli.main import group
from trendbench.data.dataset import Dataset
from trendbench.data.make import make_data
from trendbench.errors import RecipeError, RunError, StudyError
from trendbench.generators.recipes import find_recipe
from trendbench.results.study import StudySummary, read_studies
from trendbench.runner.run import run
from trendbench.storage.lock import holding
from trendbench.tuning import journal
from trendbench.tuning.study import tune
from trendbench.tuning.trial import _bench, run_trial

AS_INSTALLED = (
    "import sys; sys.argv = ['trendbench', *sys.argv[1:]]\n"
    "from trendbench.cli.main import main\nmain()"
)


def ask(place, *more, trials=2):
    command = [
        "tune", "--arch", place.arch, "--trials", trials, "--data", place.data, "--space",
        place.folder / "space.toml", "--study", place.folder / "study", "--results",
        place.folder / "results", *more,
    ]  # fmt: skip
    return [str(part) for part in command]


def by_itself(command, **how):
    """The program as a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", AS_INSTALLED, *command], capture_output=True, text=True, **how
    )


def test_the_same_call_goes_on_to_the_number_of_trials(place):
    first = place.tune(2).summary
    assert [trial.number for trial in first.trials] == [0, 1]
    assert first.trials[0].parameters == {"level": 0.5}, "the recipe's own values come first"
    assert first.trials[0].epochs == [1, 2]
    assert first.trials[0].values[-1] == first.trials[0].value
    more = place.tune(4).summary
    assert [trial.number for trial in more.trials] == [0, 1, 2, 3]
    assert more.trials[:2] == first.trials
    again = place.tune(4).summary
    assert again == more
    assert place.tune(1).summary == more, "fewer than there are is nothing to do"


def test_a_study_in_two_sittings_is_the_study_in_one(place):
    def drawn(outcome):
        return [(trial.parameters, trial.value) for trial in outcome.summary.trials]

    whole = drawn(place.tune(4, study=place.folder / "one"))
    place.tune(2)
    assert drawn(place.tune(4)) == whole
    other = drawn(place.tune(4, study=place.folder / "other", seed=1))
    assert other[1:] != whole[1:]


def test_a_trial_that_lags_behind_is_cut_short(place, monkeypatch):
    """With the recipe's value finished first, the worse choice is not worth a second epoch."""
    monkeypatch.setattr(journal, "_SEEN_WHOLE", 1)
    (place.folder / "space.toml").write_text("[level]\nchoices = [0.5, 1.0]\n")
    trials = place.tune(6).summary.trials
    lagging = [trial for trial in trials if trial.parameters["level"] == 1.0]
    assert lagging
    for trial in lagging:
        assert (trial.state, trial.epochs, trial.ended) == ("pruned", [1], "worse than the median")
    assert all(trial.state == "complete" for trial in trials if trial not in lagging)


def test_no_test_image_is_read(place, monkeypatch):
    read, seen = Dataset.numbers, set()
    _bench.cache_clear()

    def watched(self, name, *rows, **options):
        seen.add(name.partition("/")[0])
        return read(self, name, *rows, **options)

    monkeypatch.setattr(Dataset, "numbers", watched)
    tune("pix2pix-2", trials=1, data=place.data, epochs=1, device="cpu",
         study=place.folder / "study", results=place.folder / "results")  # fmt: skip
    assert seen == {"train", "val"}


def test_an_interrupted_trial_goes_on_as_another(place):
    for _ in range(2):
        place.wish("interrupt")
        with pytest.raises(KeyboardInterrupt):
            place.tune(2)
    assert [epoch for epoch, _ in place.epochs(0)] == [1]
    trials = place.tune(2).summary.trials
    assert [(trial.number, trial.state) for trial in trials] == [(2, "complete"), (3, "complete")]
    assert [epoch for epoch, _ in place.epochs(0)] == [1, 2]
    assert trials[0].epochs == [1, 2]
    assert trials[0].parameters == {"level": 0.5}


def test_an_interrupted_study_keeps_what_is_finished(place):
    place.tune(1)
    place.wish("interrupt")
    with pytest.raises(KeyboardInterrupt):
        place.tune(3)
    summary = json.loads((place.folder / "study" / "summary.json").read_text())
    assert [trial["number"] for trial in summary["trials"]] == [0]


def test_a_killed_process_loses_no_trial_and_counts_none_twice(place):
    place.wish("kill")
    killed = by_itself(ask(place))
    assert killed.returncode == -signal.SIGKILL
    trials = place.tune(2).summary.trials
    assert [(trial.number, trial.state) for trial in trials] == [(1, "complete"), (2, "complete")]
    (first, gone), (_, other) = place.epochs(0)
    assert first == 1
    assert gone != other == os.getpid()


def test_one_command_at_a_time_works_on_a_study(place):
    place.tune(1)
    with (
        holding(place.folder / "study" / "lock", "it"),
        pytest.raises(RunError, match="is at work in another process"),
    ):
        place.tune(2)


def test_a_journal_that_a_power_cut_has_torn_is_mended(place):
    first = place.tune(2).summary
    path = place.folder / "study" / "journal.log"
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines()[-1][:9])
    assert place.tune(3).summary.trials[:2] == first.trials
    assert len(place.tune(4).summary.trials) == 4


def test_a_training_that_explodes_is_a_trial_cut_short(place):
    place.wish("explode")
    trials = place.tune(2).summary.trials
    assert [trial.state for trial in trials] == ["pruned", "complete"]
    assert trials[0].ended == "a loss exploded"


def test_a_trial_that_fails_is_noted_and_others_take_its_place(place):
    place.wish("fail")
    with pytest.raises(RecipeError, match=r"Quick\.fit raised ValueError: no reason"):
        place.tune(2)
    (place.folder / "fail").unlink()
    trials = place.tune(2).summary.trials
    assert [trial.state for trial in trials] == ["failed", "complete", "complete"]
    assert "no reason" in trials[0].ended


def test_a_failing_trial_s_values_are_not_drawn_again(place):
    place.tune(1)
    place.wish("fail")
    for _ in range(2):
        with pytest.raises(RecipeError, match="no reason"):
            place.tune(2)
    (place.folder / "fail").unlink()
    trials = place.tune(2).summary.trials
    assert [trial.state for trial in trials] == ["complete", "failed", "failed", "complete"]
    assert len({trial.parameters["level"] for trial in trials}) == 4


def test_a_trial_that_a_lost_worker_still_trains_is_left_to_it(place):
    place.wish("interrupt")
    with pytest.raises(KeyboardInterrupt):
        place.tune(1)
    folder = place.folder / "study" / "trials" / "0000"
    with holding(folder / "lock", "it"), pytest.raises(RunError, match=r"trial 0 in .* at work"):
        place.tune(1)
    (trial,) = place.tune(1).summary.trials
    assert (trial.state, trial.parameters) == ("complete", {"level": 0.5})


def test_another_study_in_the_same_folder_is_refused_with_the_difference(place, small):
    place.tune(1)
    with pytest.raises(StudyError, match=r"\(epochs was 2, now 1\)"):
        place.tune(1, epochs=1)
    with pytest.raises(StudyError, match=r"\(seed was 0, now 5\)"):
        place.tune(1, seed=5)
    (place.folder / "space.toml").write_text("[level]\nlow = 0.1\nhigh = 1.0\n")
    with pytest.raises(StudyError, match=r"\[level\] was '0.2 to 1.0', now '0.1 to 1.0'"):
        place.tune(1)
    with pytest.raises(StudyError, match="arch was 'quick', now 'pix2pix-2'"):
        tune("pix2pix-2", **place.options(space=None))
    make_data(small, 4, place.folder / "other.h5")
    with pytest.raises(StudyError, match="is not the data file that the study was begun with"):
        run_trial(place.folder / "study", place.folder / "other.h5", 0)


def test_a_folder_of_something_else_is_refused(place):
    (place.folder / "mine").mkdir()
    (place.folder / "mine" / "thesis.txt").touch()
    with pytest.raises(StudyError, match=r"thesis.txt and no study"):
        place.tune(1, study=place.folder / "mine")
    with pytest.raises(StudyError, match="is a file"):
        place.tune(1, study=place.arch)
    with pytest.raises(StudyError, match="holds no study"):
        run_trial(place.folder / "none", place.data, 0)


def test_the_best_recipe_runs_and_bears_its_own_name(place):
    outcome = place.tune(3)
    best = min(outcome.summary.trials, key=lambda trial: trial.value)
    recipe = find_recipe(str(outcome.best))
    assert recipe.arch == "tuned-quick"
    assert recipe.parameters == {"epochs": 2, **best.parameters}
    assert tomllib.loads(outcome.best.read_text())["summary"] == "quick, the best of 3 trials"
    done = run(str(outcome.best), data=place.data, c2st=False, results=place.folder / "results")
    assert done.record.parent.name == "tuned-quick"
    with pytest.raises(RunError, match="--restart"):
        run(str(outcome.best), data=place.data, c2st=False, results=place.folder / "results",
            epochs=9)  # fmt: skip


def test_the_summary_lies_among_the_results(place):
    outcome = place.tune(2)
    assert outcome.path.parent == place.folder / "results" / "studies"
    assert outcome.summary in read_studies(place.folder / "results")
    head, *rows = outcome.trials.read_text().splitlines()
    assert head == "number,state,value,xi_ratio,flags,epochs,seconds,level"
    assert [row.split(",")[0] for row in rows] == ["0", "1"]
    outcome.path.write_text(outcome.path.read_text().replace('"quick"', '"=evil()"', 1))
    assert outcome.summary not in read_studies(place.folder / "results")


def test_the_command_prints_a_table_and_json(in_process, place):
    shown = in_process(*ask(place))
    assert shown.returncode == 0, shown.stderr
    assert "quick on small, 2 trials" in shown.stdout
    table, _, rest = shown.stdout.partition("study  ")
    assert max(map(len, table.splitlines())) <= 80
    assert f"trendbench run --arch {place.folder}/study/best.toml" in rest
    result = CliRunner().invoke(group, ask(place, "--json"))
    summary = StudySummary.model_validate(json.loads(result.stdout))
    assert [trial.number for trial in summary.trials] == [0, 1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--space", "none.toml"], "none.toml cannot be read"),
        (["--data", "none.h5"], "no data file at none.h5"),
        (["--trials", "0"], "0 is not in the range"),
        (["--jobs", "0"], "0 is not in the range"),
        (["--device", "abacus"], "device 'abacus'"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(in_process, place, change, said):
    answer = in_process(*ask(place, *change))
    assert answer.returncode == 2
    assert said in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert not (place.folder / "study").exists()


def test_ctrl_c_exits_130(in_process, place):
    place.wish("interrupt")
    answer = in_process(*ask(place))
    assert answer.returncode == 130
    assert answer.stderr.splitlines()[-1].endswith("the same command goes on")


def test_without_optuna_one_line_says_so(place, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        journal.importlib.util, "find_spec", lambda name: None if name == "optuna" else find(name)
    )
    with pytest.raises(StudyError, match=r"pip install 'trendbench\[tune\]'"):
        place.tune(1)
    assert not (place.folder / "study").exists()
