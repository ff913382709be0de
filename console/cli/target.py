"""The `target` commands: check, add, list, status, notify, arm, trust."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from console.app import Console, view_when
from console.cli import connecting
from console.cli.light import light_words
from console.cli.output import LINE, age, print_json, print_table
from console.cli.schema import print_schema
from console.cli.session import with_console
from console.model.alerts import AlertsView
from console.model.clock import SystemClock
from console.model.desk import FileProblem
from console.model.errors import BadFile
from console.model.notes import ChannelTried
from console.model.text import clean
from console.model.views import Fact, TargetView

app = typer.Typer(no_args_is_help=True, help="Target files, and what the console knows of each target.")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it goes into the audit.")]
Name = Annotated[str, typer.Argument(help="The target's name.", metavar="TARGET")]


def _mistake(problem: FileProblem) -> str:
    """Return a mistake as compilers write it, so that editors jump to it; a file that cannot be read has no line and no field."""
    place = f"{problem.path}:{problem.line}: {problem.field}" if problem.line else problem.path
    hint = f" (did you mean {problem.nearest}?)" if problem.nearest else ""
    return f"{place}: found {problem.found}, wanted {problem.wanted}{hint}"


@app.command()
def check(files: Annotated[list[Path], typer.Argument(help="Target files (YAML).")], *, as_json: AsJson = False) -> None:
    """Check target files and report every mistake; nothing in them is run."""

    async def work(console: Console) -> list[FileProblem]:
        return [problem for path in files for problem in await console.check_file(path)]

    problems = with_console(work)
    if as_json:
        print_json({"files": [str(path) for path in files], "problems": problems})
    else:
        for problem in problems:
            print(clean(_mistake(problem), LINE))
        if not problems:
            print("\n".join(f"{path}: good" for path in files))
    if problems:
        raise typer.Exit(2)


@app.command()
def add(file: Annotated[Path, typer.Argument(help="A target file (YAML).")]) -> None:
    """Take a target file in: it is read and watched, and not written to until you arm it."""

    async def work(console: Console) -> str:
        return await console.add_target(file)

    name = with_console(work)
    print(f"{name} is added: observe-only, its commands not trusted.")
    print(f"Let the console write to it with: release-console target arm {name}")


app.command()(connecting.connect)


@app.command("list")
def list_targets(*, as_json: AsJson = False) -> None:
    """List the targets that the console knows."""

    async def work(console: Console) -> None:
        rows = await console.store.targets.rows()
        if as_json:
            print_json({"targets": rows})
            return
        print_table(
            ("TARGET", "ARMED", "COMMANDS", "STABLE", "FILE"),
            [
                (row.name, "armed" if row.armed else "observe-only", "trusted" if row.trusted_digest else "-", row.stable or "-", row.path)
                for row in rows
            ],
        )

    with_console(work)


def _fact(fact: Fact) -> str:
    now = SystemClock().now()
    return "unknown" if fact.value is None else f"{fact.value:g} %, {age(fact.at, now)} ago"


def _status_text(view: TargetView) -> None:
    now = SystemClock().now()
    print(f"{view.name} ({view.environment.value}): {view.state.value.replace('_', ' ')}. {view.state_text}")
    print(f"  stable    {view.stable} {view.stable_version}")
    print(f"  canary    {view.canary} {view.canary_version}")
    for word, fact in (("asked", view.weight.asked), ("read back", view.weight.read_back), ("measured", view.weight.measured)):
        print(f"  {word:<9} {_fact(fact)}")
    print(f"  freeze    {'frozen: ' + view.freeze.name if view.freeze.frozen else 'open'}")
    print(f"  writing   {'armed' if view.armed else 'observe-only'}, freezes enforced by this console only")
    if view.readiness is not None:
        worst = view.readiness.items[0]
        print(f"  way back  {light_words(view.readiness, now)}; {worst.name}: {worst.sentence}")
    for row in view.quarantine:
        paused = f"; paused: {', '.join(row.paused)}" if row.paused else ""
        print(f"  {'lifted' if row.lifted else 'bad'}       {row.version}: {row.reason or 'rolled back'} ({row.by}, {row.rollout}){paused}")
    if view.alerts is not None:
        _print_alerts(view.alerts, now)
    if view.schema is not None:
        print_schema(view.schema, now)
    for link in view.dashboards:
        print(f"  dashboard {link.name}: {link.url}")
    for connection in view.connections:
        words = "answers" if connection.ok else (connection.problem.what if connection.problem else "no answer yet")
        print(f"  {connection.port:<9} {connection.system}: {words}, {age(connection.last_at, now)} old")
        for note in connection.notes:
            print(f"            {note}")
    for channel in view.channels:
        print(f"  notify    {channel.name} ({channel.system}): {channel.sentence}")


def _print_alerts(alerts: AlertsView, now: datetime) -> None:
    print(f"  alerts    {'; '.join(part for part in (alerts.words, alerts.quiet, alerts.problem) if part)}, {age(alerts.at, now)} old")
    for each in alerts.alerts:
        words = " ".join(part for part in (each.severity, each.name, each.summary) if part)
        print(f"            {'silenced ' if each.silenced else ''}{words}, for {age(each.since, now)}")


@app.command()
def status(name: Name, *, as_json: AsJson = False, wait: Annotated[float, typer.Option(help="Seconds to wait for answers.")] = 5.0) -> None:
    """Connect to a target and show its weights, versions and connections, each with its age."""

    def all_answered(view: TargetView) -> bool:
        return bool(view.connections) and all(c.ok or c.problem for c in view.connections)

    async def work(console: Console) -> TargetView:
        return await view_when(console, name, all_answered, wait)

    view = with_console(work, watch=[name])
    if as_json:
        print_json(view)
    else:
        _status_text(view)
    if not any(connection.ok for connection in view.connections if connection.port == "traffic"):
        raise typer.Exit(4)


@app.command()
def notify(
    name: Name,
    *,
    test: Annotated[bool, typer.Option("--test", help="Send a marked test note, and say which channels accepted it.")] = False,
    channel: Annotated[str, typer.Option(help="Only this channel.", metavar="CHANNEL")] = "",
    as_json: AsJson = False,
) -> None:
    """Show who is told of a target's rollouts and of what, and try it."""

    async def work(console: Console) -> tuple[TargetView, tuple[ChannelTried, ...]]:
        tried = await console.test_channels(name, channel) if test else ()
        return await view_when(console, name, lambda _: True, 5.0), tried

    view, tried = with_console(work, watch=[name])
    channels = tuple(each for each in view.channels if channel in {"", each.name})
    if as_json:
        print_json({"target": name, "channels": channels, "tried": tried})
    elif test:
        for each in tried:
            words = f"accepted after {each.took_s:.1f} s" if each.accepted else f"{each.problem} {each.advice}"
            print(f"{each.name} ({each.system}): {words}")
    elif channels:
        print_table(("CHANNEL", "KIND", "TOLD OF"), [(each.name, each.system, ", ".join(each.on)) for each in channels])
    else:
        print(f"Nobody is told: the file of {name} names no channel under notify.")
    if not all(each.accepted for each in tried):
        raise typer.Exit(4)


@app.command()
def arm(
    name: Name, *, reason: Reason = "", off: Annotated[bool, typer.Option("--off", help="Make it observe-only again.")] = False
) -> None:
    """Let the console write to a target."""

    async def work(console: Console) -> None:
        await console.arm(name, armed=not off, reason=reason)

    with_console(work, watch=[name])
    print(f"{name} is observe-only." if off else f"{name} is armed: the console may write to it.")


@app.command()
def trust(name: Name, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Show every command that a target's file would run, and allow them as they stand now."""

    async def commands(console: Console) -> tuple[str, ...]:
        return (await view_when(console, name, lambda _: True, 5.0)).commands

    listed = with_console(commands, watch=[name])
    if not listed:
        print(f"{name} declares no commands; there is nothing to trust.")
        return
    print(f"{name} would run these commands on this computer, as you:")
    print("\n".join(f"  {line}" for line in listed))
    if not yes and not typer.confirm("Allow exactly these?"):
        raise BadFile("Nothing was allowed.")

    async def allow(console: Console) -> None:
        if await commands(console) != listed:
            raise BadFile("The file has changed since its commands were listed; nothing was allowed.", advice="Look at them again.")
        await console.trust(name)

    with_console(allow, watch=[name])
    print("Allowed, as long as the file stays as it is.")
