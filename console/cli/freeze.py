"""The `freeze` commands: check, list, add, remove, export, stop-the-line and lift."""

from datetime import datetime, time
from pathlib import Path
from typing import Annotated

import typer

from console.app import Console
from console.cli.output import plain, print_json, print_table
from console.cli.session import with_console
from console.cli.target import AsJson, Name, Reason
from console.model.clock import SystemClock, from_iso, iso
from console.model.errors import BadFile, NotAllowed
from console.model.freeze import FreezeState, FreezeWindow, OneOff, Weekly
from console.policy.calendar import YEARS
from console.policy.freezing import upcoming

app = typer.Typer(no_args_is_help=True, help="Spans in which nothing may raise exposure; going back is always open.")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _instant(text: str, option: str) -> datetime:
    try:
        moment = from_iso(text)
    except ValueError as error:
        raise BadFile(f"{option}: found {text!r}, wanted an instant with a zone, as 2026-11-27T18:00+01:00.") from error
    if moment.year not in YEARS:
        raise BadFile(f"{option}: found {text!r}, wanted an instant in the years {YEARS.start} to {YEARS.stop - 1}.")
    return moment


def _local(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadFile(f"{option}: found {text!r}, wanted a local time, as 2026-11-27T18:00.") from error
    if moment.tzinfo is not None:
        raise BadFile(f"{option}: found {text!r} with a zone of its own, wanted a local time; the zone goes into --zone.")
    return moment


def _words(state: FreezeState) -> str:
    if state.frozen:
        until = f" until {iso(state.until)}" if state.until else ""
        return f"frozen by {state.kind} {state.name}{until}: {state.reason} (owner: {state.owner or 'nobody named'}). Going back is open."
    following = f"; next {state.next_name} at {iso(state.next_start)}" if state.next_start else ""
    return f"open{following}"


@app.command()
def check(
    target: Name,
    *,
    at: Annotated[str, typer.Option("--at", help="An instant with a zone; now when left out.")] = "",
    until: Annotated[str, typer.Option("--until", help="Also refuse when a freeze begins before this instant.")] = "",
    as_json: AsJson = False,
) -> None:
    """Tell whether a target is frozen at an instant, or in a span; exit code 3 when it is."""
    start = _instant(at, "--at") if at else SystemClock().now()
    end = _instant(until, "--until") if until else None
    if end is not None and end <= start:
        raise BadFile(f"--until: found {until!r}, wanted an instant after {iso(start)}.")

    async def work(console: Console) -> FreezeState:
        return await (console.freeze_state(target, start) if at else console.freeze_now(target))

    state = with_console(work)
    overrun = end is not None and not state.frozen and state.next_start is not None and state.next_start < end
    if as_json:
        print_json({"target": target, "at": start, "until": end, "state": state, "overrun": overrun})
    else:
        print(f"{target}: {_words(state)}")
    if state.frozen or (overrun and end):
        if overrun and end and state.next_start:
            minutes = (end - state.next_start).total_seconds() / 60
            raise NotAllowed(f"It would end {minutes:.0f} min into {state.next_name}.")
        raise typer.Exit(3)


@app.command("list")
def list_windows(*, as_json: AsJson = False) -> None:
    """List every freeze window, from files and from the console, with its next three occurrences."""

    async def work(console: Console) -> list[FreezeWindow]:
        return list(await console.all_windows())

    windows = with_console(work)
    now = SystemClock().now()
    coming = {window.id: upcoming(window, now, 3) for window in windows}
    if as_json:
        print_json({"windows": [{**plain(w), "next": [(o.start, o.end) for o in coming[w.id]]} for w in windows]})
        return
    print_table(
        ("ID", "NAME", "OWNER", "ZONE", "COVERS", "FROM", "NEXT"),
        [
            (
                w.id,
                w.name,
                w.owner,
                w.zone,
                ", ".join(w.targets) or "all targets",
                w.origin,
                "; ".join(f"{iso(o.start)} to {iso(o.end)}" for o in coming[w.id]) or "over",
            )
            for w in windows
        ],
    )


def _span(start: str, end: str, days: str) -> OneOff | Weekly:
    if not days:
        return OneOff(_local(start, "--start"), _local(end, "--end"))
    wanted = [day.strip().lower()[:3] for day in days.split(",")]
    unknown = [day for day in wanted if day not in DAYS]
    if unknown:
        raise BadFile(f"--weekly: found {unknown[0]!r}, wanted days as mon,tue,fri.")
    try:
        return Weekly(frozenset(DAYS.index(day) for day in wanted), time.fromisoformat(start), time.fromisoformat(end))
    except ValueError as error:
        raise BadFile(f"--start and --end: found {start!r} and {end!r}, wanted times of day as 18:00 with --weekly.") from error


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What the freeze is called.")],
    *,
    start: Annotated[str, typer.Option("--start", help="Local time: 2026-11-27T18:00, or 18:00 with --weekly.")],
    end: Annotated[str, typer.Option("--end", help="Local time at which it is over.")],
    zone: Annotated[str, typer.Option("--zone", help="IANA zone, as Europe/Berlin.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes into the audit.")],
    weekly: Annotated[str, typer.Option("--weekly", help="Days on which it repeats, as mon,tue,fri.")] = "",
    owner: Annotated[str, typer.Option("--owner", help="Who can be asked; you when left out.")] = "",
    target: Annotated[list[str] | None, typer.Option("--target", help="Only for this target; may be repeated.")] = None,
) -> None:
    """Add a freeze window and print its next three occurrences."""
    span = _span(start, end, weekly)

    async def work(console: Console) -> FreezeWindow:
        window = console.new_window(name, owner or console.actor.name, reason, zone, span, tuple(target or ()))
        await console.add_freeze(window)
        return window

    window = with_console(work)
    print(f"{window.id} {name} is added; it covers {', '.join(window.targets) or 'all targets'}.")
    for occurrence in upcoming(window, SystemClock().now(), 3):
        print(f"  {iso(occurrence.start)} to {iso(occurrence.end)}")


@app.command()
def remove(window: Annotated[str, typer.Argument(help="The window's id.")], *, reason: Reason = "") -> None:
    """Remove a freeze window that was made in the console."""

    async def work(console: Console) -> None:
        await console.remove_freeze(window, reason)

    with_console(work)
    print(f"{window} is removed.")


@app.command()
def export(file: Annotated[Path | None, typer.Argument(help="Where to write; standard output when left out.")] = None) -> None:
    """Write every freeze window as JSON."""

    async def work(console: Console) -> list[FreezeWindow]:
        return list(await console.all_windows())

    document = {"format": 1, "windows": with_console(work)}
    if file is None:
        print_json(document)
        return
    from console.files.export import write_json  # noqa: PLC0415  # only this command needs it

    write_json(file, plain(document))
    print(f"{len(document['windows'])} windows written to {file}.")  # type: ignore[arg-type]


@app.command("stop-the-line")
def stop_the_line(
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes into the audit.")],
    until: Annotated[str, typer.Option("--until", help="An instant with a zone at which it ends by itself.")] = "",
    target: Annotated[list[str] | None, typer.Option("--target", help="Only for this target; may be repeated.")] = None,
) -> None:
    """Stop every forward move now; going back stays open."""
    end = _instant(until, "--until") if until else None
    if end is not None and end <= SystemClock().now():
        raise BadFile(f"--until: found {until!r}, which is over.", advice="Give an instant to come, or none: then somebody lifts the stop.")

    async def work(console: Console) -> None:
        await console.stop_the_line(reason, end, tuple(target or ()))

    with_console(work)
    print(f"The line is stopped{f' until {iso(end)}' if end else ' until somebody lifts it'}. Going back is open.")


@app.command()
def lift(*, reason: Reason = "") -> None:
    """Lift the stop."""

    async def work(console: Console) -> None:
        await console.lift_the_line(reason)

    with_console(work)
    print("The line runs again.")
