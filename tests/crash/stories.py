"""Short stories on the real store, on virtual time: each tells what it found wrong with the journal, nothing when all is well."""

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from simulation.disk import Disk
from simulation.virtual import Process, VirtualClock, run, seeded
from store.store_kit import ANN, BACK, BOB, UP, allow, entry, intent_for, make_plan, outcome_for

from console.model.commands import Decision
from console.model.errors import ConsoleError
from console.model.freeze import StopTheLine
from console.model.rollout import Phase, Rollout, StepState
from console.model.stores import Authority, RolloutChange
from console.store.sqlite import SqliteStore


class Book:
    """A store with a rollout that Ann drives, and what a story found wrong."""

    def __init__(self, disk: Disk, clock: VirtualClock) -> None:
        self.disk, self.clock = disk, clock
        self.store: SqliteStore = disk.store(Process("ann"), clock)
        self.wrong: list[str] = []

    async def driven(self) -> tuple[Rollout, int]:
        rollout = await self.store.journal.open(make_plan(), ANN, "go", self.clock.now())
        lease = await self.store.wheel.take(rollout.id, ANN, 15)
        return await self.store.journal.rollout(rollout.id), lease.token

    async def refused(self, work: Awaitable[object], what: str) -> None:
        """Note when something goes through that must be refused."""
        try:
            await work
        except ConsoleError:
            return
        self.wrong.append(what)


async def wrong_token(book: Book) -> None:
    """A forward step with the token of a wheel that was taken since is refused (I3)."""
    rollout, token = await book.driven()
    await book.refused(book.store.journal.send(intent_for(rollout, UP, token - 1), allow), "a step went under an old token")
    await asyncio.sleep(20)
    await book.refused(book.store.journal.send(intent_for(rollout, UP, token), allow), "a step went under a lease that ran out")


async def two_changes(book: Book) -> None:
    """Of two changes from one revision the second is refused (I3)."""
    rollout, _ = await book.driven()
    await book.store.journal.change(rollout, RolloutChange(asked_weight=5), entry("first"))
    await book.refused(book.store.journal.change(rollout, RolloutChange(asked_weight=50), entry("second")), "a stale change was written")


async def settled_twice(book: Book) -> None:
    """A settled step is not settled again (I2)."""
    rollout, token = await book.driven()
    row = await book.store.journal.send(intent_for(rollout, UP, token, "up"), allow)
    row = await book.store.journal.settle(row, outcome_for("up"))
    await book.refused(book.store.journal.settle(row, outcome_for("up", StepState.FAILED)), "a confirmed step became failed")


async def sent_twice(book: Book) -> None:
    """An id is sent once."""
    rollout, token = await book.driven()
    await book.store.journal.send(intent_for(rollout, UP, token, "up"), allow)
    await book.refused(book.store.journal.send(intent_for(rollout, UP, token, "up"), allow), "an id was sent twice")


async def after_the_end(book: Book) -> None:
    """No forward step follows an abort, and none reopens it (I4)."""
    rollout, token = await book.driven()
    rollout = await book.store.journal.change(rollout, RolloutChange(phase=Phase.ABORTING), entry("abort"))
    await book.refused(book.store.journal.send(intent_for(rollout, UP, token), allow), "a forward step followed an abort")
    await book.refused(book.store.journal.change(rollout, RolloutChange(phase=Phase.RUNNING), entry("run")), "an abort was reopened")


async def another_holder(book: Book) -> None:
    """A wheel that somebody holds is not taken, and one that ran out is not renewed."""
    rollout, _ = await book.driven()
    await book.refused(book.store.wheel.take(rollout.id, BOB, 15), "a wheel was taken from its holder")
    lease = await book.store.wheel.take(rollout.id, ANN, 15)
    await asyncio.sleep(16)
    await book.refused(book.store.wheel.renew(lease, 15), "a lease was renewed after it ran out")


async def full_disk(book: Book) -> None:
    """What a full disk kept out of the database is in it as soon as there is room."""
    rollout, _ = await book.driven()
    book.disk.trouble = "full"
    row = await book.store.journal.send(intent_for(rollout, BACK, step_id="back"), None)
    await book.store.journal.settle(row, outcome_for("back"))
    book.disk.trouble = ""
    await book.store.audit.append(entry("there is room"))
    if book.disk.rows("SELECT state FROM steps WHERE id = 'back'") != [("confirmed",)]:
        book.wrong.append("a backward step in the emergency journal was not merged")


async def a_stop_between(book: Book) -> None:
    """No forward intent stands behind a stop of the line that was committed before it: the guard is asked in its transaction."""
    for number in range(25):
        rollout, token = await book.driven()
        stop = StopTheLine("bob", "stop", book.clock.now())
        book.disk.slow_s = 0.02
        sending = book.store.journal.send(intent_for(rollout, UP, token, f"up {number}"), _unless_stopped)
        await asyncio.gather(sending, book.store.freezes.stop(stop, BOB), return_exceptions=True)
        kinds = [kind for (kind,) in book.disk.rows("SELECT kind FROM audit WHERE kind IN ('intent', 'freeze') ORDER BY seq DESC LIMIT 2")]
        if kinds[0] == "intent":
            book.wrong.append("an intent was recorded behind the stop")
        await book.store.freezes.lift(BOB, "go", book.clock.now())
        now = await book.store.journal.rollout(rollout.id)
        await book.store.journal.change(now, RolloutChange(phase=Phase.ABORTED), entry("end"))


def _unless_stopped(authority: Authority) -> Decision:
    return Decision(not authority.stops, ("stopped",))


def told(story: Callable[[Book], Awaitable[None]]) -> list[str]:
    """Tell one story and return what it found wrong."""

    async def live(clock: VirtualClock, chance: random.Random, folder: Path) -> list[str]:
        book = Book(Disk(folder, chance), clock)
        await story(book)
        report = await book.store.audit.verify()
        return [*book.wrong, *([] if report.ok else [report.problem])]

    with tempfile.TemporaryDirectory() as folder, seeded(7) as chance:
        found: list[str] = run(lambda clock: live(clock, chance, Path(folder)))
    return found


ALL = (wrong_token, two_changes, settled_twice, sent_twice, after_the_end, another_holder, full_disk, a_stop_between)
