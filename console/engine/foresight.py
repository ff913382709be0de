"""Asks the planner in processes of its own: what a stage can see takes seconds to simulate, and nothing else may wait for that.

A process reads one JSON object from standard input, writes one to standard output and ends; `main` is what runs in it.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, astuple
from typing import Any

from console.analysis.history import History
from console.analysis.planner import Detectability, Setting, detectability, n_pass
from console.analysis.shares import AlphaShare
from console.model.errors import RemoteError

PROCESSES = 2
LONGEST_S = 120.0

COMMAND = (sys.executable, "-P", "-m", "console.engine.foresight")
"""`-P` keeps the folder that we were started in off the path: a file of somebody else there must not run."""

_seen: dict[Setting, tuple[Detectability, ...]] = {}
_needed: dict[tuple[Setting, float], tuple[int | None, ...]] = {}


async def foresee(setting: Setting) -> tuple[Detectability, ...]:
    """Return what each stage can see, in the order of the stages; asked again, the answer is there at once.

    Where no process can be started, the simulation runs in a thread.
    """
    if setting not in _seen:
        _seen[setting] = tuple(Detectability(*fields) for fields in await _each_stage(setting, None))
    return _seen[setting]


async def needs(setting: Setting, harm_to: float) -> tuple[int | None, ...]:
    """Return n_pass of each stage for a harm, None where no number of sessions shows it; simulated as in `foresee`."""
    if (setting, harm_to) not in _needed:
        _needed[setting, harm_to] = tuple(await _each_stage(setting, harm_to))
    return _needed[setting, harm_to]


async def _each_stage(setting: Setting, harm_to: float | None) -> list[Any]:
    # The stages cost more the later they come: dealing them out in turn shares the work evenly enough.
    shares = [list(range(first, len(setting.stages), PROCESSES)) for first in range(min(PROCESSES, len(setting.stages)))]
    found: dict[int, Any] = {}
    for part in await asyncio.gather(*(_ask(setting, harm_to, numbers) for numbers in shares)):
        found |= part
    return [found[number] for number in sorted(found)]


async def _ask(setting: Setting, harm_to: float | None, numbers: Sequence[int]) -> dict[int, Any]:
    question = json.dumps({"setting": asdict(setting), "harm_to": harm_to, "stages": list(numbers)}).encode()
    try:
        process = await asyncio.create_subprocess_exec(*COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    except OSError:
        return await asyncio.to_thread(_answers, setting, harm_to, numbers)
    try:
        async with asyncio.timeout(LONGEST_S):
            answer, _ = await process.communicate(question)
    except TimeoutError:
        await _end(process)
        raise RemoteError(
            f"What this plan can see was not worked out in {LONGEST_S:.0f} s.",
            means="Nothing was planned.",
            advice="This computer is too busy now: plan again, or with fewer stages.",
        ) from None
    except asyncio.CancelledError:
        await _end(process)
        raise
    if process.returncode != 0:
        return await asyncio.to_thread(_answers, setting, harm_to, numbers)
    return {int(number): found for number, found in json.loads(answer).items()}


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _answers(setting: Setting, harm_to: float | None, numbers: Sequence[int]) -> dict[int, Any]:
    if harm_to is None:
        return {number: astuple(detectability(setting, number)) for number in numbers}
    return {number: n_pass(setting, number, harm_to) for number in numbers}


def _setting(written: dict[str, Any]) -> Setting:
    stages = tuple((float(weight), float(wait_s)) for weight, wait_s in written["stages"])
    return Setting(**{**written, "stages": stages, "history": History(**written["history"]), "share": AlphaShare(**written["share"])})


def main() -> None:
    """Answer the one question on standard input."""
    asked = json.load(sys.stdin)
    json.dump(_answers(_setting(asked["setting"]), asked["harm_to"], asked["stages"]), sys.stdout)


if __name__ == "__main__":
    main()
