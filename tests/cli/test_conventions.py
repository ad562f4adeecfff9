"""card, cite, sys-info and completion as a person meets them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from trendbench.catalog import RESULTS, spec_names
from trendbench.cli.main import group

COMPLETE = "_TRENDBENCH_COMPLETE"
AS_INSTALLED = (
    "import sys; sys.argv = ['trendbench', *sys.argv[1:]]\n"
    "from trendbench.cli.main import main\nmain()"
)


def ask(*arguments):
    return CliRunner().invoke(group, [str(argument) for argument in arguments])


def test_card_tells_what_it_was_given(small_file, tmp_path):
    assert "# trend-v1\n" in ask("card", "trend-v1").stdout
    assert "`small.h5`, simulated with seed 3" in ask("card", small_file).stdout
    record = next(RESULTS.glob("*/pix2pix-8/*.json"))
    assert "# pix2pix-8 on trend-v1\n" in ask("card", record).stdout
    out = tmp_path / "croissant.json"
    written = ask("card", small_file, "--croissant", "--url", "https://e.org/a.h5", "--out", out)
    assert written.stdout == f"{out}\n"
    assert json.loads(out.read_text())["url"] == "https://e.org/a.h5"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["card", "nope"], "nope"),
        (["card", "no.h5"], "no data file at no.h5"),
        (["card", "no.json"], "no.json"),
        (["card", __file__], "needed is a task's name or .toml, a data file's .h5"),
        (["card", "trend-v1", "--out", "."], ". is a folder: --out names the file to write"),
        (["leaderboard", "--markdown", "arch,nope"], "no 'nope': one of rank"),
        (["card", "trend-v1", "--croissant"], "no data file"),
        (["card", "trend-v1", "--url", "x"], "--croissant"),
        (["cite", "--format", "ris"], "bibtex"),
    ],
)
def test_what_cannot_be_written_is_said(arguments, words):
    result = ask(*arguments)
    assert result.exit_code
    assert words in result.output + str(result.exception)


def test_cite_prints_each_format():
    assert ask("cite").stdout.count("\n@") == 1  # the suite, and the thesis
    assert ask("cite", "--format", "cff").stdout.startswith("cff-version: 1.2.0\n")
    assert "(2017)" in ask("cite", "--format", "apa").stdout


def test_sys_info_is_for_people_and_for_programs():
    assert "compiled kernels" in ask("sys-info").stdout
    assert set(json.loads(ask("sys-info", "--json").stdout)) >= {"trendbench", "threads"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shells_get_a_completion_script(shell):
    script = subprocess.run(
        [sys.executable, "-c", AS_INSTALLED],
        env={**os.environ, COMPLETE: f"{shell}_source"}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert f"{COMPLETE}={shell}_complete" in script


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("trendbench lea", {"leaderboard"}),
        ("trendbench tas", {"tasks"}),
        ("trendbench run --tens", {"--tensorboard"}),
        ("trendbench run --arch nf16-w", {"nf16-woUnet"}),
        ("trendbench make-data --spec trend-v1-", {"trend-v1-independent"}),
        ("trendbench cite --format a", {"apa"}),
        ("trendbench run --device c", {"cpu", "cuda"}),
        ("trendbench run --arch nf8 --preset ", {"short", "study"}),
        ("trendbench run --arch ./mine.p", {"./mine.p"}),
    ],
)
def test_commands_options_and_names_are_completed(typed, expected):
    answer = subprocess.run(
        [sys.executable, "-c", AS_INSTALLED],
        env={
            **os.environ, COMPLETE: "bash_complete", "COMP_WORDS": typed,
            "COMP_CWORD": str(len(typed.split(" ")) - 1),
        },
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert {line.partition(",")[2] for line in answer.splitlines()} == expected


def test_the_home_folder_is_no_part_of_a_report():
    home = str(Path.home())
    text = ask("sys-info").stdout
    assert home == "/" or f" {home}/" not in text


def test_a_misspelt_command_is_answered_with_the_nearest():
    result = CliRunner().invoke(group, ["rnu"])
    assert result.exit_code == 2
    assert "Did you mean 'run'?" in result.output
    assert "Did you mean" not in CliRunner().invoke(group, ["xyzzy"]).output


@pytest.mark.parametrize(
    ("typed", "expected"),
    [(["--task"], " ".join(sorted(["mine", *spec_names()]))),
     (["--family", "su"], "submitted"), (["--arch", "nf32-3"], "nf32-3x3-woUnet"),
     (["--differences", "xi_r"], "xi_ratio"), (["--score", "xi_r"], "xi_ratio"),
     (["--markdown", "arch,xi_r"], "arch,xi_ratio arch,xi_ratio_low arch,xi_ratio_high")],
)  # fmt: skip
def test_the_board_s_names_are_completed(tmp_path, typed, expected):
    """Tasks of local records among them, in the folder that was named."""
    record = tmp_path / "mine" / "nf8" / "seed0-000000000000.json"
    record.parent.mkdir(parents=True)
    record.touch()
    completion = ShellComplete(group, {}, "trendbench", "_TRENDBENCH_COMPLETE")
    option, begun = (*typed, "")[:2]
    words = ["leaderboard", "--results", str(tmp_path), option]
    found = [item.value for item in completion.get_completions(words, begun)]
    assert found == expected.split()
