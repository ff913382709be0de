"""Puts the commands together and turns every error into words and an exit code."""

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress

import typer

from console import __version__
from console.app import begin_logs
from console.cli import audit, freeze, moves, release, target, team, train, wayback, wheel, workload
from console.cli.agent import agent
from console.cli.demo import OpenDesktop, demo
from console.cli.judge import judge
from console.cli.output import print_error
from console.cli.practice import practice
from console.model.errors import ConsoleError, OutcomeUnknown

LOG = logging.getLogger(__name__)

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
release.app.command("step")(wayback.step)
release.app.command("rows")(wayback.rows)
release.app.command("rehearse")(wayback.rehearse)
target.app.command("quarantine")(wayback.quarantine)
target.app.command("lift")(wayback.lift)
target.app.command("resume-reconcilers")(wayback.resume_reconcilers)
release.app.add_typer(train.app, name="train")
app.add_typer(release.app, name="release")
app.command("switch")(moves.switch)
app.command("rollback")(moves.rollback)
app.add_typer(moves.flag_app, name="flag")
app.add_typer(workload.app, name="workload")
app.add_typer(freeze.app, name="freeze")
app.add_typer(wheel.app, name="wheel")
app.command("judge")(judge)
app.add_typer(audit.app, name="audit")
app.add_typer(team.app, name="team")
app.command("agent")(agent)


def _version(*, wanted: bool) -> None:
    if wanted:
        print(f"release-console {__version__}")
        raise typer.Exit


@app.callback()
def options(*, version: bool = typer.Option(False, "--version", callback=lambda wanted: _version(wanted=wanted), is_eager=True)) -> None:
    """Hold releases to their gates, and take them back in one click. Without a command: the desktop."""


def run(arguments: Sequence[str], open_desktop: OpenDesktop | None = None) -> int:
    """Run a command and return its exit code; no error leaves as a traceback. An outer door: a bug is logged, and told in words."""
    try:
        app(list(arguments), prog_name="release-console", standalone_mode=True, obj=open_desktop)
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
    except Exception as error:
        _ready_to_log()
        LOG.exception("a command broke")
        return _tell_fault(error)
    return 0


def _ready_to_log() -> None:
    if not logging.getLogger().handlers:
        with suppress(ConsoleError):
            begin_logs("cli")
    logging.getLogger().addHandler(logging.NullHandler())  # without any handler Python would print the traceback


def _tell_fault(error: Exception) -> int:
    """Tell a bug in words, and return the exit code: what was asked may be done, or not."""
    told = OutcomeUnknown(
        f"The console made an error: {type(error).__name__}.",
        means="What was asked may be done, or not.",
        advice="`release-console release list` shows where rollouts stand; cli.log in the folder of logs says more of the error.",
    )
    print_error(told)
    return told.exit_code
