"""The practice shop's payment provider: a stand-in process that takes, declines or leaves open the charges of both versions."""

import argparse
import asyncio
import json
import random
import time
from dataclasses import dataclass

from console.demo import leash
from console.demo.wire import Reply, Request, answer_json, serve

ACCEPTS = 0.985
"""Share of charges taken in normal times; with as many customers who never pay, 0.97 of checkout sessions complete."""

DELAY_S = (0.008, 0.03)


@dataclass(frozen=True, slots=True)
class Trouble:
    """When the provider gets into trouble, and how deep: `after_s` from the first charge by `caller`, it takes only `accepts` of all.

    It recovers when that caller has been quiet for `quiet_s`. Which version a charge comes from makes no difference.
    """

    caller: str
    accepts: float
    after_s: float
    quiet_s: float


class Provider:
    """Decides on charges."""

    def __init__(self, trouble: Trouble | None, chance: random.Random) -> None:
        self._trouble = trouble
        self._chance = chance
        self._first: float | None = None
        self._last = 0.0

    def charge(self, reference: str, caller: str, now: float) -> str:
        """Return `paid` or `declined`, or `pending` for a charge without a reference, which nobody will ever complete."""
        accepts = self._accepts(caller, now)
        if not reference:
            return "pending"
        return "paid" if self._chance.random() < accepts else "declined"

    def _accepts(self, caller: str, now: float) -> float:
        trouble = self._trouble
        if trouble is None:
            return ACCEPTS
        if self._first is not None and now - self._last > trouble.quiet_s:
            self._first = None
        if caller == trouble.caller:
            self._first = now if self._first is None else self._first
            self._last = now
        return trouble.accepts if self._first is not None and now - self._first >= trouble.after_s else ACCEPTS


async def run(trouble: Trouble | None, seed: int | None) -> None:
    """Serve `POST /charge` with `{"reference": str}` until the program that started us is gone."""
    chance = random.Random(seed)  # noqa: S311 - chance in a simulation, no secret
    provider = Provider(trouble, chance)

    async def answer(request: Request) -> Reply:
        if (request.method, request.path) != ("POST", "/charge"):
            return answer_json(404, error="only POST /charge")
        try:
            reference = str(json.loads(request.body)["reference"])
        except (ValueError, KeyError, TypeError):
            return answer_json(400, error="a charge is a JSON object with a reference")
        await asyncio.sleep(chance.uniform(*DELAY_S))
        return answer_json(200, state=provider.charge(reference, request.headers.get("user-agent", ""), time.monotonic()))

    server, port = await serve(answer)
    leash.tell(port=port)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Read the command line, then serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int)
    parser.add_argument("--trouble", type=json.loads, help="JSON object with caller, accepts, after_s, quiet_s")
    options = parser.parse_args()
    leash.hold()
    asyncio.run(run(None if options.trouble is None else Trouble(**options.trouble), options.seed))


if __name__ == "__main__":
    main()
