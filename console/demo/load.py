"""The practice shop's customers: seeded streams of visitors and buyers who come through the router at the incident's scale."""

import argparse
import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from console.demo import leash
from console.demo.wire import COOKIE, Caller, Reply, Request, WireError, serve

SESSIONS_PER_S = 1200 / 90 / 60
"""The incident's checkout sessions a second, at speed 1."""
PAGES_PER_S = 3.0
"""Pages that visitors who do not buy look at in a second, at speed 1; never fewer than 80 and never more than 200 a second."""
PAGES_FEWEST, PAGES_MOST = 80.0, 200.0
PAGES_EACH = 2
LEAVES = 0.015
"""Share of buyers who begin a checkout and never pay."""
THINK_S = (4.0, 12.0)
LOOK_AGAIN_S = 25.0
LOOKS = 5
AT_ONCE = 800
"""Customers in the shop at the same time; when there are as many, new ones are turned away, and counted."""
WARM_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast things go: `speed` times shop time; `pages_per_s` of visitors in real time."""

    speed: float
    pages_per_s: float


def pace(speed: float, pages_per_s: float | None) -> Pace:
    """Return the pace at a speed; `pages_per_s` replaces the page traffic that belongs to it."""
    usual = min(max(PAGES_PER_S * speed, PAGES_FEWEST), PAGES_MOST)
    return Pace(speed, usual if pages_per_s is None else pages_per_s)


class Customers:
    """Visitors and buyers, and what was sent for them so far."""

    def __init__(self, router: int, speed: Pace, seed: int | None) -> None:
        self._caller = Caller(router)
        self._pace = speed
        self._chance = random.Random(seed)  # noqa: S311 - chance in a simulation, no secret
        self._codes: Counter[str] = Counter()
        self._versions: Counter[str] = Counter()
        self._payments: Counter[str] = Counter()
        self._count: Counter[str] = Counter()
        self._present: set[asyncio.Task[None]] = set()

    def status(self) -> dict[str, object]:
        """Return counts since the start: `failed` are requests without an answer or with one that is not 2xx."""
        facts = {name: self._count[name] for name in ("sent", "failed", "visitors", "buyers", "turned_away")}
        return {**facts, "codes": self._codes, "versions": self._versions, "payments": self._payments, "present": len(self._present)}

    async def warm_up(self, sessions: int) -> None:
        """Send buyers one after another without a pause, so that there is a measured history before anything is released."""
        left = iter(range(sessions))

        async def line() -> None:
            for _ in left:
                await self.buy(hurry=True)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(WARM_AT_ONCE):
                tasks.create_task(line())

    async def come(self) -> None:
        """Let visitors and buyers come for ever, each as a Poisson stream."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._arrive(SESSIONS_PER_S * self._pace.speed, self.buy))
            if self._pace.pages_per_s > 0:
                tasks.create_task(self._arrive(self._pace.pages_per_s / PAGES_EACH, self.visit))

    async def _arrive(self, per_s: float, customer: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time()
        while True:
            at += self._chance.expovariate(per_s)
            late = loop.time() - at
            if late > 1.0:
                at = loop.time()  # the machine slept or was too busy: nobody comes twice as fast to make up for it
            await asyncio.sleep(max(-late, 0.0))
            if len(self._present) >= AT_ONCE:
                self._count["turned_away"] += 1
                continue
            task = asyncio.ensure_future(customer())
            self._present.add(task)
            task.add_done_callback(self._present.discard)

    async def visit(self) -> None:
        """Look at some pages and leave."""
        self._count["visitors"] += 1
        session = self._session()
        for page in range(PAGES_EACH):
            if page:
                await self._think()
            await self._ask("GET", f"/product?id={self._chance.randint(1, 4)}", session)

    async def buy(self, *, hurry: bool = False) -> None:
        """Choose, go to the checkout, pay, and leave; while a payment is not through, look again a few times.

        Who will not pay leaves without a word, and the session times out; in a `hurry` such a buyer cancels, so that the history that is
        measured before a release is whole at once and not short of the failures that come late.
        """
        self._count["buyers"] += 1
        session = self._session()
        product, method = self._chance.randint(1, 4), self._chance.randint(1, 3)
        steps = [("GET", "/"), ("GET", f"/product?id={product}"), ("POST", f"/cart?id={product}"), ("POST", f"/checkout?method={method}")]
        if self._chance.random() >= LEAVES:
            steps.append(("POST", "/pay"))
        elif hurry:
            steps.append(("POST", "/cancel"))
        state = ""
        for method_path in steps:
            reply = await self._ask(*method_path, session)
            state = "" if reply is None else reply.headers.get("x-payment", "")
            if not hurry:
                await self._think()
        if state:
            self._payments[state] += 1
        for _ in range(LOOKS if state == "pending" else 0):
            await asyncio.sleep(LOOK_AGAIN_S / self._pace.speed)
            await self._ask("GET", "/order", session)

    def _session(self) -> str:
        return f"{self._chance.getrandbits(64):016x}"

    async def _think(self) -> None:
        await asyncio.sleep(self._chance.uniform(*THINK_S) / self._pace.speed)

    async def _ask(self, method: str, path: str, session: str) -> Reply | None:
        self._count["sent"] += 1
        try:
            reply = await self._caller.call(method, path, headers={"cookie": f"{COOKIE}={session}"})
        except WireError as error:
            self._count["failed"] += 1
            self._codes[f"none: {error}"[:80]] += 1
            return None
        self._codes[str(reply.status)] += 1
        self._versions[reply.headers.get("x-shop-version", "none")] += 1
        if not 200 <= reply.status < 300:
            self._count["failed"] += 1
        return reply


async def run(customers: Customers, warm: int) -> None:
    """Warm up, tell that we did, then send customers until the program that started us is gone; `GET /status` tells the counts."""

    async def answer(request: Request) -> Reply:
        if request.path != "/status":
            return Reply(404, b"only /status", "text/plain")
        return Reply(200, json.dumps(customers.status()).encode(), "application/json")

    server, port = await serve(answer)
    await customers.warm_up(warm)
    leash.tell(port=port, **customers.status())
    async with server:
        await customers.come()


def main() -> None:
    """Read the command line, then send customers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--router", type=int, required=True, help="the router's port")
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--pages-per-s", type=float)
    parser.add_argument("--warm", type=int, default=0)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    leash.hold()
    asyncio.run(run(Customers(options.router, pace(options.speed, options.pages_per_s), options.seed), options.warm))


if __name__ == "__main__":
    main()
