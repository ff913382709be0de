"""The engine, the records and the files as one desk, for windows and commands."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from console.app import anchoring, joining, team
from console.app.auditing import bundle, export, report
from console.app.files import load_libraries, read_target
from console.app.freezes import FreezeQuestions, new_window
from console.app.people import OPERATOR
from console.app.plans import KeptPlans
from console.app.practice import Practice
from console.app.proving import prove
from console.app.readings import Reads
from console.app.records import records_view
from console.app.wizard import ConnectWizard
from console.engine.engine import Engine
from console.model.audit import AnchorPlace, AuditFilter, Record, VerifyReport
from console.model.clock import Clock
from console.model.desk import FileProblem
from console.model.document import Part
from console.model.errors import NotAllowed
from console.model.proved import Proved
from console.model.rollout import Actor
from console.model.stores import Store, TargetRow
from console.model.team import RecordsView
from console.model.wizard import Wizard

if TYPE_CHECKING:
    from console.store.secrets import Secrets

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Console:
    """The engine, the records, the files and the practice shop as one desk (`console.model.desk.Desk`); all coroutines run on one loop."""

    def __init__(self, store: Store, engine: Engine, secrets: "Secrets", actor: Actor, clock: Clock) -> None:
        self.store = store
        self.engine = engine
        self.actor = actor
        self._secrets = secrets
        self._clock = clock
        # The engine's verbs are the desk's, word for word.
        self.listen, self.look_at = engine.listen, engine.look_at
        self.act = _by_a_person(secrets, engine.act)
        self.preview = engine.preview
        self.plan = engine.plan
        self.arm, self.test_channels = engine.arm, engine.test_channels
        self.trust = engine.trust
        self.workloads, self.pod_log = engine.workloads, engine.pod_log
        self.ended, self.elsewhere, self.taken = engine.ended, engine.elsewhere, engine.taken
        self.cancel_pipeline, self.approve_gate = engine.cancel_pipeline, _by_a_person(secrets, engine.approve_gate)
        self.move_step, self.rehearse = _by_a_person(secrets, engine.move_step), _by_a_person(secrets, engine.rehearse)
        self.start_train, self.resume_train = _by_a_person(secrets, engine.trains.start), _by_a_person(secrets, engine.trains.resume)
        self.hold_train, self.roll_back_train = engine.trains.hold, engine.trains.roll_back
        self.lift_quarantine = engine.lift_quarantine
        self.resume_reconcilers = _by_a_person(secrets, engine.resume_reconcilers)
        self.handover_card, self.seen_absence = engine.handover_card, engine.seen_absence
        self.take_wheel, self.hand_over = engine.take_wheel, engine.hand_over
        self.add_freeze = engine.line.add_freeze
        self.remove_freeze = engine.line.remove_freeze
        self.stop_the_line = engine.line.stop_the_line
        self.lift_the_line = engine.line.lift_the_line
        self.audit_page = store.audit.page
        self.setting = store.settings.get
        self.secrets = secrets.state_async
        self.put_secret = secrets.put_async
        self.team_try, self.team_leave = joining.attempt, team.leave
        self.wizard: Wizard = ConnectWizard(clock, secrets, self.add_target, self._observe)
        self._beyond_the_desk(store, engine)

    def _beyond_the_desk(self, store: Store, engine: Engine) -> None:
        """What commands need beyond the desk, and the practice shop, word for word."""
        reads, plans = Reads(store, engine, self._clock), KeptPlans(store, engine)
        asked = FreezeQuestions(store, reads, self._clock)
        self._practice = Practice(store, engine, reads, lambda: self.actor, self._clock)
        self.open_practice, self.close_practice = self._practice.open, self._practice.close
        self.watching, self.read, self.look_before_a_way_back = reads.watching, reads.read, reads.look_before_a_way_back
        self.watch_new = reads.watch_new
        self.is_stable, self.flag_named = reads.is_stable, reads.flag_named
        self.all_windows, self.freeze_state, self.freeze_now, self.new_window = asked.all_windows, asked.state, asked.now, new_window
        self.keep_plan, self.kept_plan = plans.keep, plans.named

    @property
    def has_shop(self) -> bool:
        """Tell whether the practice shop runs."""
        return self._practice.runs

    async def records(self) -> RecordsView:
        """Return where the records are kept, and who shares them."""
        return await records_view(self.store, self.actor, self._clock)

    async def team_use(self, address: str, password: str) -> None:
        """Keep records in a team's database from the next start on."""
        await joining.use(self._secrets, address, password)

    async def team_move(self, reason: str, progress: Callable[[int, int], bool] | None = None) -> str:
        """Move the history of one's own folder into the team's records."""
        return await joining.move(self.store, self.actor, reason, progress)

    async def audit_proof(self, record: Record) -> Proved:
        """Return what can be proved of a record now."""
        return await prove(self.store, record)

    async def audit_verify(self, progress: Callable[[int, int], bool] | None = None) -> VerifyReport:
        """Check the whole chain, also against the anchors outside."""
        return await anchoring.verify(self.store, progress)

    async def audit_anchors(self) -> Sequence[AnchorPlace]:
        """Return where anchors are kept."""
        return await anchoring.places(self.store)

    async def audit_anchor(self, path: Path, *, git: bool = False) -> AnchorPlace:
        """Keep an anchor outside, and remember the place."""
        return await anchoring.keep(self.store, self.actor, self._clock.now(), path, git=git)

    async def audit_forget_anchor(self, path: str) -> None:
        """Hold the records against a place no longer."""
        await anchoring.forget(self.store, self.actor, self._clock.now(), path)

    async def set_setting(self, key: str, value: str) -> None:
        """Store a setting; a new operator's name counts from now on, for commands and records. In a team the login is the name."""
        await self.store.settings.put(key, value)
        if key == OPERATOR and value.strip() and not self.store.person:
            self.actor = replace(self.actor, name=value.strip())
            self.engine.act_as(self.actor)

    async def check_file(self, path: Path) -> Sequence[FileProblem]:
        """Check a target file and return every mistake in it."""
        await asyncio.to_thread(load_libraries)
        from console.files.targetfile import check_target  # noqa: PLC0415

        return await asyncio.to_thread(check_target, path)

    async def add_target(self, path: Path) -> str:
        """Take a target file in, observe-only and untrusted. Raises BadFile with all mistakes, NotAllowed when its name is taken."""
        row = TargetRow(name="", path=str(await asyncio.to_thread(path.resolve)))
        target = await asyncio.to_thread(read_target, row)
        known = {each.name: each for each in await self.store.targets.rows()}
        if target.name in known and known[target.name].path != row.path:
            raise NotAllowed(
                f"There is a target named {target.name} already, from {known[target.name].path}.",
                advice="Give this one another name, or remove the other first.",
            )
        kept = known.get(target.name)
        row = TargetRow(target.name, row.path, environment=target.environment.value) if kept is None else kept
        if kept is None:
            await self.store.audit.begin_signing()
            await self.store.targets.put(row, self.actor, "add", self._clock.now())
        await self.engine.fleet.take_in(row)
        return target.name

    async def _observe(self, path: Path) -> None:
        """Make the target of a file observe-only before the file is written anew. Raises NotAllowed while a rollout runs on it."""
        where = str(await asyncio.to_thread(path.resolve))
        for row in await self.store.targets.rows():
            if row.path == where and row.armed:
                await self.arm(row.name, armed=False, reason="its file is written anew")

    async def drop_target(self, target: str) -> None:
        """Forget a target; its history stays. Raises NotAllowed while a rollout runs on it."""
        live = await self.store.journal.rollouts(live=True, target=target)
        if live:
            raise NotAllowed(f"{live[0].id} is on its way on {target}.", advice="Roll back or finish it first.")
        await self.engine.fleet.let_go(target)
        await self.store.targets.drop(target, self.actor, self._clock.now())

    async def audit_export(self, path: Path, chosen: AuditFilter, form: str = "jsonl") -> int:
        """Write records as JSON Lines that can be verified, as CSV or as HTML, and return how many."""
        return await export(self.store, path, chosen, form)

    async def audit_bundle(self, rollout: str, path: Path) -> int:
        """Write the evidence of a rollout as one file, and return how many records it holds."""
        return await bundle(self.store, rollout, path, self._clock.now())

    async def audit_report(self, rollout: str) -> Sequence[Part]:
        """Return the evidence of a rollout as a document."""
        return await report(self.store, rollout, self._clock.now())


def _by_a_person(secrets: "Secrets", move: Callable[_P, Coroutine[Any, Any, _T]]) -> Callable[_P, Coroutine[Any, Any, _T]]:
    """Return a move that asks a keyring anew, although it was found locked a moment ago: its person may have unlocked it for this."""

    def moved(*args: _P.args, **kwargs: _P.kwargs) -> Coroutine[Any, Any, _T]:
        secrets.ask_anew()
        return move(*args, **kwargs)

    return moved
