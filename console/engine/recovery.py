"""After a start: reads what the records left open, reads the targets back, and asks a person; nothing is sent."""

from datetime import timedelta

from console.engine import lost, quarantine, readiness, records, rejudging, step, underway, wheelask
from console.engine.adoption import Adoption, last_handover
from console.engine.backward import Backward
from console.engine.forward import watch_of
from console.engine.parts import Parts
from console.engine.planning import is_release
from console.engine.records import By
from console.engine.state import LiveRollout, LiveTarget
from console.engine.way import went_back
from console.engine.wheel import span
from console.model.errors import ConsoleError
from console.model.rollout import Phase, Rollout, StepRow, StepState
from console.model.stores import RolloutChange, WheelSeen
from console.model.verbs import Direction

HISTORY = 20
"""Rollouts of a target that are shown after a start."""

ALONE_S = 5.0
"""A wheel that ran out is left alone for so long before its rollout is held; one that was never taken, too."""

OPEN = frozenset({StepState.SENT, StepState.UNKNOWN, StepState.PLANNED})


class Recovery:
    """Brings rollouts back from the records: those of a dead console stand held, those of a living one are only shown."""

    def __init__(self, parts: Parts, adoption: Adoption, back: Backward) -> None:
        self._parts, self._adoption, self._back = parts, adoption, back

    @property
    def agent(self) -> bool:
        """Tell whether this console drives without a person."""
        return self._adoption.agent

    async def load(self, live: LiveTarget) -> None:
        """Bring a target's rollouts back, the newest last; what was left open is read back."""
        found = await self._parts.around.store.journal.rollouts(live=False, target=live.name, limit=HISTORY)
        for rollout in reversed(found):
            record = await self._record(live, rollout)
            self._parts.keep(live, record)
            self._note_done(live, rollout)
            readiness.learn(live, record.rows_in_order())
        await quarantine.refresh(self._parts, live)
        for record in [self._parts.records[rollout.id] for rollout in found if not rollout.phase.over]:
            live.rollout = record
            await self.revive(live, record)

    async def reread(self) -> None:
        """Show what other processes made of the rollouts; a driver of ours that was overtaken finds out by itself."""
        for target in [each for each in self._parts.targets.values() if each.rollout is not None]:
            await quarantine.refresh(self._parts, target)  # what never had a rollout has nothing quarantined and no rehearsal
        journal = self._parts.around.store.journal
        found = {rollout.id: rollout for rollout in await journal.rollouts(live=False, limit=HISTORY)}
        found |= {rollout.id: rollout for rollout in await journal.rollouts(live=True)}
        for record in tuple(self._parts.records.values()):
            if record.id not in found and not record.in_memory and not record.rollout.phase.over:
                found[record.id] = await journal.rollout(record.id)
        for rollout in sorted(found.values(), key=lambda each: each.started_at):
            live = self._parts.targets.get(rollout.plan.target)
            if live is not None:
                await self._take(live, rollout)

    async def _take(self, live: LiveTarget, rollout: Rollout) -> None:
        """Bring one rollout to where the records say it stands; what this console has just opened it keeps itself."""
        known = self._parts.records.get(rollout.id)
        if known is None:
            if rollout.started_by.console == self._parts.around.actor.console:
                return
            known = await self._record(live, rollout)
            self._parts.keep(live, known)
        elif known.backward is None and known.rollout.revision < rollout.revision:
            records.overtaken(self._parts, live, known, rollout)
        self._note_done(live, rollout)
        await self._follow(live, known)

    async def reread_driven(self) -> None:
        """Read anew what others' drives leave outside the audit: the wheel, and what the gates counted."""
        for record in tuple(self._parts.records.values()):
            live = self._parts.targets.get(record.rollout.plan.target)
            if live is not None:
                await self._follow(live, record)

    async def _follow(self, live: LiveTarget, record: LiveRollout) -> None:
        if not record.driver_works and not record.mine and record.backward is None and not record.rollout.phase.over:
            await self._freshen(live, record)

    async def revive(self, live: LiveTarget, record: LiveRollout) -> None:
        """Take over what a console that is gone left behind: open steps are read back, a running rollout is held."""
        if record.mine or not await self._left_alone(live, record) or record.driver_works:
            return
        for row in [row for row in record.rows_in_order() if row.state in OPEN and not self._under_way(row)]:
            await self._read_back(live, record, row)
        phase, adopts = record.rollout.phase, self._adoption.adopts(record)
        if went_back(record):
            if not self._back_alone(record):
                return  # its console may still be taking it back; it is asked about again
            await self._back.recovered(live, record)
        elif phase is Phase.STOPPED and record.rollout.auto_back_at is not None and adopts:
            await self._count_again(live, record)
        elif phase in {Phase.PLANNED, Phase.RUNNING} or (phase is Phase.HELD and record.unknowns):
            await self._hold(live, record)
        if adopts and record.rollout.phase in {Phase.HELD, Phase.UNKNOWN, Phase.STOPPED}:
            await self._adoption.adopt(live, record)
        self._parts.touch(live, record)

    async def _left_alone(self, live: LiveTarget, record: LiveRollout) -> bool:
        """Tell whether nobody drives: its console is known to be gone, or nobody has held the wheel for a lease and a margin."""
        around = self._parts.around
        seen = await self._look_at_wheel(live, record)
        if seen.live is not None:
            record.alone_since = None
            return not self._parts.alive(seen.live.holder)
        driver = record.last_lease.holder if record.last_lease is not None else record.rollout.started_by
        if not self._parts.alive(driver) or record.rollout.phase not in {Phase.PLANNED, Phase.RUNNING}:
            return True
        now = around.clock.elapsed()
        record.alone_since = now if record.alone_since is None else record.alone_since
        return now - record.alone_since >= ALONE_S

    async def _look_at_wheel(self, live: LiveTarget, record: LiveRollout) -> WheelSeen:
        """Read how the wheel stands, whether its holder is missed, and how it was let go."""
        seen = await self._parts.around.store.wheel.seen(record.id)
        lost.look(self._parts, live, record, seen)
        return seen

    async def _hold(self, live: LiveTarget, record: LiveRollout) -> None:
        forward = any(record.rows[view.step_id].step.direction != "backward" for view in record.unknowns.values())
        phase = Phase.UNKNOWN if forward else Phase.HELD
        what = RolloutChange(phase=phase, note=self._away(record))
        await records.change_anyhow(self._parts, live, record, what, By(self._parts.around.actor, "recovered"))

    async def _count_again(self, live: LiveTarget, record: LiveRollout) -> None:
        """Begin the countdown of a failed rollout anew, so that a person at the new console has the whole of it to say hold."""
        around = self._parts.around
        back_at = around.clock.now() + timedelta(seconds=record.rollout.plan.auto_rollback_after_s)
        await records.change_anyhow(self._parts, live, record, RolloutChange(auto_back_at=back_at), By(around.actor, "recovered"))

    def _away(self, record: LiveRollout) -> str:
        now, lease = self._parts.around.clock.now(), record.last_lease
        since = lease.renewed_at if lease is not None else record.rollout.stage_since or record.rollout.started_at
        away = span((now - since).total_seconds())
        return f"The console was away for {away}: traffic {record.rollout.asked_weight} %, nothing advanced."

    async def read_open(self, live: LiveTarget, record: LiveRollout) -> None:
        """Read back every step that was left open, and hold what is not known for a person."""
        for row in [row for row in record.rows_in_order() if row.state in OPEN and not self._under_way(row)]:
            await self._read_back(live, record, row)
        if record.rollout.phase is Phase.HELD and record.unknowns:
            await self._hold(live, record)

    async def _read_back(self, live: LiveTarget, record: LiveRollout, row: StepRow) -> None:
        looked = await step.look_again(self._parts.around, live, record, row, "Found as wanted after a restart.")
        records.settled(self._parts, live, record, looked, f"{row.step.verb.value}: {looked.state.value} after a restart")

    async def _record(self, live: LiveTarget, rollout: Rollout) -> LiveRollout:
        """Bring one rollout back with its steps and its judge."""
        around = self._parts.around
        record = LiveRollout(rollout, watch_of(live.target, rollout, around.clock.now()))
        record.rows = {row.id: row for row in await around.store.journal.steps(rollout.id)}
        if rollout.plan.gates:
            samples = await around.store.samples.of(rollout.id)
            record.gates.rebuild(samples, rollout.stage_since)
            record.judged_until = samples[-1].at if samples else rollout.started_at
            rejudging.judge(self._parts, record)
        return record

    async def _freshen(self, live: LiveTarget, record: LiveRollout) -> None:
        """Read anew what another console's drive has recorded, and take over when it is gone."""
        around = self._parts.around
        record.rows = {row.id: row for row in await around.store.journal.steps(record.id)}
        seen = await self._look_at_wheel(live, record)
        given = await last_handover(around.store, record.id) if seen.lease is None else None
        wheelask.receive(self._parts, live, record, given)
        await rejudging.again(self._parts, live, record)
        self._parts.touch(live, record)

    async def look_for_orphans(self, live: LiveTarget) -> None:
        """Hold a running rollout whose console is gone; asked for every second."""
        record = live.rollout
        if record is None or record.mine or record.rollout.phase.over or record.driver_works or record.backward is not None:
            return
        if record.judge_late:
            await rejudging.again(self._parts, live, record)
            self._parts.touch(live, record)
        stands = record.rollout.phase in {Phase.HELD, Phase.UNKNOWN, Phase.STOPPED}
        try:
            if self._adoption.receives(record):
                await self._adoption.adopt(live, record)
            elif (
                record.rollout.phase in {Phase.PLANNED, Phase.RUNNING}
                or (stands and self._adoption.adopts(record))
                or self._unread(record)
                or (went_back(record) and self._back_alone(record))
            ):
                await self.revive(live, record)
            elif stands:
                await self._look_at_wheel(live, record)
        except ConsoleError as error:
            record.unrecorded = error.message

    def _unread(self, record: LiveRollout) -> bool:
        return any(row.state in OPEN and row.id not in record.unknowns and not self._under_way(row) for row in record.rows.values())

    def _under_way(self, row: StepRow) -> bool:
        """Tell whether another console is still sending a step of a way back; it does so without a wheel, and settles it itself."""
        return row.step.direction is Direction.BACKWARD and underway.elsewhere(self._parts, row)

    def _back_alone(self, record: LiveRollout) -> bool:
        """Tell whether nobody takes a way back on: the console that sent its last step is gone, or has been silent for long."""
        sent = [row for row in record.rows_in_order() if row.step.direction is Direction.BACKWARD]
        if not sent or sent[-1].actor.console == self._parts.around.actor.console or not self._parts.alive(sent[-1].actor):
            return True
        quiet_s = (self._parts.around.clock.now() - (sent[-1].read_back_at or sent[-1].sent_at)).total_seconds()
        return quiet_s >= underway.longest_s(sent[-1])

    def _note_done(self, live: LiveTarget, rollout: Rollout) -> None:
        if rollout.phase is not Phase.DONE or not is_release(rollout.plan):
            return
        if live.last_done is None or live.last_done.started_at < rollout.started_at:
            live.last_done = rollout
