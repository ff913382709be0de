"""A train in the records: one row with its rollouts, changed by one at a time, and never started twice or after it was taken back."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

import pytest
from store_kit import ANN, BOB, NOON, HandClock, entry, make_plan

from console.model.audit import AuditFilter, RecordKind
from console.model.errors import BadFile, NotAllowed, StaleWrite, StoreError
from console.model.plan import Plan
from console.model.rollout import Phase
from console.model.stores import RolloutChange, TrainChange
from console.model.train import Member, Train, TrainPhase, TrainPlan, Until
from console.store.sqlite import RECORDS, SqliteStore, open_store

pytestmark = pytest.mark.anyio
BOTH_STORES = True

PLAN = TrainPlan("autumn", (Member("shop", "2.0"), Member("search", "2.0", ("shop",), Until.GATE)))
PLANS: Mapping[str, Plan] = {name: make_plan(name) for name in ("shop", "search")}


async def opened_train(store: SqliteStore) -> Train:
    return await store.trains.open(PLAN, PLANS, ANN, "ship it", NOON)


def why(verb: str = "train hold"):
    return entry(verb, RecordKind.PHASE, target="")


async def test_it_is_kept_as_it_was_approved(store: SqliteStore) -> None:
    train = await opened_train(store)
    assert (train.id, train.phase, train.revision, train.driver, train.rollouts) == ("T-1", TrainPhase.RUNNING, 1, ANN, {})
    assert (train.plan, train.plans) == (PLAN, PLANS)
    assert await store.trains.train("T-1") == train
    assert list(await store.trains.trains(live=True)) == [train]
    (record,) = await store.audit.all(AuditFilter(rollout="T-1"))
    assert (record.entry.verb, record.entry.plan_hash, record.entry.result) == ("train", train.hash, "planned")
    assert record.entry.detail["plans"] == {name: plan.hash for name, plan in PLANS.items()}
    with pytest.raises(BadFile, match="no train T-2"):
        await store.trains.train("T-2")


async def test_a_target_is_in_one_train_at_a_time(store: SqliteStore) -> None:
    train = await opened_train(store)
    with pytest.raises(NotAllowed, match="search, shop is in T-1"):
        await opened_train(store)
    await store.trains.change(train, TrainChange(phase=TrainPhase.ROLLED_BACK, ended_at=NOON), why())
    assert (await opened_train(store)).id == "T-2"


async def test_a_member_starts_in_the_transaction_that_notes_it(store: SqliteStore) -> None:
    train = await opened_train(store)
    train, rollout = await store.trains.board(train, "shop", ANN, "train T-1", NOON)
    assert (train.rollouts, train.revision, rollout.plan, rollout.phase) == ({"shop": "R-1"}, 2, PLANS["shop"], Phase.PLANNED)
    own = [each.entry for each in await store.audit.all(AuditFilter(rollout="T-1"))]
    assert [(each.verb, each.target, each.result) for each in own] == [("train", "", "planned"), ("start member", "shop", "R-1")]
    assert [each.entry.reason for each in await store.audit.all(AuditFilter(rollout="R-1"))] == ["train T-1"]
    with pytest.raises(StaleWrite, match="shop has started already"):
        await store.trains.board(train, "shop", ANN, "again", NOON)
    assert len(await store.journal.rollouts(live=False)) == 1
    assert (await store.audit.verify()).ok


async def test_of_two_consoles_one_starts_a_member(store: SqliteStore) -> None:
    train = await opened_train(store)
    await store.trains.board(train, "shop", ANN, "", NOON)
    with pytest.raises(StaleWrite):
        await store.trains.board(train, "shop", BOB, "", NOON)
    assert len(await store.journal.rollouts(live=False)) == 1


async def test_a_start_that_is_refused_leaves_the_train_as_it_was(store: SqliteStore) -> None:
    train = await opened_train(store)
    other = await store.journal.open(make_plan("shop"), BOB, "own", NOON)
    with pytest.raises(NotAllowed, match="R-1 is still on its way on shop"):
        await store.trains.board(train, "shop", ANN, "", NOON)
    assert await store.trains.train("T-1") == train
    await store.journal.change(other, RolloutChange(phase=Phase.ABORTED), entry("abort", RecordKind.PHASE))
    assert (await store.trains.board(train, "shop", ANN, "", NOON))[0].rollouts == {"shop": "R-2"}


@pytest.mark.parametrize("phase", [TrainPhase.HELD, TrainPhase.GOING_BACK, TrainPhase.STOPPED, TrainPhase.ROLLED_BACK])
async def test_nothing_starts_unless_the_train_runs(store: SqliteStore, phase: TrainPhase) -> None:
    train = await store.trains.change(await opened_train(store), TrainChange(phase=phase, note="because"), why())
    assert (train.phase, train.note, train.revision) == (phase, "because", 2)
    with pytest.raises(NotAllowed):
        await store.trains.board(train, "shop", ANN, "", NOON)
    assert await store.journal.rollouts(live=False) == []


@pytest.mark.parametrize("phase", [TrainPhase.RUNNING, TrainPhase.HELD, TrainPhase.DONE])
async def test_what_was_taken_back_never_goes_on(store: SqliteStore, phase: TrainPhase) -> None:
    train = await store.trains.change(await opened_train(store), TrainChange(phase=TrainPhase.GOING_BACK), why())
    with pytest.raises(NotAllowed, match="taken back"):
        await store.trains.change(train, TrainChange(phase=phase), why())
    assert (await store.trains.train("T-1")).phase is TrainPhase.GOING_BACK


async def test_a_train_that_is_done_can_still_be_taken_back(store: SqliteStore) -> None:
    train = await store.trains.change(await opened_train(store), TrainChange(phase=TrainPhase.DONE, ended_at=NOON), why())
    assert await store.trains.trains(live=True) == []
    train = await store.trains.change(train, TrainChange(phase=TrainPhase.GOING_BACK, driver=BOB), why("train rollback"))
    assert (train.phase, train.driver) == (TrainPhase.GOING_BACK, BOB)
    assert [each.id for each in await store.trains.trains(live=True)] == ["T-1"]


async def test_a_stale_change_changes_nothing(store: SqliteStore) -> None:
    train = await opened_train(store)
    await store.trains.change(train, TrainChange(phase=TrainPhase.HELD, held=("R-1",)), why())
    with pytest.raises(StaleWrite):
        await store.trains.change(train, TrainChange(phase=TrainPhase.GOING_BACK), why())
    assert ((await store.trains.train("T-1")).phase, (await store.trains.train("T-1")).held) == (TrainPhase.HELD, ("R-1",))


async def test_another_plan_of_a_member_is_another_hash_on_record(store: SqliteStore) -> None:
    train = await opened_train(store)
    fresh = {**PLANS, "search": make_plan("search", canary_version="2.1")}
    again = await store.trains.change(train, TrainChange(plans=fresh), why("train plan anew"))
    assert (again.plans, again.hash == train.hash) == (fresh, False)


@pytest.mark.one_file
async def test_plans_that_were_changed_in_the_file_start_nothing(store: SqliteStore, clock: HandClock) -> None:
    train = await opened_train(store)
    await store.close()
    with closing(sqlite3.connect(store.folder / RECORDS)) as raw, raw:
        raw.execute("UPDATE trains SET value = replace(value, '2.0', '6.6')")
    again = open_store(store.folder, clock)
    with pytest.raises(NotAllowed, match="not those that were recorded"):
        await again.trains.board(train, "shop", ANN, "", NOON)
    await again.close()
    with closing(sqlite3.connect(store.folder / RECORDS)) as raw, raw:
        raw.execute("UPDATE trains SET value = '{}'")
    again = open_store(store.folder, clock)
    with pytest.raises(StoreError, match="cannot be read"):
        await again.trains.train("T-1")
    await again.close()


@pytest.mark.one_file
async def test_a_file_of_format_2_is_brought_forward(store: SqliteStore, clock: HandClock) -> None:
    await store.journal.open(make_plan(), ANN, "before", NOON)
    await store.close()
    with closing(sqlite3.connect(store.folder / RECORDS)) as raw, raw:
        raw.executescript("DROP TABLE trains; PRAGMA user_version = 2")
    again = open_store(store.folder, clock)
    assert (again.trouble, await again.trains.trains(live=False)) == ("", [])
    assert (await opened_train(again)).id == "T-1"
    assert (await again.audit.verify()).ok
    await again.close()


async def test_a_train_is_told_apart_from_rollouts_of_its_members(store: SqliteStore) -> None:
    train = await opened_train(store)
    train, rollout = await store.trains.board(train, "shop", ANN, "", NOON)
    stands = replace(rollout)
    await store.journal.change(stands, RolloutChange(phase=Phase.HELD), entry("hold", RecordKind.PHASE))
    assert await store.trains.train("T-1") == train
