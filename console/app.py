"""Puts the parts together; the only file that names concrete providers.

Heavy libraries (SQLAlchemy, httpx, pydantic, keyring) are imported where they are first used, so that `--help` and the first paint of
the window do not wait for them.
"""

import asyncio
import getpass
import json
import os
import secrets as randomness
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from console.engine.engine import Engine
from console.files.folders import folders
from console.model.audit import AuditFilter, Entry, RecordKind, VerifyReport
from console.model.clock import Clock, SystemClock
from console.model.commands import Command
from console.model.desk import FileProblem, PlanView
from console.model.errors import BadFile, ConsoleError, NotAllowed, StoreError
from console.model.freeze import FreezeState, FreezeWindow, OneOff, Weekly
from console.model.plan import Plan
from console.model.ports import Connections
from console.model.rollout import Actor, Outcome, Phase, StepState
from console.model.stores import RolloutChange, Store, TargetRow
from console.model.target import EnvoyTraffic, SecretRef, Target
from console.model.verbs import Verb
from console.model.views import TargetView, Update

if TYPE_CHECKING:
    from console.demo.practice import PracticeShop
    from console.store.secrets import Secrets

KEPT_PLANS = "plans"
FREEZE_S = 6.0
"""How long a question about a freeze waits for the traffic to be measured."""
OPERATOR = "operator"

WAY_BACK_S = 1.5
"""A way back waits no longer than this for readings, whatever is dead."""


def person() -> str:
    """Return the name of whoever uses this computer's account, `unknown` where the system cannot tell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def this_console() -> str:
    """Return what tells this process from every other console: host, process id, and a random part."""
    return f"{socket.gethostname()}:{os.getpid()}:{randomness.token_hex(4)}"


def connect(target: Target, row: TargetRow, clock: Clock, secrets: "Secrets") -> Connections:
    """Return the providers of one target, with a transport of its own; nothing is sent yet."""
    from console.providers.clients.http import HttpClient  # noqa: PLC0415
    from console.providers.flags.httpflag import HttpFlags  # noqa: PLC0415
    from console.providers.metrics.openmetrics import OpenMetricsScrape  # noqa: PLC0415
    from console.providers.pipelines.command import CommandRunner  # noqa: PLC0415
    from console.providers.traffic.envoy import EnvoyRouter  # noqa: PLC0415
    from console.providers.traffic.haproxy import HaproxyRouter  # noqa: PLC0415
    from console.providers.workloads.http import HttpWorkloadVersions  # noqa: PLC0415

    http = HttpClient()
    trusted = row.trusted_digest == target.digest

    def token(ref: SecretRef | None) -> "Callable[[], asyncio.Future[str]] | None":
        return None if ref is None else lambda: asyncio.ensure_future(secrets.resolve_async(ref, allow_commands=trusted))

    traffic, metrics, flag, pipeline = target.traffic, target.metrics, target.flag, target.pipeline
    runner = CommandRunner(pipeline, Path(target.path).parent, clock) if pipeline else None
    return Connections(
        router=EnvoyRouter(traffic, http, clock) if isinstance(traffic, EnvoyTraffic) else HaproxyRouter(traffic, clock),
        workloads=HttpWorkloadVersions(target.workloads, http, clock),
        metrics=OpenMetricsScrape(metrics, http, clock, token(metrics.token)) if metrics else None,
        pipeline=runner,
        flags=HttpFlags(flag, http, clock, token(flag.token)) if flag else None,
        closers=(http,) if runner is None else (http, runner),
    )


def read_target(row: TargetRow) -> Target:
    """Return the target as its file says now. Raises BadFile with every mistake, and for a file that was given another target's name."""
    from console.files.targetfile import load_target  # noqa: PLC0415  # pydantic and ruamel.yaml

    target = load_target(Path(row.path))
    if row.name and target.name != row.name:
        raise BadFile(f"{row.path} names its target {target.name}, and it was added as {row.name}.", advice=f"Name it {row.name} again.")
    return target


def verify_file(path: Path, *, partial: bool) -> VerifyReport:
    """Check an exported audit without a store; `partial` takes gaps for what a filter left out. Raises BadFile when it is no export."""
    from console.files.export import read_export  # noqa: PLC0415
    from console.store.chain import verify_export  # noqa: PLC0415

    return verify_export(read_export(path), partial=partial)


class Console:
    """The engine, the records, the files and the practice shop as one desk (`console.model.desk.Desk`); all coroutines run on one loop."""

    def __init__(self, store: Store, engine: Engine, secrets: "Secrets", actor: Actor, clock: Clock) -> None:
        self.store = store
        self.engine = engine
        self.actor = actor
        self._secrets = secrets
        self._clock = clock
        self._shop: PracticeShop | None = None
        # The engine's verbs are the desk's, word for word.
        self.listen = engine.listen
        self.act = engine.act
        self.preview = engine.preview
        self.plan = engine.plan
        self.arm = engine.arm
        self.trust = engine.trust
        self.ended = engine.ended
        self.cancel_pipeline = engine.cancel_pipeline
        self.add_freeze = engine.line.add_freeze
        self.remove_freeze = engine.line.remove_freeze
        self.stop_the_line = engine.line.stop_the_line
        self.lift_the_line = engine.line.lift_the_line
        self.audit_page = store.audit.page
        self.audit_verify = store.audit.verify
        self.setting = store.settings.get
        self.secrets = secrets.state_async
        self.put_secret = secrets.put_async

    async def set_setting(self, key: str, value: str) -> None:
        """Store a setting; a new operator's name counts from now on, for commands and records."""
        await self.store.settings.put(key, value)
        if key == OPERATOR and value.strip():
            self.actor = replace(self.actor, name=value.strip())
            self.engine.act_as(self.actor)

    async def check_file(self, path: Path) -> Sequence[FileProblem]:
        """Check a target file and return every mistake in it."""
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
        row = TargetRow(target.name, row.path) if kept is None else kept
        if kept is None:
            await self.store.targets.put(row, self.actor, "add", self._clock.now())
        await self.engine.fleet.take_in(row)
        return target.name

    async def drop_target(self, target: str) -> None:
        """Forget a target; its history stays. Raises NotAllowed while a rollout runs on it."""
        live = await self.store.journal.rollouts(live=True, target=target)
        if live:
            raise NotAllowed(f"{live[0].id} is on its way on {target}.", advice="Roll back or finish it first.")
        await self.engine.fleet.let_go(target)
        await self.store.targets.drop(target, self.actor, self._clock.now())

    async def audit_export(self, path: Path, chosen: AuditFilter) -> int:
        """Write records as JSON Lines and return how many."""
        from console.files.export import write_export  # noqa: PLC0415

        return await asyncio.to_thread(write_export, path, await self.store.audit.all(chosen))

    # What commands need beyond the desk.

    async def watching(self, target: str) -> None:
        """Connect to a target that was not named at the opening. Raises BadFile when there is none."""
        rows = {row.name: row for row in await self.store.targets.rows()}
        if target not in rows:
            raise BadFile(f"there is no target named {target}", advice="release-console target list shows those that there are.")
        await self.engine.fleet.take_in(rows[target])
        if target in self.engine.fleet.broken:
            raise self.engine.fleet.broken[target][1]

    async def read(self, target: str, timeout_s: float, *, forward: bool = True) -> TargetView:
        """Return a target's view once its weights, versions and who answers were read, or as it is when the time is over.

        `forward` also waits for the traffic of now where the file declares a blackout: two metric readings, in addition to the time given.
        """
        ends = self._clock.elapsed() + timeout_s
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.engine.identified(target)
        view = await view_when(self, target, _was_read, max(0.1, ends - self._clock.elapsed()))
        if not forward or view.traffic is None:
            return view
        source = (await asyncio.to_thread(read_target, TargetRow(target, view.path))).metrics
        return await view_when(self, target, _traffic_is_known, 2.0 + (2 * source.poll_s if source is not None else 0.0))

    async def look_before_a_way_back(self, target: str) -> None:
        """Wait a little for readings where no rollout is on its way: what was finished goes back only to a side known to be well."""
        with suppress(StoreError):
            if not await self.store.journal.rollouts(live=True, target=target):
                await self.read(target, WAY_BACK_S, forward=False)

    async def is_stable(self, target: str, side: str) -> bool:
        """Tell whether a side is known to be stable, from the records alone."""
        return any(row.name == target and row.stable == side for row in await self.store.targets.rows())

    async def all_windows(self) -> Sequence[FreezeWindow]:
        """Return every freeze window: those made in the console, and those of the targets' files that can be read, each for its target."""
        windows = list(await self.store.freezes.windows())
        for row in await self.store.targets.rows():
            with suppress(ConsoleError):  # a broken file is told by `target check`; its windows cannot be known
                own = (await asyncio.to_thread(read_target, row)).freezes
                windows += [window if window.targets else replace(window, targets=(row.name,)) for window in own]
        return windows

    async def freeze_state(self, target: str, at: datetime) -> FreezeState:
        """Return whether windows or a stop freeze a target at an instant. Raises BadFile when it or its file cannot be read.

        Peak traffic is known for now only: `freeze_now` asks for it too.
        """
        from console.policy.calendar import compiled  # noqa: PLC0415
        from console.policy.freezing import Restraints, freeze_state  # noqa: PLC0415

        await self._file_of(target)
        windows = [window for window in await self.all_windows() if window.covers(target)]
        return freeze_state(target, at, Restraints(compiled(tuple(windows), at, None), tuple(await self.store.freezes.stops())))

    async def freeze_now(self, target: str) -> FreezeState:
        """Return whether a target is frozen now, by measured peak traffic as well where its file declares a blackout."""
        if (await self._file_of(target)).blackout is None:
            return await self.freeze_state(target, self._clock.now())
        await self.watching(target)
        return (await self.read(target, FREEZE_S)).freeze

    async def _file_of(self, target: str) -> Target:
        rows = {row.name: row for row in await self.store.targets.rows()}
        if target not in rows:
            raise BadFile(f"there is no target named {target}", advice="release-console target list shows those that there are.")
        return await asyncio.to_thread(read_target, rows[target])

    def new_window(self, name: str, owner: str, reason: str, zone: str, span: OneOff | Weekly, targets: tuple[str, ...]) -> FreezeWindow:
        """Return a window with an id of its own, not yet added."""
        return FreezeWindow(f"F-{randomness.token_hex(3)}", name, owner, reason, zone, span, targets)

    async def flag_named(self, target: str, flag: str) -> None:
        """Check that a target's flag has this name. Raises BadFile."""
        view = await view_when(self, target, lambda _: True, 5.0)
        if view.flag != flag:
            known = f"its flag is {view.flag}" if view.flag else "it declares no flag"
            raise BadFile(f"{target} has no flag {flag}; {known}.", advice="Only a flag of the target's file can be killed here.")

    # The practice shop.

    async def open_practice(self, scenario: str, speed: float, *, start: bool, progress: Callable[[str], None] | None = None) -> str:
        """Start the practice shop, take its target in armed and trusted (we made it), and start its rollout where that is asked."""
        from console.demo.practice import PracticeShop  # noqa: PLC0415

        await self.close_practice()
        folder = folders().data / "practice"
        shop = PracticeShop(folder, scenario, speed)
        await shop.start(progress or (lambda _: None))
        self._shop = shop
        path = folder / "practice-shop.yaml"
        await asyncio.to_thread(path.write_text, shop.target_text, encoding="utf-8")
        target = await asyncio.to_thread(read_target, TargetRow("", str(path)))
        row = TargetRow(target.name, str(path), armed=True, trusted_digest=target.digest, stable=target.sides[0], practice=True)
        await self.store.targets.put(row, self.actor, "open the practice shop", self._clock.now())
        await self.engine.fleet.take_in(row)
        if start:
            await self.read(target.name, 15.0)
            answer = await self.act(Command(Verb.START, target.name, self.actor, f"practice: {scenario}", release=shop.release))
            if not answer.decision.allowed:
                raise NotAllowed(f"The practice release was not started: {'; '.join(answer.decision.reasons)}")
        return target.name

    async def close_practice(self) -> None:
        """Stop the practice shop and close what was on its way there; also what an earlier, killed console left of it."""
        shop, self._shop = self._shop, None
        for row in await self.store.targets.rows():
            if row.practice:
                await self.engine.fleet.let_go(row.name)
                await close_rollouts(self.store, row.name, self.actor, self._clock.now())
                await self.store.targets.drop(row.name, self.actor, self._clock.now())
        if shop is not None:
            await shop.stop()

    @property
    def has_shop(self) -> bool:
        """Tell whether the practice shop runs."""
        return self._shop is not None

    # Plans that are started by their hash later, maybe by another process.

    async def keep_plan(self, view: PlanView) -> None:
        """Keep a plan that was made here; the newest twenty stay."""
        from console.store.planjson import plan_text  # noqa: PLC0415

        plan = self.engine.planned(view.plan_hash)
        if plan is None:
            raise BadFile(f"there is no plan {view.plan_hash[:12]}")
        kept = [text for text in await self._kept() if text != plan_text(plan)]
        await self.store.settings.put(KEPT_PLANS, json.dumps([*kept[-19:], plan_text(plan)]))

    async def kept_plan(self, prefix: str) -> Plan:
        """Return the kept plan whose hash begins so. Raises BadFile when none or several do."""
        from console.store.planjson import plan_of  # noqa: PLC0415

        found = [plan for plan in map(plan_of, await self._kept()) if plan.hash.startswith(prefix)]
        if len(prefix) < 8 or len(found) != 1:
            what = "there is no kept plan" if not found else "several plans begin with"
            raise BadFile(f"{what} {prefix}", advice="Make one with: release-console release plan TARGET --version V")
        return found[0]

    async def _kept(self) -> list[str]:
        return list(json.loads(await self.store.settings.get(KEPT_PLANS, "[]")))


def _was_read(view: TargetView) -> bool:
    return bool(view.stable_version and view.canary_version) and view.weight.read_back.at is not None


def _traffic_is_known(view: TargetView) -> bool:
    return view.traffic is None or view.traffic.share is not None


async def view_when(console: Console, name: str, ready: Callable[[TargetView], bool], timeout_s: float) -> TargetView:
    """Return a target's view once `ready` holds of it, or as it is when the time is over. Raises BadFile when there is no such target."""
    found: dict[str, TargetView] = {}
    told = asyncio.Event()

    def on_update(update: Update) -> None:
        found.update({view.name: view for view in update.targets})
        if name in found and ready(found[name]):
            told.set()

    cancel = console.listen(on_update)
    try:
        async with asyncio.timeout(timeout_s):
            await told.wait()
    except TimeoutError:
        pass  # what was read so far is shown, each part with its age
    finally:
        cancel()
    if name not in found:
        raise BadFile(f"there is no target named {name}", advice="release-console target list shows those that there are.")
    return found[name]


async def close_rollouts(store: Store, target: str, actor: Actor, now: datetime) -> None:
    """Close every rollout of a practice shop that is gone; steps whose effect nobody can read any more stay unknown, on record."""
    words = "The practice shop was closed."
    rollouts = {rollout.id: rollout for rollout in await store.journal.rollouts(live=True, target=target)}
    for row in await store.journal.unsettled():
        if row.rollout in rollouts and row.state is StepState.SENT:
            await store.journal.settle(row, Outcome(row.id, StepState.UNKNOWN, now, detail=words))
    for rollout in rollouts.values():
        entry = Entry(RecordKind.PHASE, actor, now, "close", target, rollout.id, words, Phase.ABORTED.value, rollout.plan.hash)
        await store.journal.change(rollout, RolloutChange(phase=Phase.ABORTED, note=words, ended_at=now, raise_token=True), entry)


def begin_logs(face: str) -> None:
    """Write what the program logs to a file of its own (`desktop` or `cli`), secrets masked, until the process ends."""
    from console.files.logs import set_up_logs  # noqa: PLC0415
    from console.store.redact import redact_text  # noqa: PLC0415

    set_up_logs(folders().logs, face, redact_text)


async def open_console(*, watch: Sequence[str] | None, keeps_watch: bool = False) -> Console:
    """Open the records and the engine; `watch` names the targets to connect to, None all of them. Raises StoreError.

    `keeps_watch` takes over the watch of rollouts that a console that is gone left held: for the desktop.
    """
    from console.store.secrets import Secrets  # noqa: PLC0415
    from console.store.sqlite import open_store  # noqa: PLC0415

    clock, secrets = SystemClock(), Secrets()
    store = await asyncio.to_thread(open_store, folders().data, clock)
    actor = Actor(await operator(store), this_console())
    engine = Engine(store, clock, lambda target, row: connect(target, row, clock, secrets), read_target, actor, keeps_watch=keeps_watch)
    console = Console(store, engine, secrets, actor, clock)
    if keeps_watch:
        with suppress(ConsoleError):  # what a killed console left of its practice shop; records that cannot be written wait
            await console.close_practice()
    await engine.open(watch)
    return console


async def operator(store: Store) -> str:
    """Return the name under which this person acts: the one from the settings, else the account's."""
    with suppress(ConsoleError):
        return await store.settings.get(OPERATOR, "") or person()
    return person()


async def close_console(console: Console) -> None:
    """Let go of targets, the practice shop and the records, in this order."""
    with suppress(ConsoleError):  # a disk that is full must not keep the shop's processes alive
        await console.close_practice() if console.has_shop else None
    await console.engine.close()
    await console.store.close()


@asynccontextmanager
async def opened(*, watch: Sequence[str] | None, keeps_watch: bool = False) -> AsyncIterator[Console]:
    """Open a console for the length of a block."""
    console = await open_console(watch=watch, keeps_watch=keeps_watch)
    try:
        yield console
    finally:
        await close_console(console)
