"""Freezes, targets, samples and settings: kept as given, each change told in the audit."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from store_kit import ANN, BOB, NOON, HandClock, entry, opened

from console.model.audit import AuditFilter, RecordKind
from console.model.errors import BadFile, NotAllowed, StaleWrite
from console.model.freeze import FreezeWindow, OneOff, StopTheLine, Weekly
from console.model.readiness import Rehearsal
from console.model.rollout import GateSample, Phase
from console.model.stores import RolloutChange, TargetChange, TargetRow
from console.model.views import QuarantineView
from console.store.persons import FOR
from console.store.sqlite import SqliteStore, open_store

pytestmark = pytest.mark.anyio
BOTH_STORES = True

SALE = FreezeWindow("w1", "sale", "ann", "much traffic", "Europe/Berlin", OneOff(datetime(2026, 3, 28, 20), datetime(2026, 3, 29, 6)))  # noqa: DTZ001
NIGHTS = FreezeWindow("w2", "nights", "bob", "nobody awake", "America/New_York", Weekly(frozenset({4, 5}), time(22), time(6)), ("shop",))


async def told(store: SqliteStore) -> list[tuple[str, str]]:
    records = [record.entry for record in await store.audit.all(AuditFilter()) if record.entry.kind is not RecordKind.SETTING]
    return [(told.verb, str(told.detail.get(FOR, told.actor.name))) for told in records]


@pytest.mark.one_file
async def test_windows_are_kept_in_local_time_and_removed_with_a_reason(store: SqliteStore, clock: HandClock):
    await store.freezes.add(SALE, ANN, NOON)
    await store.freezes.add(NIGHTS, BOB, NOON)
    again = open_store(store.folder, clock)
    assert await again.freezes.windows() == (SALE, NIGHTS)
    await again.close()
    with pytest.raises(StaleWrite, match="already"):
        await store.freezes.add(SALE, ANN, NOON)
    await store.freezes.remove("w1", BOB, "over", NOON)
    assert await store.freezes.windows() == (NIGHTS,)
    with pytest.raises(BadFile, match="no freeze window w1"):
        await store.freezes.remove("w1", BOB, "again", NOON)
    assert await told(store) == [("add freeze window", "ann"), ("add freeze window", "bob"), ("remove freeze window", "bob")]


async def test_a_removed_window_cannot_come_back_under_its_old_name(store: SqliteStore):
    await store.freezes.add(SALE, ANN, NOON)
    await store.freezes.remove("w1", BOB, "over", NOON)
    with pytest.raises(StaleWrite):
        await store.freezes.add(SALE, ANN, NOON)


async def test_stops_stand_until_they_are_lifted_together(store: SqliteStore):
    first = StopTheLine("ann", "payments are down", NOON)
    second = StopTheLine("bob", "audit", NOON, NOON + timedelta(hours=1), ("shop", "search"))
    await store.freezes.stop(first, ANN)
    await store.freezes.stop(second, BOB)
    assert await store.freezes.stops() == (first, second)
    await store.freezes.lift(ANN, "all clear", NOON)
    assert await store.freezes.stops() == ()
    assert await told(store) == [("stop the line", "ann"), ("stop the line", "bob"), ("lift the line", "ann")]


async def test_targets_are_put_replaced_and_forgotten(store: SqliteStore):
    row = TargetRow("shop", "/targets/shop.yaml")
    await store.targets.put(row, ANN, "add target", NOON)
    await store.targets.put(TargetRow("art", "/targets/art.yaml", practice=True), ANN, "add target", NOON)
    armed = TargetRow("shop", "/targets/shop.yaml", True, "digest", "envoy-1", "blue")
    await store.targets.put(armed, BOB, "arm", NOON)
    assert await store.targets.rows() == [TargetRow("art", "/targets/art.yaml", practice=True), armed]
    await store.targets.drop("art", BOB, NOON)
    assert await store.targets.rows() == [armed]
    await store.targets.drop("art", BOB, NOON)
    records = await store.audit.all(AuditFilter(target="art"))
    assert [record.entry.result for record in records] == ["kept", "forgotten", "was not known"]


async def test_samples_come_back_in_order_of_time(store: SqliteStore):
    samples = [GateSample("R-1", "sessions", NOON + timedelta(seconds=second), 5, 10, 1, 2, 0) for second in (2, 0, 1)]
    await store.samples.add(samples)
    await store.samples.add([])
    await store.samples.add([GateSample("R-2", "sessions", datetime(2026, 1, 1, tzinfo=UTC), 5, 1, 1, 1, 1)])
    assert [sample.at.second for sample in await store.samples.of("R-1")] == [0, 1, 2]
    assert sorted(await store.samples.of("R-1"), key=lambda sample: sample.at) == sorted(samples, key=lambda sample: sample.at)
    assert await store.samples.of("R-9") == []
    assert [sample.at.second for sample in await store.samples.of("R-1", NOON + timedelta(seconds=1))] == [2]
    assert await store.samples.of("R-1", NOON + timedelta(seconds=2)) == []


async def test_samples_of_rollouts_that_ended_long_ago_are_forgotten(store: SqliteStore):
    old = await opened(store)
    await store.journal.change(old, RolloutChange(phase=Phase.ABORTED, ended_at=NOON), entry("close"))
    live = await opened(store)
    for rollout in (old, live):
        await store.samples.add([GateSample(rollout.id, "sessions", NOON, 5, 10, 1, 2, 0)])
    assert await store.samples.prune(NOON) == 0
    assert await store.samples.prune(NOON + timedelta(seconds=1)) == 1
    assert await store.samples.of(old.id) == []
    assert len(await store.samples.of(live.id)) == 1


async def test_settings_are_text_by_key(store: SqliteStore):
    assert await store.settings.get("theme", "light") == "light"
    await store.settings.put("theme", "dark")
    await store.settings.put("theme", "dim")
    assert await store.settings.get("theme", "light") == "dim"


async def test_two_changes_of_a_target_at_once_are_both_kept(store: SqliteStore) -> None:
    await store.targets.put(TargetRow("shop", "/targets/shop.yaml"), ANN, "add target", NOON)
    await asyncio.gather(
        store.targets.amend("shop", TargetChange(armed=True, fingerprint="lb-1"), ANN, "arm", NOON),
        store.targets.amend("shop", TargetChange(stable="blue", first=True), BOB, "stable is blue", NOON),
    )
    assert list(await store.targets.rows()) == [TargetRow("shop", "/targets/shop.yaml", armed=True, fingerprint="lb-1", stable="blue")]


async def test_what_is_read_by_itself_never_replaces_what_was_set(store: SqliteStore) -> None:
    await store.targets.put(TargetRow("shop", "/targets/shop.yaml", fingerprint="lb-1", stable="green"), ANN, "add target", NOON)
    row = await store.targets.amend("shop", TargetChange(stable="blue", fingerprint="lb-2", first=True), ANN, "read", NOON)
    assert (row.stable, row.fingerprint) == ("green", "lb-1")


async def test_a_target_that_was_forgotten_is_not_brought_back_by_a_change(store: SqliteStore) -> None:
    with pytest.raises(NotAllowed, match="shop"):
        await store.targets.amend("shop", TargetChange(armed=True), ANN, "arm", NOON)
    assert list(await store.targets.rows()) == []


async def test_a_quarantine_is_kept_until_it_is_lifted_and_nothing_is_paused_for_it(store: SqliteStore):
    bad = QuarantineView("5.2b", NOON, "ann", "payments fail", "R-1")
    await store.ways.quarantine("shop", bad, ANN, NOON)
    await store.ways.quarantine("shop", bad, ANN, NOON)
    await store.ways.quarantine("shop", replace(bad, paused=("robot",)), ANN, NOON)
    assert await store.ways.quarantines("shop") == [replace(bad, paused=("robot",))]
    assert await store.ways.quarantines("search") == []
    assert not await store.ways.lift("shop", "5.3", BOB, "mended", NOON)
    assert await store.ways.lift("shop", "5.2b", BOB, "mended", NOON)
    assert not await store.ways.lift("shop", "5.2b", BOB, "mended", NOON)
    assert [row.lifted for row in await store.ways.quarantines("shop")] == [True]
    await store.ways.resumed("shop", BOB, "git is mended", NOON)
    assert await store.ways.quarantines("shop") == []
    verbs = [("quarantine", "ann"), ("quarantine", "ann"), ("lift quarantine", "bob"), ("resume reconcilers", "bob")]
    assert await told(store) == verbs


async def test_rehearsals_are_kept_newest_first(store: SqliteStore):
    first = Rehearsal(NOON, 4.0, 4.2, {"weight": 0.4, "code": 3.8})
    second = Rehearsal(NOON + timedelta(days=1), 4.2, 9.0, {"weight": 0.4}, ok=False)
    await store.ways.rehearsed("shop", first, ANN, "try")
    await store.ways.rehearsed("shop", second, BOB, "again")
    assert await store.ways.rehearsals("shop") == [second, first]
    assert await store.ways.rehearsals("shop", 1) == [second]
    assert await told(store) == [("rehearse", "ann"), ("rehearse", "bob")]
