"""Handing the wheel over: with a note, to one console or to anyone, and what the next driver reads."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from engine_fakes import ANA2, BEN, GREEN, Desk, World, world

from console.engine.state import LiveRollout, LiveTarget
from console.model.audit import AuditFilter, RecordKind
from console.model.commands import Answer
from console.model.errors import NotAllowed, Unreachable
from console.model.rollout import Actor, Phase
from console.model.stores import WheelSeen
from console.model.verbs import Verb

pytestmark = pytest.mark.anyio

AGENT = Actor("Rota", "agent:9:ffff")


async def driven(w: World, stage: int = 1) -> tuple[Desk, str]:
    ana = await w.desk()
    rollout = await ana.start()
    await ana.until_stage(rollout, stage)
    return ana, rollout


async def hand_over(desk: Desk, rollout: str, note: str = "watch the errors", to: str = "") -> Answer:
    return await desk.time.through(desk.engine.hand_over(rollout, note, to))


def record(desk: Desk, rollout: str):
    return desk.engine._parts.records[rollout]


async def test_a_handover_frees_the_wheel_at_once_and_the_next_driver_reads_the_card(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        await ana.act(Verb.HOLD, reason="lunch")
        ben = await w.desk(BEN)
        assert (await hand_over(ana, rollout, to="Ben")).decision.allowed
        assert ana.view(rollout).wheel.lease is None
        await w.time.advance(1)
        told = [each for update in ben.updates for each in update.notices if "hands you" in each.title]
        assert [each.title for each in told] == ["Ana hands you the wheel of R-1"]
        assert told[0].text.startswith("Checkout: watch the errors")
        card = await w.time.through(ben.engine.handover_card(rollout))
        assert (card.holder, card.note) == ("Ana", "Ana: watch the errors")
        assert card.step.startswith("stage 2 of 5: 25 %, held, since 2026-11-24T")
        assert card.why.startswith("hold by Ana at 2026-11-24T")
        assert card.why.endswith(": lunch")
        assert card.weight.read_back.value == 25
        assert (card.weight.read_back.at, card.unknowns) == (w.time.clock.now(), ())
        asked = w.time.clock.now()
        assert (await w.time.through(ben.engine.take_wheel(rollout, "my shift"))).decision.allowed
        assert (w.time.clock.now() - asked).total_seconds() < 1
        assert ben.view(rollout).wheel.mine
        assert not ana.view(rollout).wheel.mine


async def test_only_who_has_the_wheel_hands_it_over(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        ben = await w.desk(BEN)
        answer = await hand_over(ben, rollout)
        assert answer.decision.reasons == ("This console does not have the wheel of R-1: Ana drives it.",)
        assert ana.view(rollout).wheel.mine
        with pytest.raises(NotAllowed):
            await hand_over(ben, "R-9")


async def test_another_console_of_the_same_person_hands_over_what_the_first_one_drives(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        terminal = await w.desk(ANA2)
        assert (await hand_over(terminal, rollout, "for the night", "Ben")).decision.allowed
        assert ana.view(rollout).wheel.lease is None
        ben = await w.desk(BEN)
        card = await w.time.through(ben.engine.handover_card(rollout))
        assert card.note == "Ana: for the night"


async def test_what_nobody_takes_is_held(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        await w.desk(BEN)
        await hand_over(ana, rollout)
        await ana.until_phase(rollout, "held", limit_s=10)
        await w.time.advance(300)
        assert w.shop.router.sent == [5, 25]


async def test_an_agent_goes_on_with_what_is_handed_to_anyone(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        agent = await w.desk(AGENT, keeps_watch=True, kind="agent")
        evidence = ana.view(rollout).gates[0].evidence.canary_total
        await hand_over(ana, rollout, "until tomorrow")
        await w.time.until(lambda: record(agent, rollout).mine, 5)
        assert agent.view(rollout).phase is Phase.RUNNING
        assert agent.view(rollout).gates[0].evidence.canary_total >= evidence > 0
        await agent.until_phase(rollout, "done")
        assert w.shop.router.sent == [5, 25, 50, 95, 100]
        taken = [each.entry for each in await w.store.audit.all(AuditFilter(kinds=frozenset({RecordKind.TAKEOVER})))][-2]
        assert (taken.actor, taken.reason) == (AGENT, "handed over by Ana")


async def test_an_agent_takes_up_no_handover_of_long_ago(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        agent = await w.desk(AGENT, keeps_watch=True, kind="agent")
        rollout = await agent.start()
        await agent.until_stage(rollout, 0)
        await w.time.through(agent.engine.leave("The agent was stopped."))
        await w.kill(agent)
        sent = list(w.shop.router.sent)
        await w.time.advance(3600)
        again = await w.desk(Actor("Rota", "other-host:9:ffff"), keeps_watch=True, kind="agent")
        await w.time.advance(120)
        assert w.shop.router.sent == sent, "nothing went on by itself after the restart"
        assert again.view(rollout).phase is Phase.HELD


async def test_an_agent_leaves_what_is_handed_to_somebody_else(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        agent = await w.desk(AGENT, keeps_watch=True, kind="agent")
        await ana.act(Verb.HOLD)
        await hand_over(ana, rollout, to="Ben")
        await w.time.advance(30)
        assert not record(agent, rollout).mine
        await w.time.advance(60)
        assert record(agent, rollout).mine, "nobody came: better watched by an agent than by nobody"
        ben = await w.desk(BEN)
        assert (await w.time.through(ben.engine.take_wheel(rollout, "here I am"))).decision.allowed
        await w.time.advance(5)
        assert ben.view(rollout).wheel.mine


async def test_several_agents_never_drive_the_same_rollout(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        agents = [await w.desk(Actor("Rota", f"agent:{number}:f"), keeps_watch=True, kind="agent") for number in range(3)]
        await hand_over(ana, rollout)
        for _ in range(60):
            await w.time.advance(1)
            assert sum(record(agent, rollout).mine for agent in agents) <= 1
        assert w.shop.router.sent[:3] == [5, 25, 50]
        assert len(w.shop.router.sent) == len(set(w.shop.router.sent))


async def test_an_agent_that_stops_hands_over_what_it_drives(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        agent = await w.desk(AGENT, keeps_watch=True, kind="agent")
        await hand_over(ana, rollout)
        await w.time.until(lambda: record(agent, rollout).mine, 5)
        assert await w.time.through(agent.engine.leave("The agent was stopped.")) == (rollout,)
        ben = await w.desk(BEN)
        card = await w.time.through(ben.engine.handover_card(rollout))
        assert card.note == "Rota: The agent was stopped."
        assert (await w.time.through(ben.engine.take_wheel(rollout, "back"))).decision.allowed


async def test_the_card_says_whether_a_step_whose_effect_is_not_known_took_effect(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana = await w.desk()
        rollout = await ana.start()
        await ana.until_stage(rollout, 0)
        w.shop.router.errors, w.shop.router.applies = [Unreachable("No answer.", sent=True)], False
        await ana.until_phase(rollout, "unknown")
        w.shop.router.applies = True
        card = await w.time.through(ana.engine.handover_card(rollout))
        assert card.unknowns[0].read == "It did not take effect: blue 95 %, green 5 % read back."
        assert card.queued[0].startswith("blue 75 %, green 25 % requested 2026-11-24T")
        assert card.queued[0].endswith("by Ana, effect not confirmed")
        w.shop.router.weights = {"blue": 75.0, GREEN: 25.0}
        card = await w.time.through(ana.engine.handover_card(rollout))
        assert card.unknowns[0].read.startswith("It took effect")
        w.shop.router.deaf = Unreachable("No answer.", sent=False)
        card = await w.time.through(ana.engine.handover_card(rollout))
        assert card.unknowns[0].read.startswith("Cannot be read back")
        assert card.unknowns[0].read_at is None


async def test_a_step_under_way_ends_before_the_wheel_is_let_go(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana = await w.desk()
        rollout = await ana.start()
        w.store.trouble.slow = ("settle", 4.0)
        await w.time.until(lambda: bool(w.shop.router.changes), 60)
        assert (await hand_over(ana, rollout)).decision.allowed
        steps = await w.time.through(w.store.journal.steps(rollout))
        assert [row.state.value for row in steps] == ["confirmed"]


async def test_a_wheel_that_the_next_driver_takes_before_it_is_looked_at_counts_as_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        terminal = await w.desk(ANA2)
        look, first = terminal.engine._handovers._look, []

        async def looked(live: LiveTarget, about: LiveRollout) -> WheelSeen:
            """See the wheel as it was first, and then only once an agent has taken it: in between nobody looks."""
            seen = await look(live, about)
            if not first:
                first.append(seen)
                return seen
            if seen.live is not None:
                return first[0]
            before = first[0].live
            taken = replace(before, holder=AGENT, token=before.token + 1, renewed_at=seen.now, expires_at=seen.now + timedelta(seconds=15))
            return WheelSeen(taken, seen.now)

        monkeypatch.setattr(terminal.engine._handovers, "_look", looked)
        answer = await hand_over(terminal, rollout)
        assert answer.decision.allowed, answer.decision.reasons
        assert not record(ana, rollout).mine
