"""What the store's tests run in a process of its own: `store_child.py WHAT FOLDER [N]`; prints what it knows, one line at a time."""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent.parent)]

from store_kit import ANN, BACK, NOON, UP, HandClock, allow, entry, intent_for, make_plan, outcome_for  # noqa: E402

from console.model.audit import RecordKind  # noqa: E402
from console.model.errors import CannotRecord, StaleWrite  # noqa: E402
from console.model.rollout import Phase  # noqa: E402
from console.model.stores import RolloutChange  # noqa: E402
from console.store.sqlite import SqliteStore, open_store  # noqa: E402


def say(*words: object) -> None:
    print(*words, flush=True)


async def release(store: SqliteStore) -> None:
    """Open, take the wheel, send forward, send back and end: passes each of the store's hooks."""
    rollout = await store.journal.open(make_plan(), ANN, "go", NOON)
    say("opened", rollout.id)
    lease = await store.wheel.take(rollout.id, ANN, 15)
    rollout = await store.journal.rollout(rollout.id)
    for step_id, step, token in (("up", UP, lease.token), ("back", BACK, None)):
        row = await store.journal.send(intent_for(rollout, step, token, step_id), allow if token else None)
        say("sent", step_id)
        await store.journal.settle(row, outcome_for(step_id))
        say("settled", step_id)
    await store.journal.change(rollout, RolloutChange(phase=Phase.ABORTED), entry("abort", RecordKind.PHASE))
    say("ended", rollout.id)


async def compete(store: SqliteStore, count: int) -> None:
    """Change one rollout `count` times by compare-and-set, and say how often somebody else was first."""
    done = stale = 0
    while done < count:
        rollout = await store.journal.rollout("R-1")
        try:
            change = RolloutChange(asked_weight=rollout.asked_weight + 1)
            await store.journal.change(rollout, change, entry("count", actor=replace(ANN, console=str(os.getpid()))))
            done += 1
        except StaleWrite:
            stale += 1
    say("stale", stale)


async def fill(store: SqliteStore) -> None:
    """Write until the system gives no more room, then go back."""
    import resource

    rollout = await store.journal.open(make_plan(), ANN, "go", NOON)
    room = (store.folder / "records.db").stat().st_size + 600_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(room, 1 << 20), resource.RLIM_INFINITY))
    refused = 0
    while refused < 5:
        try:
            await store.audit.append(entry("filler", detail={"text": "x" * (0 if refused else 3000)}))
            refused = 0
        except CannotRecord as error:
            refused += 1
            say("refused", error.message)
    row = await store.journal.send(intent_for(rollout, BACK, step_id="back"), None)
    row = await store.journal.settle(row, outcome_for("back"))
    say("back", row.recorded, row.state.value)


async def main(what: str, folder: str, number: str) -> None:
    store = open_store(Path(folder), HandClock())
    if what == "release":
        await release(store)
    elif what == "compete":
        await compete(store, int(number))
    else:
        await fill(store)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "0"))
