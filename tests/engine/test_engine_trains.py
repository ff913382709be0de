"""Several services as one release: each waits for those before it, a failure takes all back, last first, and a crash loses none."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from engine_fakes import ANA, ANA2, BEN, BLUE, ERRORS, GREEN, SHOP, Desk, FakeMetrics, Shop, World

from console.model.audit import AuditFilter
from console.model.commands import Answer, Command
from console.model.errors import Unreachable
from console.model.freeze import StopTheLine
from console.model.hooks import arm
from console.model.plan import PlanKind
from console.model.ports import Connections
from console.model.rollout import Actor, Phase, Rollout
from console.model.stores import TargetRow
from console.model.target import Stage, Target, ThresholdGate
from console.model.train import Member, Train, TrainPhase, TrainPlan, Until
from console.model.verbs import Verb
from console.model.views import TrainView

pytestmark = pytest.mark.anyio

DB, WEB = Member("db", "5.2b"), Member("web", "5.2b", ("db",))
PAIR = TrainPlan("autumn", (DB, WEB))


EVERY = int(os.environ.get("TRAIN_CRASHES", "2"))
"""At how many reaches of each hook the console is killed; five or more try every change of a train of two."""

STAGES = (Stage(5, 6, (ERRORS,)), Stage(95, 6, (ERRORS,)), Stage(95, 6, (ERRORS,), bake=True))
SERVICE = replace(SHOP, gates=(ThresholdGate(ERRORS, "http_errors", "http_requests", 0.05),), stages=STAGES, auto_rollback_after_s=5.0)
BAKE = 2


class Counts(FakeMetrics):
    """Requests of which a part fails on the canary while `bad`."""

    bad = False

    def _values(self, side: str) -> dict[str, float]:
        found = super()._values(side)
        return found | {"http_errors": found["http_requests"] * (0.5 if self.bad and side == GREEN else 0.001)}


class Street:
    """Several shops side by side, each a target of its own."""

    def __init__(self, shops: dict[str, Shop]) -> None:
        self.shops = shops
        self.target = next(iter(shops.values())).target

    def load(self, row: TargetRow) -> Target:
        return self.shops[row.name].target

    def connect(self, target: Target, row: TargetRow) -> Connections:
        return self.shops[row.name].connect(target, row)


class Town(World):
    """Time, records, and a street of shops; engines come and go."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        super().__init__(folder)
        self.shops = {name: Shop(self.time, replace(SERVICE, name=name, title=name.upper())) for name in names}
        for shop in self.shops.values():
            shop.metrics = Counts(self.time, shop.router, 20.0)
            shop.router.killed = lambda: self.store.trouble.dead
        self.shop = Street(self.shops)  # type: ignore[assignment]

    async def desk(self, actor: Actor = ANA, **options: object) -> Desk:
        if not self.desks:
            for name, shop in self.shops.items():
                row = TargetRow(name, f"{name}.yaml", armed=True, trusted_digest=shop.target.digest)
                await self.store.targets.put(row, actor, "add", self.time.clock.now())
        desk = Desk(self.time, self.shop, self.store, actor, **options)
        self.desks.append(desk)
        await desk.open()
        return desk

    async def train(self) -> Train:
        return await self.time.through(self.store.trains.train("T-1"))

    async def until(self, *phases: TrainPhase, limit_s: float = 1500.0) -> Train:
        known = self.desks[-1].engine.trains._driver.known
        await self.time.until(lambda: "T-1" in known and known["T-1"].phase in phases, limit_s)
        await self.time.advance(1.0)
        return await self.train()

    async def rollouts(self, target: str = "") -> list[Rollout]:
        return list(await self.time.through(self.store.journal.rollouts(live=False, target=target)))

    def weights(self) -> dict[str, float]:
        return {name: shop.router.weights[GREEN] for name, shop in self.shops.items()}


@asynccontextmanager
async def town(folder: Path, names: tuple[str, ...] = ("db", "web")) -> AsyncIterator[Town]:
    made = Town(folder, names)
    try:
        yield made
    finally:
        made.store.trouble.broken = False
        for desk in made.desks:
            await made.time.through(desk.engine.close())
        await made.store.close()


async def started(t: Town, desk: Desk, plan: TrainPlan = PAIR) -> Answer:
    answer = await t.time.really(desk.engine.trains.start(plan, "autumn release"))
    assert answer.decision.allowed, answer.decision.reasons
    return answer


async def acted(t: Town, desk: Desk, verb: Verb, target: str, **more: object) -> Answer:
    return await t.time.really(desk.engine.act(Command(verb, target, desk.actor, "by hand", **more)))


def view(desk: Desk) -> TrainView:
    desk.engine._parts.outbox.flush()
    return next(each for update in reversed(desk.updates) for each in update.trains if each.id == "T-1")


async def test_the_second_starts_when_the_first_is_done_and_each_is_a_rollout_of_its_own(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        await started(t, desk)
        await t.time.until(lambda: t.weights()["db"] == 95.0, 900)
        assert t.shops["web"].router.sent == [], "it waits for the bake too"
        assert view(desk).members[1].fact == "waits for db"
        train = await t.until(TrainPhase.DONE)
        first, second = (await t.rollouts("db"))[0], (await t.rollouts("web"))[0]
        assert (first.phase, second.phase) == (Phase.DONE, Phase.DONE)
        assert first.ended_at is not None
        assert second.started_at >= first.ended_at
        assert train.rollouts == {"db": first.id, "web": second.id}
        assert second.reason == "train T-1 autumn after db: autumn release"
        assert {"db": first.plan.hash, "web": second.plan.hash} == {name: plan.hash for name, plan in train.plans.items()}
        shown = view(desk)
        assert (shown.headline, [each.word for each in shown.members]) == ("autumn (T-1) is done: all 2 services", ["done", "done"])
        assert (await t.store.audit.verify()).ok


async def test_until_gate_lets_the_second_start_while_the_first_bakes(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        await started(t, desk, replace(PAIR, members=(replace(DB, until=Until.GATE), WEB)))
        await t.time.until(lambda: bool(t.shops["web"].router.sent), 900)
        first = (await t.rollouts("db"))[0]
        assert (first.phase, first.stage) == (Phase.RUNNING, BAKE), "in its bake"
        assert (await t.until(TrainPhase.DONE)).phase is TrainPhase.DONE


async def test_what_waits_for_nothing_runs_side_by_side(tmp_path: Path) -> None:
    async with town(tmp_path, ("db", "cache", "web")) as t:
        desk = await t.desk()
        members = (replace(WEB, after=("db", "cache")), DB, Member("cache", "5.2b"))
        await started(t, desk, TrainPlan("wide", members))
        await t.time.until(lambda: t.weights()["db"] == 5.0 and t.weights()["cache"] == 5.0, 60)
        assert t.weights()["web"] == 0.0
        await t.until(TrainPhase.DONE)
        ends = [each.ended_at for name in ("db", "cache") for each in await t.rollouts(name)]
        assert (await t.rollouts("web"))[0].started_at >= max(ends)


async def test_a_failure_takes_both_back_last_first_with_records_that_name_the_train(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        t.shops["web"].metrics.bad = True
        await started(t, desk)
        train = await t.until(TrainPhase.ROLLED_BACK)
        (web,), (back, db) = await t.rollouts("web"), await t.rollouts("db")
        assert (web.phase, db.phase, back.phase, back.plan.kind) == (Phase.ROLLED_BACK, Phase.DONE, Phase.ROLLED_BACK, PlanKind.ROLLBACK)
        assert web.ended_at is not None
        assert back.started_at >= web.ended_at, "in reverse order"
        assert t.shops["db"].router.weights == t.shops["web"].router.weights == {BLUE: 100.0, GREEN: 0.0}
        assert back.reason.startswith("train T-1 autumn: web went back: ")
        records = [each.entry for each in await t.store.audit.all(AuditFilter(rollout=back.id))]
        assert records
        assert all("T-1" in each.reason for each in records if each.kind in {"plan", "intent"})
        own = [each.entry.verb for each in await t.store.audit.all(AuditFilter(rollout="T-1"))]
        assert own == ["train", "start member", "start member", "train rollback", "train rolled back"]
        assert train.note.startswith("web went back: ")
        assert view(desk).headline == "autumn (T-1) was rolled back: 2 of 2 had started"


async def test_a_first_that_fails_never_lets_the_second_start(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        t.shops["db"].metrics.bad = True
        await started(t, desk)
        await t.until(TrainPhase.ROLLED_BACK)
        assert (t.shops["web"].router.sent, await t.rollouts("web")) == ([], [])


async def test_one_click_takes_all_back_in_reverse_order_and_traffic_first(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        await started(t, desk, replace(PAIR, members=(replace(DB, until=Until.GATE), WEB)))
        await t.time.until(lambda: t.weights()["web"] == 5.0, 900)
        answer = await t.time.really(desk.engine.trains.roll_back("T-1", "wrong prices"))
        assert answer.decision.allowed
        assert t.weights()["web"] == 0.0, "sent when it answers"
        train = await t.until(TrainPhase.ROLLED_BACK)
        assert train.note == "rollback by Ana: wrong prices"
        db, web = (await t.rollouts("db"))[0], (await t.rollouts("web"))[0]
        assert (db.phase, web.phase) == (Phase.ROLLED_BACK, Phase.ROLLED_BACK)
        assert db.ended_at is not None
        assert web.ended_at is not None
        assert web.ended_at <= db.ended_at


async def test_a_person_who_takes_one_member_back_takes_back_the_train(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        await started(t, desk)
        await t.time.until(lambda: t.weights()["web"] == 5.0, 900)
        assert (await acted(t, desk, Verb.ABORT, "web")).decision.allowed
        await t.until(TrainPhase.ROLLED_BACK)
        assert t.weights() == {"db": 0.0, "web": 0.0}


async def test_a_train_that_is_done_can_be_taken_back_as_a_whole(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        await started(t, desk)
        await t.until(TrainPhase.DONE)
        assert (await t.time.really(desk.engine.trains.roll_back("T-1", "a late fault"))).decision.allowed
        await t.until(TrainPhase.ROLLED_BACK)
        (web, _), (db, _) = await t.rollouts("web"), await t.rollouts("db")
        assert web.started_at <= db.started_at
        assert t.weights() == {"db": 0.0, "web": 0.0}
        assert not (await t.time.really(desk.engine.trains.roll_back("T-1", "again"))).decision.allowed


async def test_a_freeze_that_begins_meanwhile_holds_the_train_in_words_and_a_person_resumes_it(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        await started(t, desk)
        await t.time.until(lambda: t.weights()["db"] == 95.0, 900)
        stop = StopTheLine("Ben", "payments are down", t.time.clock.now(), None, ("web",))
        await t.store.freezes.stop(stop, BEN)
        train = await t.until(TrainPhase.HELD)
        assert train.note.startswith("web did not start: Ben stopped the line")
        assert await t.rollouts("web") == []
        await t.store.freezes.lift(BEN, "over", t.time.clock.now())
        await t.time.advance(60)
        assert await t.rollouts("web") == [], "nothing goes on by itself"
        answer = await t.time.really(desk.engine.trains.resume("T-1", "over"))
        assert answer.decision.allowed
        assert (await t.until(TrainPhase.DONE)).phase is TrainPhase.DONE


async def test_hold_holds_all_and_resume_lets_all_go_on(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        await started(t, desk, replace(PAIR, members=(replace(DB, until=Until.GATE), WEB)))
        await t.time.until(lambda: t.weights()["web"] == 5.0, 900)
        assert (await t.time.really(desk.engine.trains.hold("T-1", "lunch"))).decision.allowed
        await t.time.advance(300)
        assert {each.phase for each in await t.rollouts()} == {Phase.HELD}
        assert (await t.train()).note == "Held by Ana: lunch."
        answer = await t.time.really(desk.engine.trains.resume("T-1", "back"))
        assert (answer.decision.allowed, answer.detail) == (True, "")
        await t.until(TrainPhase.DONE)


async def test_a_way_back_that_stops_blocks_no_other_and_says_where(tmp_path: Path) -> None:
    async with town(tmp_path, ("db", "api", "web")) as t:
        desk = await t.desk()
        chain = (replace(DB, until=Until.GATE), Member("api", "5.2b", ("db",), Until.GATE), replace(WEB, after=("api",)))
        await started(t, desk, TrainPlan("chain", chain))
        await t.time.until(lambda: t.weights()["web"] == 5.0, 1500)
        t.shops["api"].router.deaf = Unreachable("The router does not answer.", sent=False)
        assert (await t.time.really(desk.engine.trains.roll_back("T-1", ""))).decision.allowed
        train = await t.until(TrainPhase.STOPPED)
        assert t.weights() | {"api": 0.0} == {"db": 0.0, "api": 0.0, "web": 0.0}
        assert train.note.startswith("Stopped at member 2 of 3, api. api: rollback stopped at step 1")
        assert train.note.endswith("roll the train back again.")
        t.shops["api"].router.deaf = None
        assert (await t.time.really(desk.engine.trains.roll_back("T-1", "it answers again"))).decision.allowed
        await t.until(TrainPhase.ROLLED_BACK)
        assert t.weights() == {"db": 0.0, "api": 0.0, "web": 0.0}


async def test_what_cannot_go_back_is_told_and_the_others_go(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        await started(t, desk)
        await t.time.until(lambda: t.weights()["web"] == 5.0, 900)
        t.shops["db"].workloads.versions[BLUE] = "other"
        await t.time.advance(4)
        assert (await t.time.really(desk.engine.trains.roll_back("T-1", ""))).decision.allowed
        train = await t.until(TrainPhase.STOPPED, limit_s=120)
        assert t.weights() == {"db": 100.0, "web": 0.0}
        words = "Stopped at member 1 of 2, db. db: 5.1 does not stand healthy on blue any more, so nothing can go back to it."
        assert train.note.startswith(words)


async def test_back_goes_with_records_that_take_nothing_and_nothing_starts_when_they_do_again(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        await started(t, desk)
        await t.time.until(lambda: t.weights()["db"] == 5.0, 900)
        t.store.trouble.broken = True
        assert (await t.time.really(desk.engine.trains.roll_back("T-1", "now"))).decision.allowed
        await t.time.advance(5)
        assert t.weights() == {"db": 0.0, "web": 0.0}
        t.store.trouble.broken = False
        await t.time.advance(60)
        assert t.weights() == {"db": 0.0, "web": 0.0}
        assert await t.rollouts("web") == []


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (TrainPlan("x", ()), "A train needs at least one service."),
        (replace(PAIR, members=(replace(DB, after=("web",)), WEB)), "db, web wait for each other in a circle: none of them could start."),
    ],
)
async def test_an_order_that_cannot_be_kept_starts_nothing(tmp_path: Path, plan: TrainPlan, words: str) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        answer = await t.time.really(desk.engine.trains.start(plan, ""))
        assert (answer.decision.allowed, answer.decision.reasons) == (False, (words,))
        assert await t.rollouts() == []


async def test_a_train_does_not_begin_while_its_first_member_may_not(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        await t.store.freezes.stop(StopTheLine("Ben", "smoke", t.time.clock.now(), None, ()), BEN)
        answer = await t.time.really(desk.engine.trains.start(PAIR, ""))
        assert not answer.decision.allowed
        assert answer.decision.reasons[0].startswith("db: Ben stopped the line")
        assert await t.time.through(t.store.trains.trains(live=False)) == []


async def test_a_member_whose_target_changed_meanwhile_is_planned_anew_by_a_person(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        await started(t, desk)
        before = await t.train()
        await t.time.until(lambda: t.weights()["db"] == 95.0, 900)
        t.shops["web"].workloads.versions[BLUE] = "5.1.1"
        train = await t.until(TrainPhase.HELD)
        assert "The versions on the target have changed since this plan was made" in train.note
        assert (await t.time.really(desk.engine.trains.resume("T-1", "seen"))).decision.allowed
        train = await t.until(TrainPhase.DONE)
        assert train.plans["web"].stable_version == "5.1.1"
        assert train.hash != before.hash


async def crash_at(t: Town, desk: Desk, hook: str, count: int, work) -> bool:
    """Run some work, and the console into a kill at a hook; tell whether it came that far."""

    class Crash(BaseException):
        """The console dies here."""

    left, struck = count, False

    def killer(name: str) -> None:
        nonlocal left, struck
        left -= name == hook
        if struck or left == 0:
            struck = t.store.trouble.dead = True
            raise Crash

    with arm(killer):
        task = asyncio.ensure_future(work())
        for _ in range(400):
            await t.time.settle()
            if struck:
                break
            await t.time.advance(0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await t.kill(desk)
    return struck


@pytest.mark.parametrize("count", range(1, EVERY + 1))
@pytest.mark.parametrize("hook", ["phase-before-commit", "phase-after-commit"])
async def test_killed_at_any_change_of_its_start_no_member_is_lost_or_started_twice(tmp_path: Path, hook: str, count: int) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        await crash_at(t, desk, hook, count, lambda: desk.engine.trains.start(PAIR, ""))
        again = await t.desk_again(ANA, ANA2)
        await t.time.advance(20)
        trains = list(await t.time.through(t.store.trains.trains(live=False)))
        rollouts = await t.rollouts()
        assert len(rollouts) == len({each.plan.target for each in rollouts})
        if not trains:
            assert rollouts == []
            return
        (train,) = trains
        assert train.phase is TrainPhase.HELD
        assert train.note == "The console of Ana that drove it is gone: nothing was started since."
        assert train.rollouts == {each.plan.target: each.id for each in rollouts}
        assert (await t.time.really(again.engine.trains.resume("T-1", "go on"))).decision.allowed
        for each in await t.rollouts():
            if each.phase in {Phase.HELD, Phase.UNKNOWN}:
                await acted(t, again, Verb.RESUME, each.plan.target)
        await t.until(TrainPhase.DONE)
        assert len(await t.rollouts()) == 2
        assert (await t.store.audit.verify()).ok


@pytest.mark.parametrize("count", range(1, EVERY + 1))
@pytest.mark.parametrize("hook", ["phase-before-commit", "phase-after-commit", "intent-after-commit", "after-send", "outcome-after-commit"])
async def test_killed_on_its_way_back_one_click_ends_it(tmp_path: Path, hook: str, count: int) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        await started(t, desk, replace(PAIR, members=(replace(DB, until=Until.GATE), WEB)))
        await t.time.until(lambda: t.weights()["web"] == 5.0, 900)
        await crash_at(t, desk, hook, count, lambda: desk.engine.trains.roll_back("T-1", "payments fail"))
        sent = {name: list(shop.router.sent) for name, shop in t.shops.items()}
        again = await t.desk_again(ANA, ANA2)
        await t.time.advance(30)
        train = await t.train()
        if train.phase is TrainPhase.HELD:
            assert {name: list(shop.router.sent) for name, shop in t.shops.items()} == sent, "the click was not on record"
        if train.phase is not TrainPhase.ROLLED_BACK:
            answer = await t.time.really(again.engine.trains.roll_back("T-1", "again"))
            assert answer.decision.allowed or train.phase is TrainPhase.GOING_BACK, answer.decision.reasons
        train = await t.until(TrainPhase.ROLLED_BACK, limit_s=120)
        assert t.weights() == {"db": 0.0, "web": 0.0}
        assert (await t.store.audit.verify()).ok


async def test_an_agent_takes_the_others_back_when_a_member_went_back_after_its_console_was_lost(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk()
        await started(t, desk)
        await t.time.until(lambda: t.weights()["web"] == 5.0, 900)
        await t.kill(desk)
        again = await t.desk_again(ANA, BEN, keeps_watch=True, kind="agent")
        await t.until(TrainPhase.HELD)
        assert (await acted(t, again, Verb.ABORT, "web")).decision.allowed
        await t.until(TrainPhase.ROLLED_BACK)
        assert t.weights() == {"db": 0.0, "web": 0.0}


async def test_of_two_consoles_that_watch_one_drives_and_both_show_it(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        desk = await t.desk(kind="desktop")
        other = await t.desk(BEN, kind="desktop")
        await started(t, desk)
        await t.time.until(lambda: t.weights()["db"] == 5.0, 120)
        await t.time.advance(3)
        assert view(other).members[0].word == view(desk).members[0].word == "under way"
        assert (await t.time.really(other.engine.trains.roll_back("T-1", "no"))).decision.allowed
        await t.until(TrainPhase.ROLLED_BACK)
        assert t.weights() == {"db": 0.0, "web": 0.0}
        assert await t.rollouts("web") == []
