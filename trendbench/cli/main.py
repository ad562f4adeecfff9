"""The ``trendbench`` command: its subcommands, and what becomes of errors."""

import errno
import importlib
import io
import os
import sys
import traceback
from typing import NoReturn

import click

from trendbench import __version__
from trendbench.errors import DEBUG, TrendbenchError, nearest
from trendbench.plain_text import inert

# name: (module under trendbench.cli, one line of help). Modules are imported when called, so
# that --help stays instant.
_COMMANDS = {
    "make-data": ("make_data", "Simulate a task into a data file."),
    "import": ("import_", "Make a data file of pictures of one's own."),
    "info": ("info", "Say what is in a data file."),
    "verify": ("verify", "Check a data file: hashes, germs against images, physics."),
    "preview": ("preview", "Draw triplets of a data file with their density profiles."),
    "archs": ("archs", "List the generators that can be run."),
    "tasks": ("tasks", "List the tasks that data can be made of."),
    "run": ("run", "Train a generator, score it, record the result."),
    "tune": ("tune", "Search for a generator's hyper-parameters."),
    "sample": ("sample", "Draw with published weights, or with a run's."),
    "score": ("score", "Score anyone's images against a data file."),
    "fit": ("fit", "Fit the Boolean model of disks with a trend to binary pictures."),
    "power": ("power", "Say how small a damage each score detects."),
    "new": ("new", "Write a generator to start from."),
    "test": ("test", "Test a generator against the protocol."),
    "export": ("export", "Write a data file's images for other programs."),
    "submit": ("submit", "Score samples and pack an entry for the leaderboard."),
    "leaderboard": ("leaderboard", "Print the leaderboard and write its CSV."),
    "report": ("report", "Write the leaderboard as a page with every row's card."),
    "card": ("card", "Write the card of a task, a data file or a run."),
    "cite": ("cite", "Print how to cite the suite."),
    "sys-info": ("sys_info", "Say what a bug report needs to know of this machine."),
}
_INTERRUPTED = 130
_USERS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR,
          errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP}  # fmt: skip
_FULL = ": free some space and run the same command again"
_RIGHTS = ": check its permissions, or name another place"
_ADVICE = {errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EACCES: _RIGHTS, errno.EPERM: _RIGHTS,
           errno.EROFS: ": choose a folder you may write to",
           errno.EMFILE: ": allow more open files with ulimit -n"}  # fmt: skip


class _LazyGroup(click.Group):
    """A group that imports a subcommand's module only to run it or to show its options."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _ = _COMMANDS[cmd_name]
        command: click.Command = importlib.import_module(f"trendbench.cli.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = nearest(args[0], _COMMANDS)
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean '{near[0]}'?", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trendbench")
def group() -> None:
    """An exactly solvable benchmark for generative models of non-stationary textures.

    Everyday use: trendbench make-data --n 3500, then trendbench run --arch nf32-woUnet.
    """


def main() -> NoReturn:
    """Run the command line and leave with 0, 2 (the input is wrong), 1 (anything else) or 130."""
    _open_streams()
    try:
        code = group.main(standalone_mode=False)
        sys.stdout.flush()
        _leave(code if isinstance(code, int) else 0)
    except click.exceptions.Abort as error:
        if isinstance(error.__cause__, EOFError):  # click takes it for a person's Ctrl-D
            _fail_unforeseen(error.__cause__)
        _fail("interrupted; what was finished is saved, the same command goes on", _INTERRUPTED)
    except KeyboardInterrupt:
        _fail("interrupted; what was finished is saved, the same command goes on", _INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        _leave(0)
    except click.ClickException as error:
        hint = getattr(error, "ctx", None)
        tail = f" (see {hint.command_path} --help)" if hint is not None else ""
        _fail(f"{' '.join(error.format_message().split())}{tail}", error.exit_code)
    except TrendbenchError as error:
        if os.environ.get(DEBUG) and error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        _fail(str(error), error.exit_code)
    except BrokenPipeError:
        _forget_unwritten()
        _leave(1)
    except OSError as error:
        _forget_unwritten()
        where = f"{error.filename}: " if error.filename else ""
        advice = _ADVICE.get(error.errno or 0, "")
        _fail(f"{where}{error.strerror or error}{advice}", 2 if error.errno in _USERS else 1)
    except MemoryError:
        _fail("out of memory: ask for a smaller --n, batch or frame", 1)
    except Exception as error:
        _fail_unforeseen(error)


def _forget_unwritten() -> None:
    """Where stdout takes no more, as a full disk, drop what is left: the exit code is ours."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail_unforeseen(error: Exception) -> NoReturn:
    if os.environ.get(DEBUG):
        raise error
    what = f"internal error, {type(error).__name__}: {error}"
    _fail(f"{what} (please report it; {DEBUG}=1 shows where)", 1)


def _fail(message: str, code: int) -> NoReturn:
    line = inert(" ".join(str(message).split()))
    sys.stderr.write(f"trendbench: {line}\n")
    _leave(code)


def _open_streams() -> None:
    """Give a place to each of stdin, stdout and stderr that was closed, and any character to both.

    Where one is closed, the next file that is opened gets its number, and what C code then prints
    lands in that file.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is this one, as those below it are open by now.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _leave(code: int) -> NoReturn:
    sys.exit(code)
