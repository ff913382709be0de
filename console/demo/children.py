"""Starting and ending the practice shop's processes, each tied to this program by a pipe."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.model.errors import Unreachable
from console.model.places import PACKAGE

HELLO_S = 30.0
END_S = 3.0
LOG_TAIL = 400


@dataclass(frozen=True, slots=True)
class Child:
    """A process of ours; `facts` is what it told when it was ready, such as its port."""

    name: str
    process: asyncio.subprocess.Process
    log: Path
    facts: Mapping[str, Any]


def python_command(module: str, arguments: Sequence[str]) -> list[str]:
    """Return the command line of one of our modules, without `site`, which our modules there do not need and which takes time."""
    return [sys.executable, "-S", "-m", f"console.demo.{module}", *arguments]


def _last_words(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:].strip()
    return text.splitlines()[-1] if text else "it said nothing"


async def _launch(name: str, command: Sequence[str], folder: Path) -> Child:
    log = folder / f"{name}.log"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env=environment,
            start_new_session=True,  # Ctrl+C in a terminal ends the program; its pipe then ends these, in order
        )
    return Child(name, process, log, {})


async def start(name: str, module: str, arguments: Sequence[str], folder: Path) -> Child:
    """Start one of our modules and wait until it tells that it is ready. Raises Unreachable when it does not."""
    child = await _launch(name, python_command(module, arguments), folder)
    assert child.process.stdout is not None  # noqa: S101 - asked for above
    try:
        async with asyncio.timeout(HELLO_S):
            line = await child.process.stdout.readline()
        return Child(name, child.process, child.log, json.loads(line))
    except (TimeoutError, ValueError) as error:
        await end(child)
        raise failed_to_start(child) from error
    except asyncio.CancelledError:
        await end(child)
        raise


async def start_guarded(name: str, command: Sequence[str], folder: Path) -> Child:
    """Start a program of somebody else under a guard; whether it is ready has to be asked of it."""
    return await _launch(name, python_command("guard", command), folder)


def failed_to_start(child: Child) -> Unreachable:
    """Return the error for a process that did not become ready, with its last words."""
    return Unreachable(
        f"A part of the practice shop, {child.name}, did not start: {_last_words(child.log)}",
        sent=False,
        means="There is no practice shop to release to; nothing else is affected.",
        advice=f"Open it again; if that fails, look into {child.log}.",
    )


async def end(child: Child) -> None:
    """Let go of a process: it ends as its pipe closes; one that does not within 3 s is killed."""
    process = child.process
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(END_S):
            await process.communicate()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
