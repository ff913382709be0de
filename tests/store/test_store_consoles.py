"""Who is alive: each process says so, by the clock that all share, and counts only for a while."""

import pytest
from store_kit import NOON, HandClock

from console.model.stores import ConsoleSeen
from console.store.consoles import FORGET_S
from console.store.sqlite import SqliteStore

DESK = ConsoleSeen("desk:1:a", "Ann", "1.0", "desktop", NOON)
AGENT = ConsoleSeen("agent:2:b", "Bob", "1.0", "agent", NOON)

pytestmark = pytest.mark.anyio


async def test_those_that_were_seen_lately_are_alive(store: SqliteStore, clock: HandClock):
    assert await store.consoles.alive(30) == []
    assert await store.consoles.here(DESK) == NOON
    clock.move(20)
    await store.consoles.here(AGENT)
    assert [each.console for each in await store.consoles.alive(30)] == ["agent:2:b", "desk:1:a"]
    clock.move(15)
    assert [(each.person, each.kind) for each in await store.consoles.alive(30)] == [("Bob", "agent")]
    await store.consoles.here(DESK)
    assert len(await store.consoles.alive(30)) == 2
    await store.consoles.gone("desk:1:a")
    assert [each.console for each in await store.consoles.alive(30)] == ["agent:2:b"]


async def test_a_process_that_was_not_seen_for_a_day_is_forgotten(store: SqliteStore, clock: HandClock):
    await store.consoles.here(DESK)
    clock.move(FORGET_S + 1)
    await store.consoles.here(AGENT)
    assert [each.console for each in await store.consoles.alive(10 * FORGET_S)] == ["agent:2:b"]
