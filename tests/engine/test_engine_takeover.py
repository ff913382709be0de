"""When a driver is lost: the others are alarmed, the rollout is held, and a person takes the wheel with a reason."""

from pathlib import Path

import pytest
from engine_fakes import ANA, ANA2, BEN, BLUE, GREEN, SHOP, Desk, World, world

from console.engine.lost import ALARM_S
from console.engine.wheel import QUIET_S
from console.model.audit import AuditFilter, RecordKind
from console.model.commands import Answer
from console.model.errors import Unreachable
from console.model.events import HolderLost
from console.model.rollout import Actor, Phase
from console.model.verbs import Verb
from console.model.views import RolloutView

pytestmark = pytest.mark.anyio

EVE = Actor("Eve", "desk:4:dddd")


async def driven(w: World, stage: int = 1) -> tuple[Desk, str]:
    ana = await w.desk()
    rollout = await ana.start()
    await ana.until_stage(rollout, stage)
    return ana, rollout


async def take(desk: Desk, rollout: str, reason: str = "Ana's laptop is dead") -> Answer:
    return await desk.time.through(desk.engine.take_wheel(rollout, reason))


async def until(desk: Desk, rollout: str, holds, limit_s: float = 30.0) -> RolloutView:
    await desk.time.until(lambda: holds(desk.engine._parts.records[rollout]), limit_s)
    return desk.view(rollout)


async def told(w: World, *kinds: RecordKind):
    return [record.entry for record in await w.store.audit.all(AuditFilter(kinds=frozenset(kinds)))]


async def test_the_others_are_alarmed_ten_seconds_after_the_last_renewal(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        ben = await w.desk(BEN)
        assert ben.view(rollout).lost_holder == ""
        renewed = ben.engine._parts.records[rollout].last_lease.renewed_at
        await w.kill(ana)
        ben = await w.desk(BEN)
        view = await until(ben, rollout, lambda record: record.lost is not None)
        silent_s = (w.time.clock.now() - renewed).total_seconds()
        assert ALARM_S <= silent_s <= 12
        assert (view.lost_holder, view.lost_since) == ("Ana", renewed)
        assert view.headline == "Ana's console is lost: Checkout 5.2b stands at 25 %"
        assert [(event.holder, event.since) for event in ben.events if isinstance(event, HolderLost)] == [("Ana", renewed)]
        notice = next(each for update in ben.updates for each in update.notices if each.title == "Checkout: Ana's console is lost")
        assert "R-1 is at 25 %, and no step follows" in notice.text


async def test_a_person_takes_the_wheel_of_a_lost_driver_after_a_lease_and_a_margin_and_nothing_goes_on_by_itself(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        renewed = ana.engine._parts.records[rollout].lease.renewed_at
        await w.kill(ana)
        ben = await w.desk(BEN)
        await until(ben, rollout, lambda record: record.lost is not None)
        answer = await take(ben, rollout)
        assert answer.decision.allowed
        assert answer.detail == "Read back: 25 % on the canary."
        assert QUIET_S <= (w.time.clock.now() - renewed).total_seconds() < QUIET_S + 3
        view = ben.view(rollout)
        assert view.wheel.mine
        assert view.wheel.lease.token == 2
        assert (view.lost_holder, view.phase) == ("", Phase.HELD)
        assert "Ben took the wheel from Ana. Held at 25 %." in view.note
        await w.time.advance(200)
        assert w.shop.router.sent == [5, 25], "nothing advances by itself"
        entry = (await told(w, RecordKind.TAKEOVER))[-1]
        assert (entry.actor, entry.reason, entry.detail["before"], entry.detail["before_token"]) == (BEN, "Ana's laptop is dead", "Ana", 1)
        assert (await ben.act(Verb.RESUME)).decision.allowed
        await ben.until_phase(rollout, "done")


async def test_a_wheel_that_is_driven_is_not_taken_and_its_holder_is_told_who_asks(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        ben = await w.desk(BEN)
        answer = await take(ben, rollout, "I am on call")
        assert not answer.decision.allowed
        assert answer.decision.reasons[0].startswith("Ana drives R-1 from desk:1:aaaa, and renewed the wheel")
        assert "Going back is open" in answer.decision.allowed_instead
        assert ana.view(rollout).wheel.mine
        assert [each.title for update in ana.updates for each in update.notices if "asks" in each.title] == [
            "Ben asks for the wheel of R-1"
        ]
        refused = (await told(w, RecordKind.REFUSAL))[-1]
        assert (refused.verb, refused.actor, refused.reason) == ("take the wheel", BEN, "I am on call")


async def test_a_second_console_cannot_promote_and_is_told_how_to_get_the_wheel(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        _ana, rollout = await driven(w)
        ben = await w.desk(BEN)
        answer = await ben.act(Verb.PROMOTE, rollout=rollout)
        assert not answer.decision.allowed
        assert "Ana drives R-1" in answer.decision.reasons[0]
        assert "Ask Ana for a handover (wheel take asks, wheel hand-over gives)" in answer.decision.allowed_instead


async def test_a_console_that_only_watches_gives_the_wheel_to_the_person_who_asks(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        await w.kill(ana)
        eve = await w.desk(EVE, keeps_watch=True)
        await until(eve, rollout, lambda record: record.mine, 40)
        view = eve.view(rollout)
        assert (view.phase, view.lost_holder) == (Phase.HELD, "Ana"), "watched, but nobody has taken over yet"
        ben = await w.desk(BEN)
        asked = w.time.clock.now()
        answer = await take(ben, rollout, "I know this service")
        assert answer.decision.allowed, answer.decision
        assert (w.time.clock.now() - asked).total_seconds() < 8, "a handover needs no waiting"
        assert ben.view(rollout).wheel.lease.holder == BEN
        await w.time.advance(1)
        assert eve.view(rollout).wheel.lease.holder == BEN
        verbs = [(entry.verb, entry.actor.name) for entry in await told(w, RecordKind.TAKEOVER)]
        assert verbs[-3:] == [("ask for the wheel", "Ben"), ("hand the wheel over", "Eve"), ("take the wheel", "Ben")]


async def test_a_person_confirms_what_their_console_took_by_itself(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        await w.kill(ana)
        eve = await w.desk(EVE, keeps_watch=True)
        await until(eve, rollout, lambda record: record.mine, 40)
        assert (await take(eve, rollout)).decision.allowed
        assert eve.view(rollout).lost_holder == ""
        ben = await w.desk(BEN)
        assert not (await take(ben, rollout)).decision.allowed, "now a person drives"


async def test_what_is_over_or_goes_back_has_no_wheel_to_take(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        await ana.act(Verb.ROLLBACK)
        await ana.until_phase(rollout, "rolled back")
        answer = await take(ana, rollout)
        assert answer.decision.reasons == ("R-1 is rolled back: there is nothing to drive.",)


async def test_going_back_needs_no_wheel_while_the_driver_is_lost(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        await w.kill(ana)
        ben = await w.desk(BEN)
        answer = await ben.act(Verb.ROLLBACK, rollout=rollout)
        assert answer.decision.allowed
        await ben.until_phase(rollout, "rolled back")
        assert w.shop.router.weights == {BLUE: 100.0, GREEN: 0.0}
        assert ben.view(rollout).lost_holder == ""


async def test_a_target_that_cannot_be_read_at_a_takeover_is_said_and_stays_held(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        await w.kill(ana)
        ben = await w.desk(BEN)
        await until(ben, rollout, lambda record: record.lost is not None)
        w.shop.router.deaf = Unreachable("No answer.", sent=False)
        answer = await take(ben, rollout)
        assert answer.decision.allowed
        assert answer.detail == "The target cannot be read now: look before you resume."
        assert ben.view(rollout).phase is Phase.HELD


async def test_by_default_a_lost_driver_holds(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        await w.kill(ana)
        eve = await w.desk(EVE, keeps_watch=True)
        await w.time.advance(400)
        assert eve.view(rollout).phase is Phase.HELD
        assert eve.view(rollout).auto_act is None
        assert w.shop.router.weights == {BLUE: 75.0, GREEN: 25.0}


@pytest.fixture
def returns():
    from dataclasses import replace

    return replace(SHOP, return_if_lost_s=60.0)


async def test_a_plan_may_take_traffic_back_to_stable_when_its_driver_is_lost(tmp_path: Path, returns) -> None:
    async with world(tmp_path, returns) as w:
        ana, rollout = await driven(w)
        renewed = ana.engine._parts.records[rollout].lease.renewed_at
        await w.kill(ana)
        eve = await w.desk(EVE, keeps_watch=True)
        view = await until(eve, rollout, lambda record: record.rollout.auto_back_at is not None, 40)
        assert (view.auto_act.at - renewed).total_seconds() == 60
        assert "Ana's console was lost, so traffic goes back to stable at" in view.note
        assert view.verbs[Verb.HOLD].enabled
        await eve.until_phase(rollout, "rolled back", limit_s=60)
        assert (w.time.clock.now() - renewed).total_seconds() < 65
        assert w.shop.router.weights == {BLUE: 100.0, GREEN: 0.0}


async def test_hold_stops_the_way_back_of_a_lost_driver_for_good(tmp_path: Path, returns) -> None:
    async with world(tmp_path, returns) as w:
        ana, rollout = await driven(w)
        await w.kill(ana)
        eve = await w.desk(EVE, keeps_watch=True)
        await until(eve, rollout, lambda record: record.rollout.auto_back_at is not None, 40)
        ben = await w.desk(BEN)
        assert (await ben.act(Verb.HOLD)).decision.allowed
        await w.time.advance(300)
        assert w.shop.router.weights == {BLUE: 75.0, GREEN: 25.0}
        assert eve.view(rollout).phase is Phase.HELD
        assert eve.view(rollout).auto_act is None


async def test_taking_the_wheel_stops_the_way_back_of_a_lost_driver(tmp_path: Path, returns) -> None:
    async with world(tmp_path, returns) as w:
        ana, rollout = await driven(w)
        await w.kill(ana)
        again = await w.desk_again(ANA, ANA2, keeps_watch=True)
        await until(again, rollout, lambda record: record.rollout.auto_back_at is not None, 40)
        assert (await take(again, rollout, "restarted")).decision.allowed
        await w.time.advance(300)
        assert again.view(rollout).auto_act is None
        assert w.shop.router.weights == {BLUE: 75.0, GREEN: 25.0}


async def test_with_no_console_alive_nothing_acts_and_the_plan_said_so(tmp_path: Path, returns) -> None:
    async with world(tmp_path, returns) as w:
        ana = await w.desk(ANA, kind="desktop")
        plan = await w.time.really(ana.engine.plan("shop", "5.2b"))
        assert any(words.startswith("Nobody else can take the wheel") for words in plan.warnings)
        assert any("only another console or an agent can do that" in words for words in plan.warnings)
        await w.desk(BEN, kind="desktop")
        plan = await w.time.really(ana.engine.plan("shop", "5.2b"))
        assert not any("Nobody else" in words for words in plan.warnings)
