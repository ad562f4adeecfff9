"""Coverage-guided fuzzing of one parser: ``python -m tests.campaign.fuzz TARGET RUNS FOLDER``.

The folder holds ``seeds/``, inputs to begin with; an input that breaks the parser is left there
as ``crash-…``. Ends with 0 if none did.
"""

import os
import sys
from pathlib import Path

_SECONDS = 5


def main(name: str, runs: int, folder: Path) -> None:
    """Feed ``runs`` inputs; libFuzzer ends the process at the first that is not survived."""
    import atheris

    with atheris.instrument_imports(include=["trendbench", "zipfile", "json", "tomllib"]):
        import trendbench.generators.recipes
        import trendbench.generators.weights
        import trendbench.leaderboard.board
        import trendbench.leaderboard.compare
        import trendbench.metrics.files
        import trendbench.metrics.pictures
        import trendbench.runner.workspace
        import trendbench.submissions.entry
        import trendbench.training.losses  # noqa: F401
        from tests.campaign.targets import Bench, forbid_writing_outside
    bench = Bench()
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - what the parsers say of each input
    forbid_writing_outside(bench.folder)

    def one(content: bytes) -> None:
        bench.try_one(name, content)

    atheris.Setup(
        ["fuzz", f"-runs={runs}", f"-timeout={_SECONDS}", "-rss_limit_mb=4096", "-max_len=1048576",
         "-verbosity=0", "-len_control=0", "-use_value_profile=0", f"-seed={len(name)}",
         f"-artifact_prefix={folder}/", str(folder / "found"), str(folder / "seeds")],
        one,
    )  # fmt: skip
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
