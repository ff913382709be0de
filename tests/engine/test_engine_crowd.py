"""One target of a crowd: told with new ages while nothing changed, and whole as soon as something did."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from engine_fakes import GREEN, Desk, World, world

from console.engine import outbox, parts, pictures, watch
from console.model.errors import RemoteError, Unreachable
from console.model.events import DriftSeen
from console.model.rollout import Phase
from console.model.verbs import State, Verb
from console.model.views import RolloutView, TargetView, Update

pytestmark = pytest.mark.anyio

LATE_S = 40.0
"""Longer than it takes until every system of a calm target of a crowd was read again."""


@pytest.fixture(autouse=True)
def crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one target be a crowd, all of whose calm systems are read as rarely as they ever are."""
    monkeypatch.setattr(parts, "CROWD", 0)
    monkeypatch.setattr(watch, "CROWD", 0.1)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the targets drawn whole, as it happens."""
    found: list[str] = []
    whole = pictures.Painter._whole

    def counting(self: pictures.Painter, live: Any) -> TargetView:
        found.append(live.name)
        return whole(self, live)

    monkeypatch.setattr(pictures.Painter, "_whole", counting)
    return found


@asynccontextmanager
async def calm(folder: Path) -> AsyncIterator[tuple[World, Desk]]:
    async with world(folder) as w:
        desk = await w.desk()
        await w.time.advance(LATE_S)
        yield w, desk


async def test_while_nothing_changes_only_ages_are_told(tmp_path: Path, drawn: list[str]) -> None:
    async with calm(tmp_path) as (w, desk):
        before = desk.target
        drawn.clear()
        await w.time.advance(10.0)
        after = desk.target
        assert drawn == []
        assert after.weight.read_back.at is not None
        assert w.time.clock.now() - after.weight.read_back.at <= timedelta(seconds=2)
        assert after.connections[0].last_at > before.connections[0].last_at
        assert (after.verbs, after.state, after.readiness) == (before.verbs, before.state, before.readiness)


async def test_a_view_is_drawn_whole_now_and_then_whatever_was_read(tmp_path: Path, drawn: list[str]) -> None:
    async with calm(tmp_path) as (w, _desk):
        drawn.clear()
        await w.time.advance(2 * pictures.WHOLE_S)
        assert len(drawn) == 2


def raised(w: World, _desk: Desk) -> None:
    w.shop.router.weights = {"blue": 40.0, "green": 60.0}


def gone(w: World, _desk: Desk) -> None:
    w.shop.router.deaf = Unreachable("It is away.", sent=False)


def switched_off(w: World, _desk: Desk) -> None:
    w.shop.flags.on = False


def flags_gone(w: World, _desk: Desk) -> None:
    w.shop.flags.error = RemoteError("No flags.")


def replaced(w: World, _desk: Desk) -> None:
    w.shop.workloads.versions[GREEN] = "6.0"


def unmeasured(w: World, _desk: Desk) -> None:
    w.shop.metrics.error = RemoteError("No metrics.")


def another(w: World, _desk: Desk) -> None:
    w.shop.router.fingerprint = "envoy-2"


async def stopped(_w: World, desk: Desk) -> None:
    await desk.engine.line.stop_the_line("test", None, ())


async def disarmed(_w: World, desk: Desk) -> None:
    await desk.engine.arm("shop", armed=False, reason="test")


def ahead(_w: World, desk: Desk) -> None:
    live = desk.engine._parts.targets["shop"]
    live.connections = replace(live.connections, ahead_s=lambda: 70.0)


@pytest.mark.parametrize(
    "change",
    [raised, gone, switched_off, flags_gone, replaced, unmeasured, another, stopped, disarmed, ahead],
    ids=lambda change: change.__name__,
)
async def test_whatever_changes_is_told_as_a_whole_view_would_tell_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[World, Desk], Awaitable[None] | None]
) -> None:
    monkeypatch.setattr(pictures, "WHOLE_S", 1e9)  # so that nothing is right by chance
    async with calm(tmp_path) as (w, desk):
        before = desk.target
        told = change(w, desk)
        if told is not None:
            await w.time.really(told)
        await w.time.advance(LATE_S)
        seen, live = desk.target, desk.engine._parts.targets["shop"]
        whole = desk.engine._painter._whole(live)
        assert _lasting(seen) == _lasting(whole)
        assert _lasting(seen) != _lasting(before)


def _lasting(view: TargetView) -> TargetView:
    """Return a view without what only grows older, and without the light, which an unwatched target shows as it was drawn."""
    systems = tuple(replace(each, last_at=None) for each in view.connections)
    weight = replace(view.weight, read_back=replace(view.weight.read_back, at=None), measured=view.weight.asked)
    return replace(view, connections=systems, weight=weight, requests=None, readiness=None)


async def test_the_target_that_somebody_looks_at_is_read_and_drawn_whole(tmp_path: Path, drawn: list[str]) -> None:
    async with calm(tmp_path) as (w, desk):
        await w.time.really(desk.engine.look_at("shop"))
        await w.time.advance(LATE_S)
        drawn.clear()
        await w.time.advance(10.0)
        assert len(drawn) >= 10
        assert desk.engine._parts.targets["shop"].stretch == 1.0
        assert desk.target.readiness is not None
        assert w.time.clock.now() - desk.target.readiness.at <= timedelta(seconds=2)
        await w.time.really(desk.engine.look_at(""))
        await w.time.advance(LATE_S)
        drawn.clear()
        await w.time.advance(5.0)
        assert drawn == []


async def test_a_rollout_under_way_is_drawn_whole_and_its_drift_is_told(tmp_path: Path) -> None:
    async with calm(tmp_path) as (w, desk):
        rollout = await desk.start()
        view = await desk.until_stage(rollout, 0)
        await w.time.advance(10.0)
        assert desk.rollouts[rollout].weight.read_back.at > view.weight.read_back.at
        w.shop.router.weights = {"blue": 40.0, "green": 60.0}
        await w.time.advance(2.0)
        assert desk.target.state is State.DRIFT
        assert any(isinstance(event, DriftSeen) for event in desk.events)


async def test_a_release_that_is_over_and_split_again_is_told_within_two_seconds(tmp_path: Path) -> None:
    async with calm(tmp_path) as (w, desk):
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await desk.act(Verb.ABORT)
        await desk.until_phase(rollout, Phase.ABORTED.value)
        await w.time.advance(LATE_S)
        w.shop.router.weights = {"blue": 40.0, "green": 60.0}
        await w.time.advance(2.0)
        assert desk.targets["shop"].state is State.DRIFT
        assert any(isinstance(event, DriftSeen) for event in desk.events)


async def test_a_finished_rollout_is_drawn_again_only_when_its_target_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with calm(tmp_path) as (w, desk):
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await desk.act(Verb.ABORT)
        await desk.until_phase(rollout, Phase.ABORTED.value)
        await w.time.advance(LATE_S)
        drawn: list[str] = []
        whole = pictures.Painter._whole_rollout

        def counting(self: pictures.Painter, live: Any, record: Any) -> RolloutView:
            drawn.append(record.id)
            return whole(self, live, record)

        monkeypatch.setattr(pictures.Painter, "_whole_rollout", counting)
        monkeypatch.setattr(pictures, "WHOLE_S", 1e9)
        await w.time.advance(2 * LATE_S)  # what was drawn before is drawn once more
        drawn.clear()
        await w.time.advance(20.0)
        assert drawn == []
        desk.engine._parts.targets["shop"].touch()
        await w.time.advance(1.0)
        assert drawn == [rollout]


async def test_nothing_is_drawn_while_nobody_listens_and_who_comes_is_told_everything(tmp_path: Path, drawn: list[str]) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        desk.engine._parts.outbox._listeners.clear()
        events: list[object] = []
        desk.engine.listen(None, events.append)
        drawn.clear()
        await w.time.advance(LATE_S)
        rollout = await desk.start()
        await w.time.advance(5.0)
        assert drawn == []
        assert events
        told: list[Update] = []
        desk.engine.listen(told.append)
        await w.time.advance(1.0)
        assert [view.name for view in told[0].targets] == ["shop"]
        assert [view.id for view in told[0].rollouts] == [rollout]


async def test_what_is_not_drawn_in_time_is_told_next_and_what_somebody_looks_at_first(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        await w.time.advance(LATE_S)
        box, view, looked = desk.engine._parts.outbox, desk.target, ["x7"]
        names = [f"x{number}" for number in range(9)]
        turn = iter(range(1000))
        box._pictures = replace(
            box._pictures,
            target=lambda name: w.time.clock.advance(outbox.DRAW_S / 3) or replace(view, name=name, owner=str(next(turn))),
            names=lambda: (("shop", *names), ()),
            first=lambda name: name in looked,
        )
        box._targets.clear()
        for name in names:
            box.touch_target(name)
        batches: list[tuple[str, ...]] = []
        box.listen(lambda update: batches.append(tuple(each.name for each in update.targets)), None)
        box._listeners[-1].fresh = False
        while box._targets:
            box.touch_target("x0")  # what comes again and again keeps nobody waiting
            box.flush(w.time.clock.elapsed() + outbox.DRAW_S)
            if len(batches) == 4:
                break
        assert batches[0][0] == "x7"
        assert [name for batch in batches[:3] for name in batch if name != "x7"][:8] == [name for name in names if name != "x7"]


async def test_a_calendar_that_takes_long_to_draw_is_drawn_less_often_and_is_told_in_the_end(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        box, drawn = desk.engine._parts.outbox, []
        box.flush()
        make = box._pictures.calendar

        def slow() -> Any:
            drawn.append(w.time.clock.elapsed())
            w.time.clock.advance(0.1)
            return make()

        box._pictures = replace(box._pictures, calendar=slow)
        for _ in range(30):
            box.touch_calendar()
            await w.time.advance(0.1)
        assert len(drawn) <= 3
        await w.time.really(desk.engine.line.stop_the_line("test", None, ()))
        await w.time.advance(3.0)
        assert any(update.calendar is not None and update.calendar.stops for update in desk.updates)
        await w.time.advance(3.0)
        drawn.clear()
        await w.time.advance(10.0)
        assert drawn == []
