"""Puts the commands together and turns every error into words and an exit code."""

import sys
from collections.abc import Sequence

import typer

from console import __version__
from console.cli import audit, freeze, moves, release, target
from console.cli.demo import demo
from console.cli.judge import judge
from console.cli.output import print_error
from console.cli.practice import practice
from console.model.errors import ConsoleError

app = typer.Typer(
    name="release-console",
    help="Hold releases to their gates, and take them back in one click. Without a command: the desktop.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 ok, 1 gate or verification failed, 2 usage or bad file, 3 frozen or not permitted, 4 unreachable, 5 unknown.",
)
app.command("demo")(demo)
app.command("practice")(practice)
app.add_typer(target.app, name="target")
app.add_typer(release.app, name="release")
app.command("switch")(moves.switch)
app.command("rollback")(moves.rollback)
app.add_typer(moves.flag_app, name="flag")
app.add_typer(freeze.app, name="freeze")
app.command("judge")(judge)
app.add_typer(audit.app, name="audit")


def _version(*, wanted: bool) -> None:
    if wanted:
        print(f"release-console {__version__}")
        raise typer.Exit


@app.callback()
def options(*, version: bool = typer.Option(False, "--version", callback=lambda wanted: _version(wanted=wanted), is_eager=True)) -> None:
    """Hold releases to their gates, and take them back in one click. Without a command: the desktop."""


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; no error leaves as a traceback."""
    try:
        app(list(arguments), prog_name="release-console", standalone_mode=True)
    except ConsoleError as error:
        print_error(error)
        return error.exit_code
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away: nothing is wrong with us
        return 0
    except KeyboardInterrupt:
        return 130
    return 0
