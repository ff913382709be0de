"""Commands of a person: decided by the policy, done or refused, and what each would send."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from console.engine import readiness, systems, workverbs
from console.engine.backward import Backward
from console.engine.forward import Forward
from console.engine.lowering import lower_weight
from console.engine.parts import Parts
from console.engine.planning import is_release, sides_now, timing_of
from console.engine.state import LiveTarget
from console.engine.views.rollout import next_steps
from console.engine.views.rows import send_rows
from console.model.audit import Entry, RecordKind
from console.model.commands import Answer, Command, Decision
from console.model.errors import BadFile, NotAllowed
from console.model.events import MoveRefused
from console.model.plan import Step
from console.model.rollout import Phase
from console.model.target import Reversibility
from console.model.verbs import Direction, Verb
from console.model.views import SendView
from console.policy.direction import direction
from console.policy.may import BACKWARD_OPEN, TO_STABLE
from console.policy.planning import make_flag_plan, make_rollback_plan, make_switch_plan, step_down_step
from console.policy.workloads import Wanted

LOSS_S = 0.5
"""A way back waits no longer to learn whether it is past the point of no return."""


class Moves:
    """Does what a person asks for, forward or backward."""

    def __init__(self, parts: Parts, forward: Forward, back: Backward) -> None:
        self._parts, self._forward, self._back = parts, forward, back
        self.before: Callable[[], None] = lambda: None
        """Called before a move is decided, so that an absence is noticed before a click that was queued in it."""

    async def act(self, command: Command) -> Answer:
        """Ask the policy, and if it allows, do it; a refusal is recorded and answered, not raised."""
        self.before()
        live = self._parts.target(command.target)
        self._check(live, command)
        command = _as_meant(live, command)
        found = await workverbs.found_for(self._parts, live, command)
        forward = self._forward_move(live, command.verb, command.side, found)
        if forward:
            await self._parts.around.store.audit.may_sign()
            await self._parts.asking.refresh()
        else:
            await self._look_for_losses(live, command.verb)
        decision = (await self._overtaken(live) if forward else None) or self._decide(live, command, found)
        if not decision.allowed:
            await self._refuse(live, command, decision)
            return Answer(decision, live.rollout.id if live.rollout is not None else "")
        if not forward:
            return await (self._back.act(live, command) if found is None else self._back.workload(live, command, *found))
        try:
            answer = await (self._forward.act(live, command) if found is None else self._forward.workload(live, command, found[1]))
        except NotAllowed as refused:
            answer = Answer(Decision(False, (refused.message,), refused.advice))
        if not answer.decision.allowed:
            await self._refuse(live, command, answer.decision)
        return answer

    async def preview(self, command: Command) -> tuple[Decision, tuple[SendView, ...]]:
        """Return whether a command may run now, and what it would send."""
        live = self._parts.target(command.target)
        self._check(live, command)
        command = _as_meant(live, command)
        found = await workverbs.found_for(self._parts, live, command)
        if self._forward_move(live, command.verb, command.side, found):
            await self._parts.asking.refresh()
        decision = self._decide(live, command, found)
        return decision, send_rows(await self._steps_of(live, command) if found is None else (found[1],))

    async def _overtaken(self, live: LiveTarget) -> Decision | None:
        """Refuse a former holder whose wheel somebody else has by now, whatever this console has read yet; None where that is not so."""
        record = live.rollout
        if record is None or record.held_token is None or record.rollout.phase.over:
            return None
        lease = (await self._parts.around.store.wheel.seen(record.id)).live
        if lease is None or lease.holder.console == self._parts.around.actor.console:
            return None
        reason = f"Your wheel of {record.id} (token {record.held_token}) is over: {lease.holder.name} has it, token {lease.token}."
        return Decision(False, (reason,), f"Look what was done meanwhile; ask {lease.holder.name} for a handover. {BACKWARD_OPEN}")

    def _decide(self, live: LiveTarget, command: Command, found: tuple[Wanted, Step] | None) -> Decision:
        return self._parts.asking.decide(
            live,
            command.verb,
            command.actor,
            side=command.side,
            weight=command.weight,
            plan_hash=command.plan_hash,
            release=command.release,
            found=None if found is None else found[0],
        )

    async def _look_for_losses(self, live: LiveTarget, verb: Verb) -> None:
        """Read one-way steps that were never read yet, where a way to stable would ask about them; a moment and no longer."""
        one_way = [each.name for each in live.target.undo if each.reversibility is Reversibility.ONE_WAY]
        if verb not in TO_STABLE or all(name in live.looks for name in one_way):
            return
        reading = asyncio.ensure_future(readiness.read(live, self._parts.around.clock.now()))
        done, _ = await asyncio.wait({reading}, timeout=LOSS_S)
        if not done:
            reading.cancel()  # not waited for: a check that hangs takes its time to end

    def _forward_move(self, live: LiveTarget, verb: Verb, side: str, found: tuple[Wanted, Step] | None = None) -> bool:
        if found is not None:
            return workverbs.way(live, verb, found[0]) is Direction.FORWARD
        return direction(verb, side=side, stable=live.stable) is Direction.FORWARD

    def _check(self, live: LiveTarget, command: Command) -> None:
        if command.side and command.side not in live.target.sides:
            raise BadFile(f"{live.name} has no side {command.side}.", advice=f"Its sides are {' and '.join(live.target.sides)}.")
        if command.rollout and (live.rollout is None or live.rollout.id != command.rollout):
            raise NotAllowed(f"{command.rollout} is not the rollout on {live.name} any more.", advice="Look at it as it stands now.")

    async def _refuse(self, live: LiveTarget, command: Command, decision: Decision) -> None:
        """Record and tell a refusal; one for another system at the router's address is asked about once, and asking again goes on."""
        around, reason = self._parts.around, decision.reasons[0] if decision.reasons else "refused"
        if not self._forward_move(live, command.verb, command.side) and not decision.cannot_act:
            live.confirmed_other = systems.other_system(live)
        if decision.asks:
            live.confirmed_loss = self._parts.asking.losses(live)
        rollout = live.rollout.id if live.rollout is not None else ""
        self._parts.outbox.tell(MoveRefused(around.clock.now(), live.name, rollout, command.verb.value, reason))
        self._parts.notes.refused(live, command.actor, command.verb.value, command.reason, reason)
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
            detail={} if live.rollout is None or live.rollout.held_token is None else {"token": live.rollout.held_token},
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
            if record is None:
                return ()
            weight = command.weight if command.weight is not None else lower_weight(live, record)
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
    if command.verb is Verb.RESUME and record is not None and record.rollout.phase in {Phase.ABORTING, Phase.BACK_STOPPED}:
        return replace(command, verb=Verb.ROLLBACK)
    return command
