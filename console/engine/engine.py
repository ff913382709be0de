"""The engine as windows and commands use it: listens, decides, acts, plans; on one asyncio loop in one thread."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from console.engine import systems
from console.engine.asking import Asking
from console.engine.backward import Backward
from console.engine.fleet import Connect, Fleet, LoadTarget
from console.engine.forward import Forward
from console.engine.line import Line
from console.engine.outbox import OnEvent, OnUpdate, Outbox
from console.engine.parts import Parts
from console.engine.pictures import Painter
from console.engine.planning import is_release, sides_now, start_obstacles, timing_of, view_plan
from console.engine.presence import still_runs
from console.engine.recovery import Recovery
from console.engine.state import LiveRollout, LiveTarget
from console.engine.surroundings import Sleep, Surroundings
from console.engine.views.rollout import next_steps
from console.engine.views.rows import send_rows
from console.model.audit import Entry, RecordKind
from console.model.clock import Clock
from console.model.commands import Answer, Command, Decision
from console.model.desk import Cancel, PlanView
from console.model.errors import NotAllowed
from console.model.events import MoveRefused
from console.model.plan import Plan, Step
from console.model.rollout import Actor, Phase, Rollout
from console.model.stores import Store, TargetRow
from console.model.verbs import Direction, Verb
from console.model.views import SendView
from console.policy.direction import direction
from console.policy.planning import make_flag_plan, make_rollback_plan, make_switch_plan, step_down_step, step_down_weight


class Engine:
    """Rollouts, watches and rollbacks of all targets. `open` before use, `close` at the end; all coroutines run on one loop.

    `connect` makes the providers of a target, `load_target` reads its file. `keeps_watch` lets it take the wheel of rollouts that a console
    that is gone left held, to judge them on; a command that only looks leaves it off.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        connect: Connect,
        load_target: LoadTarget,
        actor: Actor,
        *,
        sleep: Sleep = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        alive: Callable[[Actor], bool] = still_runs,
        keeps_watch: bool = False,
    ) -> None:
        around = Surroundings(store, clock, actor, sleep, chance)
        painter = Painter()
        self._parts = Parts(around, Asking(around), Outbox(around, painter.pictures()), alive)
        self._back = Backward(self._parts)
        self._forward = Forward(self._parts, self._back)
        self._painter = painter
        self.fleet = Fleet(self._parts, Recovery(self._parts, self._forward, keeps_watch=keeps_watch), connect, load_target)
        self.line = Line(self._parts)
        painter.parts, painter.fleet = self._parts, self.fleet
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, names: Sequence[str] | None = None) -> None:
        """Read the records, connect to the named targets (None: to all of them) and begin to watch. Raises StoreError."""
        await self._parts.asking.refresh()
        rows: Sequence[TargetRow] = await self._parts.around.store.targets.rows()
        await asyncio.gather(*(self.fleet.take_in(row) for row in rows if names is None or row.name in names))
        self._tasks = [
            asyncio.create_task(self._parts.outbox.run(), name="outbox"),
            asyncio.create_task(self.fleet.follow(), name="follow the records"),
        ]

    async def close(self) -> None:
        """Stop watching; rollouts that run here are found held at the next start. A backward move under way is let end."""
        await self.fleet.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._parts.outbox.flush()

    def listen(self, on_update: OnUpdate, on_event: OnEvent | None = None) -> Cancel:
        """Call back from the engine's thread; see Desk. May be called before `open`, and from any thread."""
        cancel = self._parts.outbox.listen(on_update, on_event)
        for task in self._tasks:
            task.get_loop().call_soon_threadsafe(self._parts.outbox.wake)
            break
        return cancel

    async def act(self, command: Command) -> Answer:
        """Ask the policy, and if it allows, do it; a refusal is recorded and answered, not raised."""
        live = self._parts.target(command.target)
        self._check_rollout(live, command)
        command = _as_meant(live, command)
        forward = self._forward_move(live, command.verb, command.side)
        if forward:
            await self._parts.asking.refresh()
        decision = self._decide(live, command)
        if not decision.allowed:
            await self._refuse(live, command, decision)
            return Answer(decision, live.rollout.id if live.rollout is not None else "")
        if not forward:
            return await self._back.act(live, command)
        try:
            answer = await self._forward.act(live, command)
        except NotAllowed as refused:
            answer = Answer(Decision(False, (refused.message,), refused.advice))
        if not answer.decision.allowed:
            await self._refuse(live, command, answer.decision)
        return answer

    async def preview(self, command: Command) -> tuple[Decision, tuple[SendView, ...]]:
        """Return whether a command may run now, and what it would send."""
        live = self._parts.target(command.target)
        command = _as_meant(live, command)
        if self._forward_move(live, command.verb, command.side):
            await self._parts.asking.refresh()
        decision = self._decide(live, command)
        return decision, send_rows(await self._steps_of(live, command), live.target)

    async def plan(self, target: str, release: str) -> PlanView:
        """Make the plan for a release from what was read last. Raises NotAllowed when too little was read."""
        live = self._parts.target(target)
        plan = await self._forward.plan(live, release)
        await self._parts.asking.refresh()
        decision = self._parts.asking.decide(live, Verb.START, self._parts.around.actor, plan_hash=plan.hash)
        found = start_obstacles(live)
        if found:
            decision = Decision(False, (*found, *decision.reasons), "Mend it and plan again.")
        return await view_plan(live, plan, decision)

    def planned(self, plan_hash: str) -> Plan | None:
        """Return a plan that was made here, by its whole hash."""
        return self._forward.planned(plan_hash)

    def know(self, plan: Plan) -> None:
        """Take in a plan that another process made and kept; a start by its hash still checks that it fits what stands on the target."""
        self._forward.know(plan)

    def identified(self, target: str) -> bool:
        """Tell whether it was read, or tried, who answers at the router's address of a target; a broken or unknown one has nobody there."""
        live = self._parts.targets.get(target)
        return live is None or live.identity.at is not None or live.identity.error is not None

    async def arm(self, target: str, *, armed: bool, reason: str) -> None:
        """Let the console write to a target, whose router is pinned as it answers now, or make it observe-only again."""
        live = self._parts.target(target)
        fingerprint = live.row.fingerprint
        if armed:
            async with asyncio.timeout(5.0):
                identity = await live.connections.router.identity()
            live.identity.took(identity, self._parts.around.clock.now())
            fingerprint = identity.fingerprint
        elif live.rollout is not None and not live.rollout.rollout.phase.over:
            raise NotAllowed(f"{live.rollout.id} is on its way on {target}.", advice="Roll back or finish it first.")
        await self.fleet.remember(
            replace(live.row, armed=armed, fingerprint=fingerprint), f"{'arm' if armed else 'observe only'}: {reason}"
        )

    async def trust(self, target: str) -> None:
        """Allow the commands that a target's file declares, as it stands now, and connect anew with them."""
        live = self._parts.target(target)
        row = replace(live.row, trusted_digest=live.target.digest)
        await self.fleet.remember(row, "trust")
        if live.rollout is None or live.rollout.rollout.phase.over:
            await self.fleet.take_in(row)

    async def cancel_pipeline(self, rollout: str, reason: str) -> None:
        """Stop the pipeline's run that is on its way; the rollout then stands held. Raises NotAllowed when none runs."""
        record = self._record(rollout)
        live = self._parts.target(record.rollout.plan.target)
        run, pipeline = record.pipeline, live.connections.pipeline
        if pipeline is None or run is None or run.state != "running":
            raise NotAllowed(f"No pipeline of {rollout} runs here.")
        await pipeline.cancel(run.id, reason)

    async def ended(self, rollout: str) -> Rollout:
        """Return a rollout once it is over, or waits for a person."""
        record = self._record(rollout)
        while record.backward is not None or (record.driver_works and record.rollout.phase in {Phase.PLANNED, Phase.RUNNING}):
            await self._parts.around.sleep(0.05)
        return record.rollout

    def _record(self, rollout: str) -> LiveRollout:
        record = self._parts.records.get(rollout)
        if record is None:
            raise NotAllowed(f"There is no rollout {rollout} on the targets that are watched.")
        return record

    def _decide(self, live: LiveTarget, command: Command) -> Decision:
        return self._parts.asking.decide(
            live, command.verb, command.actor, side=command.side, weight=command.weight, plan_hash=command.plan_hash
        )

    def _forward_move(self, live: LiveTarget, verb: Verb, side: str) -> bool:
        return direction(verb, side=side, stable=live.stable) is Direction.FORWARD

    def _check_rollout(self, live: LiveTarget, command: Command) -> None:
        if command.rollout and (live.rollout is None or live.rollout.id != command.rollout):
            raise NotAllowed(f"{command.rollout} is not the rollout on {live.name} any more.", advice="Look at it as it stands now.")

    async def _refuse(self, live: LiveTarget, command: Command, decision: Decision) -> None:
        """Record and tell a refusal; one for another system at the router's address is asked about once, and asking again goes on."""
        around, reason = self._parts.around, decision.reasons[0] if decision.reasons else "refused"
        if not self._forward_move(live, command.verb, command.side) and not decision.cannot_act:
            live.confirmed_other = systems.other_system(live)
        rollout = live.rollout.id if live.rollout is not None else ""
        self._parts.outbox.tell(MoveRefused(around.clock.now(), live.name, rollout, command.verb.value, reason))
        entry = Entry(
            RecordKind.REFUSAL,
            command.actor,
            around.clock.now(),
            command.verb.value,
            target=live.name,
            rollout=rollout,
            reason=command.reason,
            result=reason,
            plan_hash=command.plan_hash,
        )
        await around.note(entry)

    async def _steps_of(self, live: LiveTarget, command: Command) -> tuple[Step, ...]:
        """Return the steps that a command would run."""
        record = live.rollout if live.rollout is not None and not live.rollout.rollout.phase.over else None
        sides, verb = sides_now(live), command.verb
        if verb is Verb.START:
            return (await self._forward.plan(live, command.release)).steps
        if verb in {Verb.SWITCH, Verb.SWITCH_BACK}:
            return make_switch_plan(live.target, sides, command.side or live.stable).steps
        if verb in {Verb.PROMOTE, Verb.RESUME}:
            return next_steps(record.rollout) if record is not None else ()
        if verb is Verb.STEP_DOWN:
            weight = (
                command.weight
                if command.weight is not None
                else step_down_weight(live.target.stages, sides.weights.get(live.canary, 100.0))
            )
            return (step_down_step(live.target, live.stable, weight, timing_of(live)),)
        if verb is Verb.FLAG_KILL and live.target.flag is not None:
            return make_flag_plan(live.target, sides, on=False).steps
        if verb in {Verb.ABORT, Verb.ROLLBACK}:
            return (
                record.rollout.plan.rollback
                if record is not None and is_release(record.rollout.plan)
                else make_rollback_plan(live.target, sides).steps
            )
        return ()


def _as_meant(live: LiveTarget, command: Command) -> Command:
    """Return a command under the verb that it comes to: a switch to stable is backward, resuming what goes back goes on going back."""
    record = live.rollout
    if command.verb is Verb.SWITCH and command.side == live.stable:
        return replace(command, verb=Verb.SWITCH_BACK)
    if command.verb is Verb.RESUME and record is not None and record.rollout.phase is Phase.ABORTING:
        return replace(command, verb=Verb.ROLLBACK)
    return command
