"""A rollout's journal and wheel against a model of a few lines: whatever is asked in whatever order, both say the same."""

import asyncio
import random
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from simulation.disk import Disk
from simulation.virtual import Process, VirtualClock, VirtualLoop
from store.store_kit import ANN, BACK, BOB, UP, allow, entry, intent_for, make_plan, outcome_for

from console.model.errors import ConsoleError
from console.model.rollout import Actor, Lease, Phase, StepRow, StepState
from console.model.stores import RolloutChange

TTL_S = 15.0
PEOPLE = st.sampled_from((ANN, BOB))
ENDS = {Phase.ABORTED, Phase.ROLLED_BACK, Phase.DONE}
CLOSED = {*ENDS, Phase.STOPPED, Phase.ABORTING}


class RolloutMachine(RuleBasedStateMachine):
    """The model: who holds the wheel until when, which token counts, whether forward is over, and what each step came to."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        asyncio.set_event_loop(self.loop)
        self.room = tempfile.TemporaryDirectory()
        self.clock = VirtualClock(self.loop)
        disk = Disk(Path(self.room.name), random.Random(1))
        disk.slow_s = 0.0
        self.store = disk.store(Process("machine"), self.clock)
        self.token, self.until = 0, -1.0
        self.holder: Actor | None = None
        self.phase = Phase.PLANNED
        self.closed = False
        self.leases: dict[Actor, Lease] = {}
        self.steps: dict[str, StepState] = {}
        self.rows: dict[str, StepRow] = {}

    def done(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run some work; the error in place of its answer when it was refused."""
        try:
            return self.loop.run_until_complete(work)
        except ConsoleError as error:
            return error

    def agrees(self, answer: Any, expected: bool, what: str) -> bool:
        went = not isinstance(answer, ConsoleError)
        assert went == expected, f"{what}: the journal says {answer!r}, the model {'yes' if expected else 'no'}"
        return went

    @property
    def held(self) -> bool:
        return self.holder is not None and self.clock.passed() < self.until

    @initialize()
    def open(self) -> None:
        self.id = self.done(self.store.journal.open(make_plan(), ANN, "go", self.clock.now())).id

    @rule(seconds=st.sampled_from((1.0, 5.0, 14.0, 16.0)))
    def time_passes(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @rule(who=PEOPLE)
    def take(self, who: Actor) -> None:
        expected = not self.held or self.holder == who
        answer = self.done(self.store.wheel.take(self.id, who, TTL_S))
        if self.agrees(answer, expected, f"{who.name} takes the wheel"):
            self.token += 1
            assert answer.token == self.token
            self.holder, self.until, self.leases[who] = who, self.clock.passed() + TTL_S, answer

    @rule(who=PEOPLE)
    def renew(self, who: Actor) -> None:
        lease = self.leases.get(who)
        if lease is None:
            return
        expected = self.held and self.holder == who and lease.token == self.token
        answer = self.done(self.store.wheel.renew(lease, TTL_S))
        if self.agrees(answer, expected, f"{who.name} renews"):
            self.until, self.leases[who] = self.clock.passed() + TTL_S, answer

    @rule(who=PEOPLE, again=st.booleans())
    def send_forward(self, who: Actor, again: bool) -> None:
        lease, name = self.leases.get(who), f"up {len(self.steps)}"
        used = sorted(each for each in self.steps if each.startswith("up"))
        if again and used:
            name = used[0]
        now = self.done(self.store.journal.rollout(self.id))
        fresh = lease is not None and lease.token == self.token and self.held and self.holder == who
        intent = intent_for(now, UP, lease.token if lease else None, name, who)
        answer = self.done(self.store.journal.send(intent, allow))
        if self.agrees(answer, fresh and not self.closed and name not in self.steps, f"{who.name} sends {name}"):
            self.steps[name], self.rows[name] = StepState.SENT, answer

    @rule()
    def send_backward(self) -> None:
        name = f"back {len(self.steps)}"
        now = self.done(self.store.journal.rollout(self.id))
        answer = self.done(self.store.journal.send(intent_for(now, BACK, None, name), None))
        self.agrees(answer, True, "going back is never refused")
        self.steps[name], self.rows[name] = StepState.SENT, answer

    @precondition(lambda self: self.steps)
    @rule(pick=st.integers(0, 99), state=st.sampled_from((StepState.CONFIRMED, StepState.FAILED, StepState.UNKNOWN)))
    def settle(self, pick: int, state: StepState) -> None:
        name = sorted(self.steps)[pick % len(self.steps)]
        expected = self.steps[name] in {StepState.SENT, StepState.UNKNOWN}
        if self.agrees(self.done(self.store.journal.settle(self.rows[name], outcome_for(name, state))), expected, f"{name} is {state}"):
            self.steps[name] = state

    @rule(phase=st.sampled_from((Phase.RUNNING, Phase.HELD, Phase.STOPPED, Phase.ABORTING, Phase.ABORTED)), stale=st.booleans())
    def change(self, phase: Phase, stale: bool) -> None:
        now = self.done(self.store.journal.rollout(self.id))
        if stale:
            self.done(self.store.journal.change(now, RolloutChange(note="somebody else"), entry("first")))
        reopens = phase is Phase.RUNNING and self.closed
        revives = phase in {Phase.HELD, Phase.STOPPED} and (self.phase in ENDS or self.phase is Phase.ABORTING)
        answer = self.done(self.store.journal.change(now, RolloutChange(phase=phase), entry("phase")))
        if self.agrees(answer, not stale and not reopens and not revives, f"{self.phase} becomes {phase}, stale: {stale}"):
            self.phase, self.closed = phase, self.closed or phase in CLOSED

    @invariant()
    def the_records_say_the_same(self) -> None:
        if not hasattr(self, "id"):
            return
        now = self.done(self.store.journal.rollout(self.id))
        assert (now.phase, now.token) == (self.phase, self.token)
        assert {row.id: row.state for row in self.done(self.store.journal.steps(self.id))} == self.steps

    def teardown(self) -> None:
        report = self.done(self.store.audit.verify())
        left = {name for name, state in self.steps.items() if state is StepState.SENT}
        assert report.ok
        assert left <= set(report.open_intents)
        asyncio.set_event_loop(None)
        self.loop.close()
        self.room.cleanup()


TestRolloutMachine = RolloutMachine.TestCase
TestRolloutMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
