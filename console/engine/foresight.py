"""Asks the planner in processes of its own: what a stage can see takes seconds to simulate, and nothing else may wait for that.

A process reads one JSON object from standard input, writes one to standard output and ends; `main` is what runs in it.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, astuple

from console.analysis.history import History
from console.analysis.planner import Detectability, Setting, detectability
from console.analysis.shares import AlphaShare

PROCESSES = 2
LONGEST_S = 120.0

_known: dict[Setting, tuple[Detectability, ...]] = {}


async def foresee(setting: Setting) -> tuple[Detectability, ...]:
    """Return what each stage can see, in the order of the stages; asked again, the answer is there at once.

    Where no process can be started, the simulation runs in a thread.
    """
    if setting not in _known:
        # The stages after the first cost more the later they come: dealing them out in turn shares the work evenly enough.
        shares = [list(range(first, len(setting.stages), PROCESSES)) for first in range(min(PROCESSES, len(setting.stages)))]
        found: dict[int, Detectability] = {}
        for part in await asyncio.gather(*(_ask(setting, numbers) for numbers in shares)):
            found |= part
        _known[setting] = tuple(found[number] for number in sorted(found))
    return _known[setting]


async def _ask(setting: Setting, numbers: Sequence[int]) -> dict[int, Detectability]:
    question = json.dumps({"setting": _written(setting), "stages": list(numbers)}).encode()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "console.engine.foresight", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
    except OSError:
        return await asyncio.to_thread(_answers, setting, numbers)
    try:
        async with asyncio.timeout(LONGEST_S):
            answer, _ = await process.communicate(question)
    except (TimeoutError, asyncio.CancelledError):
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        return await asyncio.to_thread(_answers, setting, numbers)
    return {int(number): Detectability(*fields) for number, fields in json.loads(answer).items()}


def _answers(setting: Setting, numbers: Sequence[int]) -> dict[int, Detectability]:
    return {number: detectability(setting, number) for number in numbers}


def _written(setting: Setting) -> dict[str, object]:
    return asdict(setting)


def _setting(written: dict[str, object]) -> Setting:
    fields = dict(written)
    fields["stages"] = tuple((float(weight), float(wait_s)) for weight, wait_s in written["stages"])  # type: ignore[attr-defined]
    fields["history"] = History(**written["history"])  # type: ignore[arg-type]
    fields["share"] = AlphaShare(**written["share"])  # type: ignore[arg-type]
    return Setting(**fields)  # type: ignore[arg-type]


def main() -> None:
    """Answer the one question on standard input."""
    asked = json.load(sys.stdin)
    found = _answers(_setting(asked["setting"]), asked["stages"])
    json.dump({number: astuple(each) for number, each in found.items()}, sys.stdout)


if __name__ == "__main__":
    main()
