"""Verbs on workloads by the engine: recorded before they are sent, read back, and never in the way of going back."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine.engine_fakes import Desk, World, world

from console.model.audit import AuditFilter
from console.model.commands import OnWorkload
from console.model.errors import Refused, Unreachable
from console.model.rollout import Phase, StepState
from console.model.verbs import Verb
from console.model.workloads import LogAsked, Revision, WorkloadNow, WorkloadsNow, WorkloadState

pytestmark = pytest.mark.anyio

VERBS = dict.fromkeys((Verb.UNDO_WORKLOAD, Verb.PAUSE_WORKLOAD, Verb.RESUME_WORKLOAD, Verb.RESTART_WORKLOAD, Verb.SET_IMAGE), "")
OLD = Revision(3, "shop-3", "old", "5.1")


class Work:
    """A stand-in for a cluster with one Deployment."""

    def __init__(self, clock: Callable[[], Any]) -> None:
        self._now = clock
        self.values: dict[str, Any] = {"uid": "u", "paused": False, "template": "new", "restarted_at": "", "image web": "shop:5.2b"}
        self.sent: list[Verb] = []
        self.error: Exception | None = None
        self.deaf = False
        self.blind: Exception | None = None

    async def look(self) -> WorkloadsNow:
        state = await self.state("shop-green")
        revisions = (Revision(4, "shop-4", "new", "5.2b", current=True), OLD)
        return WorkloadsNow(state.at, (WorkloadNow("shop-green", "Deployment", ("green",), "5.2b", state, "2 of 2", revisions, VERBS),))

    async def state(self, name: str) -> WorkloadState:
        if self.blind is not None:
            raise self.blind
        return WorkloadState(dict(self.values), self._now(), "rita at 10:00")

    async def change(self, name: str, verb: Verb, want: Mapping[str, Any], *, backward: bool) -> None:
        self.sent.append(verb)
        if self.error is not None:
            raise self.error
        if not self.deaf:
            self.values |= want

    async def log(self, asked: LogAsked) -> AsyncIterator[str]:
        for number in range(3):
            yield f"{asked.pod} {number}"


@asynccontextmanager
async def working(tmp_path: Path) -> AsyncIterator[tuple[World, Desk, Work]]:
    async with world(tmp_path) as w:
        work, connect = Work(w.time.clock.now), w.shop.connect
        w.shop.connect = lambda *args: replace(connect(*args), work=work)  # type: ignore[method-assign]
        yield w, await w.desk(), work


GREEN = OnWorkload("green")


async def test_a_restart_is_a_plan_of_its_own_with_intent_before_outcome(tmp_path: Path) -> None:
    async with working(tmp_path) as (w, desk, work):
        answer = await desk.act(Verb.RESTART_WORKLOAD, workload=GREEN)
        assert answer.decision.allowed, answer.decision
        await desk.until_phase(answer.rollout, "done")
        assert work.values["restarted_at"]
        records = await w.time.through(desk.store.audit.page(AuditFilter(), None, 50))
        kinds = [each.entry.kind.value for each in reversed(records) if each.entry.verb == "restart workload"]
        assert kinds.index("intent") < kinds.index("outcome")


async def test_a_conflict_ends_the_verb_in_words_and_blocks_nothing_after_it(tmp_path: Path) -> None:
    async with working(tmp_path) as (_, desk, work):
        work.error = Refused("Deployment shop-green was changed by rita at 10:00 in between: x.", status=409)
        answer = await desk.act(Verb.SET_IMAGE, workload=OnWorkload("shop-green", "shop:5.3"))
        ended = await desk.until_phase(answer.rollout, "aborted")
        assert "was changed by rita" in ended.note
        work.error = None
        again = await desk.act(Verb.RESTART_WORKLOAD, workload=GREEN)
        assert again.decision.allowed, again.decision


async def test_an_outcome_that_nobody_knows_is_shown_as_such_and_can_be_left(tmp_path: Path) -> None:
    async with working(tmp_path) as (w, desk, work):
        work.error, work.deaf = Unreachable("cut", sent=True), True
        answer = await desk.act(Verb.RESTART_WORKLOAD, workload=GREEN)
        await desk.until_phase(answer.rollout, "unknown")
        (row,) = await w.time.through(desk.store.journal.steps(answer.rollout))
        assert row.state is StepState.UNKNOWN
        assert not (await desk.act(Verb.SET_IMAGE, workload=OnWorkload("green", "shop:5.3"))).decision.allowed
        assert (await desk.act(Verb.ABORT)).decision.allowed
        await desk.until_phase(answer.rollout, "aborted")
        work.error = None
        assert (await desk.act(Verb.RESTART_WORKLOAD, workload=GREEN)).decision.allowed


async def test_a_pause_goes_within_a_rollout_under_way_and_leaves_it_running_while_a_restart_is_refused(tmp_path: Path) -> None:
    async with working(tmp_path) as (w, desk, work):
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        refused = await desk.act(Verb.RESTART_WORKLOAD, workload=GREEN)
        assert (refused.decision.allowed, "is on its way here" in refused.decision.reasons[0]) == (False, True)
        paused = await desk.act(Verb.PAUSE_WORKLOAD, workload=GREEN)
        assert (paused.decision.allowed, paused.rollout) == (True, rollout)
        await w.time.advance(1)
        assert work.values["paused"] is True
        assert desk.view(rollout).phase is Phase.RUNNING


async def test_a_pause_is_sent_although_nothing_can_be_read(tmp_path: Path) -> None:
    async with working(tmp_path) as (w, desk, work):
        work.blind = Unreachable("down", sent=False)
        answer = await desk.act(Verb.PAUSE_WORKLOAD, workload=OnWorkload("shop-green"))
        assert answer.decision.allowed
        await w.time.advance(60)
        assert work.sent[0] is Verb.PAUSE_WORKLOAD
        assert work.values["paused"] is True


async def test_what_an_undo_takes_away_is_quarantined(tmp_path: Path) -> None:
    async with working(tmp_path) as (w, desk, work):
        answer = await desk.act(Verb.UNDO_WORKLOAD, workload=GREEN)
        await desk.until_phase(answer.rollout, "rolled back")
        assert work.values["template"] == "old"
        rows = await w.time.through(desk.store.ways.quarantines("shop"))
        assert [row.version for row in rows] == ["5.2b"]


async def test_what_a_person_saw_counts_for_what_goes_forward(tmp_path: Path) -> None:
    async with working(tmp_path) as (w, desk, work):
        await w.time.through(desk.engine.workloads("shop"))
        work.values |= {"template": "other", "image web": "shop:9"}
        late = await desk.act(Verb.SET_IMAGE, workload=OnWorkload("green", "shop:5.3", seen="new"))
        assert not late.decision.allowed
        assert "changed by rita at 10:00 since you looked: image web from shop:5.2b to shop:9" in late.decision.reasons[0]
        assert work.sent == []


async def test_a_log_is_told_in_batches_until_it_is_wanted_no_more(tmp_path: Path) -> None:
    async with working(tmp_path) as (_, desk, _work):
        heard: list[str] = []

        def told(lines: tuple[str, ...]) -> bool:
            heard.extend(lines)
            return True

        await desk.engine.pod_log("shop", LogAsked("p"), told)
        assert heard == ["p 0", "p 1", "p 2"]
