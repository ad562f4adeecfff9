"""Talk that nobody can hear is lost, and nothing else is."""

import io
import sys

import pytest

from trendbench.progress import bar, optional, say


class Broken(io.StringIO):
    def write(self, text):  # noqa: ARG002
        raise BrokenPipeError(32, "Broken pipe")


class Terminal(Broken):
    def isatty(self):
        return True


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, object(), closed(), Broken(), Terminal()])
def test_a_stream_that_takes_nothing_stops_nothing(stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    say("ξ")
    with bar("counting", 3, "images") as progress:
        progress.advance(3, "done")


def test_what_is_optional_is_left_out_in_one_line(capsys):
    with optional("the figures"):
        raise ValueError("two\nlines")
    assert capsys.readouterr().err == "the figures left out: ValueError: two lines\n"
    with pytest.raises(KeyboardInterrupt), optional("the figures"):
        raise KeyboardInterrupt
