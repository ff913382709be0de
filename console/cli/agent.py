"""The `agent` command: the engine without a window, which watches what others left and drives what is handed to it."""

import asyncio
import json
import signal
from contextlib import suppress
from typing import Annotated

import typer

from console.app import Console, begin_logs, collect_rarely, opened
from console.cli.output import plain
from console.model.clock import SystemClock, iso
from console.model.errors import StoreError
from console.model.events import DriftSeen, Event, HolderLost, MoveRefused, PhaseChanged, StageEntered, StepSettled
from console.model.text import clean

LOOK_S = 10.0
"""How often targets that were added are looked for."""

STOPPED = "The agent was stopped."


def agent(*, as_json: Annotated[bool, typer.Option("--json", help="Print each event as one line of JSON.")] = False) -> None:
    """Watch all targets without a window, until SIGTERM or Ctrl+C hands over what it drives.

    It judges on what a lost console left held, counts down where traffic goes back by itself, and goes on with what is handed over to
    it or to anyone. Others see it as alive.
    """
    begin_logs("agent")
    collect_rarely()
    asyncio.run(_run(as_json=as_json))


async def _run(*, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        with suppress(NotImplementedError, AttributeError):  # Windows' loop has no signal handlers: there Ctrl+C ends it at once
            loop.add_signal_handler(getattr(signal, name), stop.set)
    async with opened(watch=None, keeps_watch=True, kind="agent") as console:
        console.listen(None, lambda event: _tell(event, as_json=as_json))
        _say("watching", f"agent {console.actor.console} of {console.actor.name} watches", as_json=as_json)
        await _until(stop, console)
        for rollout in await console.engine.leave(STOPPED):
            _say("handed over", f"{rollout} is free for whoever takes it", as_json=as_json)


async def _until(stop: asyncio.Event, console: Console) -> None:
    """Wait for the end, and connect to what is added meanwhile."""
    while not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await stop.wait()
        with suppress(StoreError):  # shown by every screen; asked again
            await console.watch_new()


def _say(what: str, words: str, *, as_json: bool) -> None:
    at = iso(SystemClock().now())
    print(json.dumps({"at": at, "event": what, "words": words}) if as_json else f"{at} {words}", flush=True)


def _tell(event: Event, *, as_json: bool) -> None:
    """Print what a person would want to read later; a listener, called on the engine's loop."""
    if as_json:
        print(json.dumps({"event": type(event).__name__, **plain(event)}, ensure_ascii=False), flush=True)
        return
    words = _words(event)
    if words:
        print(f"{iso(event.at)} {event.rollout} {clean(words)}", flush=True)


def _words(event: Event) -> str:
    if isinstance(event, HolderLost):
        return f"{event.holder}'s console is lost, last seen {iso(event.since)}"
    if isinstance(event, PhaseChanged):
        return f"{event.phase.value}{': ' + event.note if event.note else ''}"
    if isinstance(event, StageEntered):
        return f"stage {event.stage + 1} at {event.weight} %"
    if isinstance(event, DriftSeen):
        return f"drift: {event.seen} read back, {event.asked} asked"
    if isinstance(event, MoveRefused):
        return f"{event.verb} was refused: {event.reason}"
    if isinstance(event, StepSettled):
        return f"{event.row.step.verb.value} on {event.row.step.system}: {event.row.state.value}"
    return ""
