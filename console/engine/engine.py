"""The engine as windows and commands use it: listens, decides, acts, plans; on one asyncio loop in one thread."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from console.engine import quarantine, workverbs
from console.engine.absence import Absences
from console.engine.adoption import Adoption, Watching
from console.engine.asking import Asking
from console.engine.backward import Backward
from console.engine.fleet import Connect, Fleet, LoadTarget
from console.engine.forward import Forward
from console.engine.handover import Handovers
from console.engine.line import Line
from console.engine.moves import Moves
from console.engine.notifying import Notifications
from console.engine.others import Others, alone_words, prune
from console.engine.outbox import OnEvent, OnUpdate, Outbox
from console.engine.parts import Parts
from console.engine.pictures import Painter
from console.engine.pipeline import approve
from console.engine.planning import start_obstacles, view_plan
from console.engine.presence import still_runs
from console.engine.recovery import Recovery
from console.engine.rehearsal import Rehearsals
from console.engine.rowmoves import RowMoves
from console.engine.state import LiveRollout, LiveTarget
from console.engine.surroundings import Sleep, Surroundings
from console.engine.trains import Trains
from console.model.clock import Clock
from console.model.commands import Answer, Command, Decision
from console.model.desk import Cancel, PlanView
from console.model.errors import ConsoleError, NotAllowed, Unreachable
from console.model.notes import ChannelTried
from console.model.plan import Plan
from console.model.readings import Identity
from console.model.rollout import Actor, Phase, Rollout
from console.model.stores import Store, TargetChange, TargetRow
from console.model.verbs import Verb
from console.model.workloads import LogAsked, WorkloadsView

LOG = logging.getLogger(__name__)

AGENT = "agent"

ARM_S = 5.0
"""Arming waits no longer for the router to say who it is."""

PASSING_S = 2.0
"""A console that only hands a wheel on holds it for less than this."""


class Engine:
    """Rollouts, watches and rollbacks of all targets. `open` before use, `close` at the end; all coroutines run on one loop.

    `connect` makes the providers of a target, `load_target` reads its file. `keeps_watch` lets it take the wheel of rollouts that a console
    that is gone left held, to judge them on; a command that only looks leaves it off. `kind` is what others see it as: desktop, agent, cli.
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
        kind: str = "cli",
    ) -> None:
        around = Surroundings(store, clock, actor, sleep, chance)
        painter = Painter()
        outbox = Outbox(around, painter.pictures())
        self._parts = Parts(around, Asking(around), outbox, alive, Notifications(around, outbox.touch_target))
        self._back = Backward(self._parts)
        self._forward = Forward(self._parts, self._back)
        self._painter = painter
        agent = kind == AGENT
        recovery = Recovery(self._parts, Adoption(self._parts, self._forward, Watching(keeps_watch, agent)), self._back)
        self.fleet = Fleet(self._parts, recovery, connect, load_target)
        self.line = Line(self._parts)
        self.others = Others(around, self._parts.asking, self._parts.outbox, kind)
        self.absences = Absences(self._parts, agent=agent)
        self._handovers = Handovers(self._parts, self._forward, recovery)
        self.handover_card, self.take_wheel, self.hand_over = self._handovers.card, self._handovers.take, self._handovers.hand_over
        self.fleet.on_change = self._changed
        self._keeps_watch, self._answers = keeps_watch, set[asyncio.Task[None]]()
        moves = Moves(self._parts, self._forward, self._back)
        self.act, self.preview, moves.before = moves.act, moves.preview, self.absences.beat
        self.trains = Trains(self._parts, self._forward, moves.act, self.others.consoles)
        self.move_step, self.rehearse = RowMoves(self._parts, self._back).move, Rehearsals(self._parts, self._back).rehearse
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
            asyncio.create_task(self.others.watch(), name="who is alive"),
            asyncio.create_task(self.absences.watch(), name="absences"),
            asyncio.create_task(self.trains.watch(), name="trains"),
        ]
        if self._keeps_watch:
            self._tasks.append(asyncio.create_task(prune(self._parts.around), name="prune"))

    async def close(self) -> None:
        """Stop watching; rollouts that run here are found held at the next start. A backward move under way is let end."""
        await self.fleet.close()
        for task in (*self._tasks, *self._answers):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._answers, return_exceptions=True)
        self._tasks.clear()
        await self._parts.notes.close()
        await self.others.leave()
        self._parts.outbox.flush()

    def listen(self, on_update: OnUpdate | None, on_event: OnEvent | None = None) -> Cancel:
        """Call back from the engine's thread; see Desk. May be called before `open`, and from any thread."""
        cancel = self._parts.outbox.listen(on_update, on_event)
        for task in self._tasks:
            task.get_loop().call_soon_threadsafe(self._parts.outbox.wake)
            break
        return cancel

    async def look_at(self, target: str) -> None:
        """Read and draw one target whole at each reading, however many there are; of the others what has changed, and every age."""
        self._parts.looked_at = target
        live = self._parts.targets.get(target)
        if live is not None:
            live.touch()

    def act_as(self, actor: Actor) -> None:
        """Record under another name from now on; the console stays the same, so every wheel stays where it is."""
        self._parts.around.actor = replace(actor, console=self._parts.around.actor.console)

    async def plan(self, target: str, release: str) -> PlanView:
        """Make the plan for a release from what was read last. Raises NotAllowed when too little was read."""
        live = self._parts.target(target)
        plan = await self._forward.plan(live, release)
        await self._parts.asking.refresh()
        decision = self._parts.asking.decide(live, Verb.START, self._parts.around.actor, plan_hash=plan.hash, release=plan.release)
        found = start_obstacles(live)
        if found:
            decision = Decision(False, (*found, *decision.reasons), "Mend it and plan again.")
        await self.others.look()
        view = await view_plan(live, plan, decision, self._parts.around.clock.now())
        return replace(view, warnings=(*view.warnings, *alone_words(plan, self.others.can_act, self._parts.asking.skew(live))))

    def planned(self, plan_hash: str) -> Plan | None:
        """Return a plan that was made here, by its whole hash."""
        return self._forward.planned(plan_hash)

    def know(self, plan: Plan) -> None:
        """Take in a plan that another process made and kept; a start by its hash still checks that it fits what stands on the target."""
        self._forward.know(plan)

    async def identified(self, target: str) -> None:
        """Return once it was read, or tried, who answers at a target's router: until then nothing goes forward there."""
        while (live := self._parts.targets.get(target)) is not None and live.identity.at is None and live.identity.error is None:
            await self._parts.around.sleep(0.02)

    async def arm(self, target: str, *, armed: bool, reason: str) -> None:
        """Let the console write to a target, whose router is pinned as it answers now, or make it observe-only again.

        Raises RemoteError when the router does not say who it is, NotAllowed while a rollout is on its way.
        """
        live = self._parts.target(target)
        fingerprint: str | None = None
        if armed:
            identity = await _who_answers(live)
            live.identity.took(identity, self._parts.around.clock.now())
            fingerprint = identity.fingerprint
        elif live.rollout is not None and not live.rollout.rollout.phase.over:
            raise NotAllowed(f"{live.rollout.id} is on its way on {target}.", advice="Roll back or finish it first.")
        change = TargetChange(armed=armed, fingerprint=fingerprint)
        await self.fleet.remember(target, change, f"{'arm' if armed else 'observe only'}: {reason}")

    async def test_channels(self, target: str, channel: str = "") -> tuple[ChannelTried, ...]:
        """Send a marked test note through a target's channels, or through one. Raises NotAllowed when there is none."""
        return await self._parts.notes.test(self._parts.target(target), channel)

    async def trust(self, target: str) -> None:
        """Allow the commands that a target's file declares, as it stands now, and connect anew with them."""
        live = self._parts.target(target)
        await self.fleet.remember(target, TargetChange(trusted_digest=live.target.digest), "trust")
        if live.rollout is None or live.rollout.rollout.phase.over:
            await self.fleet.take_in(live.row)

    async def seen_absence(self, rollout: str) -> None:
        """Say that the person has read that this console was away."""
        self.absences.seen(rollout)

    async def leave(self, note: str) -> tuple[str, ...]:
        """Hand over every wheel that is held here, to whoever takes it, and return the rollouts."""
        held = tuple(record.id for record in self._parts.records.values() if record.mine)
        await asyncio.gather(*(self.hand_over(rollout, note, "") for rollout in held))
        return held

    def _changed(self) -> None:
        """Look beside the loop whether somebody asks for a wheel that is held here, and how the trains stand."""
        self.trains.wake()
        for record in tuple(self._parts.records.values()):
            live = self._parts.targets.get(record.rollout.plan.target)
            if live is not None and record.mine:
                task = asyncio.create_task(self._answer(live, record), name=f"asks {record.id}")
                self._answers.add(task)
                task.add_done_callback(self._answers.discard)

    async def _answer(self, live: LiveTarget, record: LiveRollout) -> None:
        try:
            await self._handovers.answer_asks(live, record)
        except ConsoleError as error:
            LOG.warning("a request for the wheel of %s was not answered: %s", record.id, error)

    async def lift_quarantine(self, target: str, version: str, reason: str) -> None:
        """Let a version go forward again. Raises NotAllowed without a reason, or when it is not quarantined."""
        await quarantine.lift(self._parts, target, version, reason)

    async def resume_reconcilers(self, target: str, reason: str) -> Answer:
        """Let what was paused by a rollback run again; a forward move, refused as any other."""
        return await self.act(Command(Verb.RESUME_RECONCILER, target, self._parts.around.actor, reason))

    async def cancel_pipeline(self, rollout: str, reason: str) -> None:
        """Stop the pipeline's run that is on its way; the rollout then stands held. Raises NotAllowed when none runs."""
        record = self._record(rollout)
        live = self._parts.target(record.rollout.plan.target)
        run, pipeline = record.pipeline, live.connections.pipeline
        if pipeline is None or run is None or run.state != "running":
            raise NotAllowed(f"No pipeline of {rollout} runs here.")
        await pipeline.cancel(run.id, reason)

    async def workloads(self, target: str) -> WorkloadsView:
        """Return what runs on a target, read now, with what may be done with each workload. Raises RemoteError, NotAllowed."""
        return await workverbs.view(self._parts, target)

    async def pod_log(self, target: str, asked: LogAsked, told: Callable[[tuple[str, ...]], bool]) -> None:
        """Tell the lines of a container's log in batches, until it ends or `told` returns False. Raises RemoteError, NotAllowed."""
        await workverbs.read_log(self._parts, target, asked, told)

    async def approve_gate(self, rollout: str, gate: str, reason: str) -> None:
        """Let the pipeline's stage go on that waits at a gate. Raises NotAllowed where it may not, or nothing waits there."""
        record = self._record(rollout)
        await approve(self._parts, self._parts.target(record.rollout.plan.target), record, gate, reason)

    async def ended(self, rollout: str) -> Rollout:
        """Return a rollout once it is over, or waits for a person."""
        record = self._record(rollout)
        while record.backward is not None or (record.driver_works and record.rollout.phase in {Phase.PLANNED, Phase.RUNNING}):
            await self._parts.around.sleep(0.05)
        return record.rollout

    async def taken(self, rollout: str) -> str:
        """Return, once another console drives a rollout to stay, who does; while nobody does, this one goes on to show it."""
        since = self._parts.around.clock.elapsed()
        while True:
            driver = self.elsewhere(rollout)
            if not driver:
                since = self._parts.around.clock.elapsed()
            elif self._parts.around.clock.elapsed() - since >= PASSING_S:
                return driver
            await self._parts.around.sleep(0.1)

    def stay(self, rollout: str) -> None:
        """Watch a rollout from here as a desktop does, also once somebody else holds it: for a command that stays until it is over."""
        self._record(rollout).stays = True

    def elsewhere(self, rollout: str) -> str:
        """Return who drives a rollout from another console now; "" when nobody does, or this one."""
        record = self._record(rollout)
        lease = None if record.driver_works or record.backward is not None else record.lease
        return "" if lease is None or lease.holder.console == self._parts.around.actor.console else lease.holder.name

    def _record(self, rollout: str) -> LiveRollout:
        record = self._parts.records.get(rollout)
        if record is None:
            raise NotAllowed(f"There is no rollout {rollout} on the targets that are watched.")
        return record


async def _who_answers(live: LiveTarget) -> Identity:
    try:
        async with asyncio.timeout(ARM_S):
            return await live.connections.router.identity()
    except TimeoutError:
        raise Unreachable(
            f"The router of {live.name} did not say in {ARM_S:g} s who it is.",
            sent=False,
            means="It was not armed: the system that is written to has to be known.",
            advice="Look whether it runs, and arm the target again.",
        ) from None
