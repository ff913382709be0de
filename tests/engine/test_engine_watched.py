"""Who judges a canary that somebody held: the command that started it, a desktop or an agent, or plainly nobody."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from engine_fakes import ANA, BEN, GREEN, world

from console.engine.lost import ALARM_S
from console.engine.watched import watcher
from console.model.rollout import Actor, Lease
from console.model.stores import ConsoleSeen, WheelSeen
from console.model.verbs import Verb

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
FREE = WheelSeen(None, NOW)


def held_by(actor: Actor, *, silent_s: float = 1.0) -> WheelSeen:
    renewed = NOW - timedelta(seconds=silent_s)
    return WheelSeen(Lease("R-1", actor, 3, renewed, renewed + timedelta(seconds=15)), NOW)


def seen(actor: Actor, kind: str) -> ConsoleSeen:
    return ConsoleSeen(actor.console, actor.name, "1", kind, NOW)


def runs(_: Actor) -> bool:
    return True


def test_who_has_the_wheel_watches() -> None:
    assert watcher(held_by(ANA), (), runs) == "Ana's terminal on desk"
    assert watcher(held_by(ANA), (seen(ANA, "agent"),), runs) == "Ana's agent on desk"


def test_a_desktop_or_an_agent_that_is_alive_takes_a_free_wheel_and_a_command_does_not() -> None:
    assert watcher(FREE, (seen(BEN, "desktop"),), runs) == "Ben's desktop on desk"
    assert watcher(FREE, (seen(BEN, "cli"),), runs) == ""
    assert watcher(FREE, (), runs) == ""


def test_a_holder_that_is_silent_or_gone_watches_nothing() -> None:
    assert watcher(held_by(ANA, silent_s=ALARM_S), (), runs) == ""
    assert watcher(held_by(ANA), (), lambda actor: actor != ANA) == ""
    assert watcher(held_by(ANA), (seen(ANA, "desktop"), seen(BEN, "agent")), lambda actor: actor != ANA) == "Ben's agent on desk"


@pytest.mark.anyio
async def test_a_command_that_stays_watches_what_somebody_else_held_and_takes_a_failing_canary_back(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana = await w.desk(kind="cli")
        rollout = await ana.start()
        ana.engine.stay(rollout)
        await ana.until_stage(rollout, 1)
        ben = await w.desk(BEN, kind="cli")
        await ben.act(Verb.HOLD, rollout=rollout)
        await w.time.until(lambda: ana.engine._parts.records[rollout].mine and ana.engine._parts.records[rollout].adopted, 10.0)
        assert ana.engine.elsewhere(rollout) == ""
        w.shop.metrics.share[GREEN] = 0.0
        await ana.until_phase(rollout, "rolled back")
        assert w.shop.router.weights[GREEN] == 0


@pytest.mark.anyio
async def test_who_held_it_gets_the_wheel_of_a_command_that_only_watches_for_the_asking(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana = await w.desk(kind="cli")
        rollout = await ana.start()
        ana.engine.stay(rollout)
        await ana.until_stage(rollout, 1)
        ben = await w.desk(BEN, kind="cli")
        await ben.act(Verb.HOLD, rollout=rollout)
        await w.time.until(lambda: ana.engine._parts.records[rollout].adopted, 10.0)
        await w.time.advance(1.0)
        answer = await w.time.through(ben.engine.take_wheel(rollout, "lunch is over"))
        assert answer.decision.allowed, answer.decision.reasons
        assert (await ben.act(Verb.RESUME, rollout=rollout)).decision.allowed
        await ben.until_phase(rollout, "done")
        assert not ana.engine._parts.records[rollout].mine
