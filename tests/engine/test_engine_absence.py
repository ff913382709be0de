"""A console that slept: it says so, nothing catches up, its queued clicks are refused, and what it left on the wire is shown as drift."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from engine_fakes import ANA, BEN, BLUE, GREEN, Desk, World, world

from console.engine import absence
from console.model.audit import AuditFilter, RecordKind
from console.model.errors import Unreachable
from console.model.events import DriftSeen
from console.model.rollout import Phase
from console.model.verbs import State, Verb, Verdict

pytestmark = pytest.mark.anyio


def record(desk: Desk, rollout: str):
    return desk.engine._parts.records[rollout]


async def asleep(w: World, minutes: float = 61) -> tuple[Desk, str]:
    """Drive to 5 %, and let the computer sleep there."""
    ana = await w.desk()
    rollout = await ana.start()
    await ana.until_stage(rollout, 0)
    w.time.clock.advance(minutes * 60)
    return ana, rollout


async def test_after_an_hour_of_sleep_nothing_has_advanced_and_the_screen_says_so(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await asleep(w)
        await w.time.advance(3)
        view = ana.view(rollout)
        assert view.absence is not None
        assert view.absence.sentence == "You were away for 61 min: traffic 5 %, nothing advanced."
        assert 3659 <= (view.absence.until - view.absence.since).total_seconds() <= 3662
        assert view.absence.meanwhile == ()
        assert view.phase is Phase.HELD
        assert "the console was away for 61 min: nothing advanced" in view.note
        await w.time.advance(600)
        assert w.shop.router.sent == [5], "no step is caught up"


async def test_verdicts_of_before_the_sleep_are_stale(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana = await w.desk()
        rollout = await ana.start()
        await ana.until_stage(rollout, 0)
        await w.time.advance(20)
        w.shop.metrics.error = Unreachable("No answer.", sent=False)
        w.time.clock.advance(3660)
        await w.time.advance(1)
        verdicts = [gate.verdict for gate in ana.view(rollout).gates]
        assert verdicts[0] in {Verdict.STALE, Verdict.BLIND}
        assert Verdict.PASS not in verdicts


async def test_a_click_that_was_queued_in_the_sleep_is_refused_and_recorded_with_the_token_it_had(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await asleep(w)
        answer = await ana.act(Verb.PROMOTE, rollout=rollout, reason="clicked before the lid was closed")
        assert not answer.decision.allowed
        assert answer.decision.reasons[0].startswith("You were away for 61 min")
        await w.time.advance(5)
        refused = [each.entry for each in await w.store.audit.all(AuditFilter(kinds=frozenset({RecordKind.REFUSAL})))][-1]
        assert (refused.verb, refused.actor, refused.detail["token"]) == ("promote", ANA, 1)
        assert w.shop.router.sent == [5]


async def test_forward_is_open_again_once_the_person_has_read_it_and_back_always_was(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await asleep(w)
        await w.time.advance(25)
        assert not ana.view(rollout).verbs[Verb.RESUME].enabled
        assert ana.view(rollout).verbs[Verb.ROLLBACK].enabled
        await ana.engine.seen_absence(rollout)
        assert ana.view(rollout).absence is None
        assert (await ana.act(Verb.RESUME, rollout=rollout)).decision.allowed
        await ana.until_phase(rollout, "done")


async def test_what_others_did_meanwhile_is_told(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana = await w.desk()
        rollout = await ana.start()
        await ana.until_stage(rollout, 1)
        others = await w.desk(BEN)
        w.time.clock.advance(61)
        answer = await others.act(Verb.STEP_DOWN, rollout=rollout, reason="she is away")
        assert answer.decision.allowed
        await w.time.advance(5)
        absence = ana.view(rollout).absence
        assert absence is not None
        assert absence.sentence == "You were away for 61 s: traffic 5 %, nothing advanced. Ben acted meanwhile."
        assert any(words.endswith("Ben: step down (she is away)") for words in absence.meanwhile)


async def test_an_agent_has_no_person_to_read_it(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        agent = await w.desk(BEN, keeps_watch=True, kind="agent")
        rollout = await agent.start()
        await agent.until_stage(rollout, 0)
        w.time.clock.advance(600)
        await w.time.advance(3)
        assert agent.view(rollout).absence is None
        assert agent.view(rollout).phase is Phase.HELD


async def taken_over(w: World) -> tuple[Desk, Desk, str]:
    """Ana's console is stopped at 25 %, Ben takes the wheel, and Ana's wakes."""
    ana = await w.desk()
    rollout = await ana.start()
    await ana.until_stage(rollout, 1)
    ben = await w.desk(BEN)
    w.time.clock.advance(25)  # no beat of either console
    record(ben, rollout)
    assert (await w.time.through(ben.engine.take_wheel(rollout, "Ana is gone"))).decision.allowed
    await w.time.advance(2)
    await ben.engine.seen_absence(rollout)
    return ana, ben, rollout


async def test_a_former_holder_is_refused_by_name_and_token(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, _ben, rollout = await taken_over(w)
        await ana.engine.seen_absence(rollout)
        answer = await ana.act(Verb.RESUME, rollout=rollout)
        assert answer.decision.reasons == ("Your wheel of R-1 (token 1) is over: Ben has it, token 2.",)
        assert "ask Ben for a handover" in answer.decision.allowed_instead
        refused = [each.entry for each in await w.store.audit.all(AuditFilter(kinds=frozenset({RecordKind.REFUSAL})))][-1]
        assert (refused.verb, refused.detail["token"]) == ("resume", 1)


async def test_a_stale_write_of_a_former_holder_is_seen_within_two_seconds_and_shown_with_who_and_when(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        _ana, ben, rollout = await taken_over(w)
        assert (await ben.act(Verb.STEP_DOWN, rollout=rollout)).decision.allowed
        await w.time.advance(3)
        assert w.shop.router.weights == {BLUE: 95.0, GREEN: 5.0}
        sent = len(w.shop.router.changes)
        w.shop.router.weights = {BLUE: 75.0, GREEN: 25.0}
        written = w.time.clock.now()
        await w.time.until(lambda: any(isinstance(event, DriftSeen) for event in ben.events), 5)
        assert (w.time.clock.now() - written).total_seconds() <= 2
        view = ben.view(rollout)
        assert view.state is State.DRIFT
        assert "blue 75 %, green 25 % read back, green 5 %, blue 95 % asked; since 10:" in view.headline
        assert "as Ana had asked at 10:" in view.headline
        assert "that wheel is over" in view.headline
        await w.time.advance(60)
        assert len(w.shop.router.changes) == sent, "nothing is sent by itself"


async def test_a_stale_write_after_the_way_back_is_shown_too(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        _ana, ben, rollout = await taken_over(w)
        await ben.act(Verb.ROLLBACK, rollout=rollout)
        await ben.until_phase(rollout, "rolled back")
        w.shop.router.weights = {BLUE: 75.0, GREEN: 25.0}
        await w.time.advance(2)
        assert ben.target.state is State.DRIFT
        assert "as Ana had asked at" in ben.target.state_text
        w.shop.router.weights = {BLUE: 100.0, GREEN: 0.0}
        await w.time.advance(2)
        assert ben.target.state is not State.DRIFT


async def test_a_change_by_hand_is_nobodys_order(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana = await w.desk()
        rollout = await ana.start()
        await ana.until_stage(rollout, 1)
        w.shop.router.weights = {BLUE: 60.0, GREEN: 40.0}
        await w.time.advance(3)
        assert "not by a console" in ana.view(rollout).headline


async def test_a_target_whose_clock_is_far_off_holds_forward_and_never_back(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana = await w.desk()
        rollout = await ana.start()
        await ana.until_stage(rollout, 1)
        live = ana.engine._parts.targets["shop"]
        live.connections = replace(live.connections, ahead_s=lambda: 61.0)
        answer = await ana.act(Verb.PROMOTE, rollout=rollout)
        assert "Clocks disagree: this computer's clock differs from the target's clock by 61 s." in answer.decision.reasons
        await w.time.advance(90)
        assert w.shop.router.sent == [5, 25], "the guard of each step asks too"
        assert "Clocks disagree" in ana.view(rollout).note
        assert (await ana.act(Verb.ROLLBACK, rollout=rollout)).decision.allowed
        await ana.until_phase(rollout, "rolled back")


async def test_a_small_difference_of_clocks_is_told_in_the_plan(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana = await w.desk()
        ana.engine._parts.asking.records_are_ahead(-7.0)
        plan = await w.time.really(ana.engine.plan("shop", "5.2b"))
        words = "Clocks disagree: this computer's clock differs from the records' clock by 7 s."
        assert words in plan.warnings
        assert plan.decision.allowed
        ana.engine._parts.targets["shop"].touch()
        assert (ana.target.problem.what, ana.target.problem.means) == (words, "Ages and waits may be off by as much.")


async def test_a_bug_in_telling_of_one_absence_does_not_stop_the_next_one_from_being_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await asleep(w)

        async def broken(_: object) -> str:
            raise KeyError("green")

        with monkeypatch.context() as patched, caplog.at_level(logging.CRITICAL, "console.engine.absence"):
            patched.setattr(absence, "_weight_now", broken)
            await w.time.advance(3)
        w.time.clock.advance(3660)
        await w.time.advance(3)
        assert "traffic 5 %, nothing advanced." in ana.view(rollout).absence.sentence
