"""A bug report holds what is needed of the machine, and nothing of its owner."""

import json
import platform
from pathlib import Path

import pytest

import trendbench
from trendbench import system_report as module
from trendbench.system_report import anonymous, report_text, system_report


def test_the_report_names_versions_threads_and_folders():
    report = system_report()
    assert report["trendbench"]["version"] == trendbench.__version__
    assert report["libraries"]["torch"] != "missing"
    assert report["threads"]["numba"].isdigit()
    assert "usable" in report["processor"]["cores"]
    assert "compiled kernels" in report["folders"]
    text = report_text(report)
    assert all(len(line.split()) for line in text.splitlines())
    json.dumps(report)


def test_owner_and_host_are_left_out(monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ada"))
    monkeypatch.setattr(module, "_user", lambda: "ada")
    monkeypatch.setattr(platform, "node", lambda: "engine-1")
    assert anonymous("/home/ada/.cache/x") == "~/.cache/x"
    assert anonymous("/home/ada") == "~"
    assert anonymous("/home/adam/x") == "/home/adam/x"
    assert (
        anonymous("/scratch/ada/x on engine-1, adapter") == "/scratch/<user>/x on <host>, adapter"
    )


@pytest.mark.parametrize("missing", ["torch", "pandas"])
def test_a_missing_library_is_said(monkeypatch, missing):
    def version(name):
        if name == missing:
            raise module.importlib.metadata.PackageNotFoundError
        return "1.0"

    monkeypatch.setattr(module.importlib.metadata, "version", version)
    assert module._versions()[missing] == "missing"
