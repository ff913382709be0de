"""A real console process that is killed at a hook of some work on real systems, started again, and asked to end what it began."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from crash.ledger import CALL, FLAG, Ledger, compared, envoy_told, haproxy_told, ledger_kept, wire
from crash.teamrecords import PLACE, TeamRecords
from journeys.kit import Shell, Traffic, Watched, copied, let_leases_run_out, seen, target_text
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream
from servers.haproxy_process import HaproxyServer

from console.app import Console, opened
from console.model.commands import Command
from console.model.hooks import HOOKS
from console.model.places import STORE_VARIABLE
from console.model.rollout import Phase, StepRow, StepState
from console.model.verbs import Verb
from console.model.views import RolloutView

RELEASE = "18.0.0"
ONCE = frozenset({"plan-opened", "wheel-taken"})
PATIENCE_S = 40.0
"""A command that is still at it then is killed all the same: at no hook, and what it left has to be ended too."""


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of work on the systems that a target file names; `steps` is how many steps it takes at most."""

    name: str
    target: str
    words: tuple[str, ...]
    verb: Verb
    steps: int
    forward: bool = False
    switched: bool = False
    """Whether the canary has all the traffic when it begins."""


SWITCH, BACK = ("switch", "shop", "--to", "green"), ("rollback", "shop")
WORK = {
    each.name: each
    for each in (
        Work("switch, envoy", "envoy", SWITCH, Verb.SWITCH, 1, forward=True),
        Work("switch, haproxy", "haproxy", SWITCH, Verb.SWITCH, 1, forward=True),
        Work("rollback, envoy", "envoy", BACK, Verb.ROLLBACK, 1, switched=True),
        Work("rollback, haproxy", "haproxy", BACK, Verb.ROLLBACK, 1, switched=True),
        Work("start: commands, flag, envoy", "release", ("release", "start", "PLAN"), Verb.START, 4, forward=True),
        Work("flag kill, http", "release", ("flag", "kill", "shop", FLAG), Verb.FLAG_KILL, 1),
        Work("way back: envoy, flag, http, command", "wayback", BACK, Verb.ROLLBACK, 4, switched=True),
    )
}


@dataclass(frozen=True, slots=True)
class RealCase:
    """Where a console is killed in some work, and whether a person then goes on (`resume`) or goes back (`rollback`)."""

    work: str
    hook: str
    count: int
    end: Verb

    def __str__(self) -> str:
        return f"{self.work}: {self.hook}:{self.count}, {self.end.value}"


@dataclass(frozen=True, slots=True)
class RealResult:
    """Whether the console died at the hook, and what did not hold afterwards."""

    case: RealCase
    struck: bool
    problems: tuple[str, ...]


def all_real() -> list[RealCase]:
    """Return every hook of every work at each of its passes; forward work alternately ends forward and back."""
    found = []
    for work in WORK.values():
        for place, hook in enumerate(HOOKS):
            passes = 1 if hook in ONCE else work.steps + hook.startswith("phase")
            for count in range(1, passes + 1):
                on = work.forward and (place + count) % 2
                found.append(RealCase(work.name, hook, count, Verb.RESUME if on else Verb.ROLLBACK))
    return found


@dataclass
class RealSite:
    """Real routers and services behind wires that write every effect down, and a home for each target as it is before the work."""

    envoy: EnvoyServer
    haproxy: HaproxyServer
    upstreams: Mapping[str, Upstream]
    ledger: Ledger
    folder: Path
    wires: dict[str, str] = field(default_factory=dict)
    plan: str = ""
    team: TeamRecords | None = None
    """Where the records are; None keeps them in the home."""

    def text(self, target: str) -> str:
        """Return a target file: `envoy` and `haproxy` with traffic alone, `release` with commands and a flag, `wayback` with all."""
        text = target_text(self.wires["envoy"], self.upstreams)
        if target == "haproxy":
            begin, end = text.index("traffic:"), text.index("workloads:")
            servers = json.dumps(self.haproxy.servers)
            own = f"provider: haproxy\n  address: {self.wires['haproxy']}\n  backend: shop\n  servers: {servers}\n"
            return f"{text[:begin]}traffic:\n  {own}{text[end:]}"
        if target == "envoy":
            return text
        url, flag = self.ledger.url, f"provider: http, url: {self.ledger.url}/flag, name: {FLAG}, raise_at_start: true"
        text += f"flag: {{{flag}}}\n"
        if target == "release":
            stages = f"[{{name: Migrate, run: {self._call('POST /pipeline')}, timeout: 20 s}}]"
            text += f"pipeline: {{provider: command, folder: {json.dumps(str(self.folder))}, stages: {stages}}}\n"
            return text.replace("rollback: [traffic]", "rollback: [traffic, flag]")
        code = f"{{name: code, kind: code, run: {url}/code, check: {url}/code, timeout: 5 s, expected: 0.1 s}}"
        run, check = self._call("POST /cache"), self._call("GET /cache")
        cache = f"{{name: cache, kind: cache, run: {run}, check: {check}, after: [code], timeout: 10 s, expected: 0.1 s}}"
        return text.replace("rollback: [traffic]", f"rollback: [traffic, flag, {code}, {cache}]")

    def _call(self, request: str) -> str:
        return json.dumps([sys.executable, "-S", str(self.folder / "call.py"), str(self.ledger.port), request])

    async def home(self, work: Work) -> Path:
        """Return a fresh home as it is before a work; what it is copied from is made once."""
        known = self.folder / work.target
        if not known.exists():
            if self.team is not None:
                self.team.begin()
            self.reset(known, switched=False)
            await self._make(known, work.target)
            self._keep_as(work.target)
        if not work.switched:
            return self._copied(known, self.folder / "home")
        switched = self.folder / f"{work.target} switched"
        if not switched.exists():
            self.reset(self._copied(known, switched), switched=False)
            with self.living_in(switched):
                await _switch()
            self._keep_as(switched.name)
        return self._copied(switched, self.folder / "home")

    def _keep_as(self, name: str) -> None:
        if self.team is not None:
            self.team.keep_as(name)

    def _copied(self, home: Path, to: Path) -> Path:
        """Return a copy of a home, with a copy of the team's records where there are some."""
        if self.team is not None:
            self.team.copy(home.name)
        return copied(home, to)

    @contextmanager
    def living_in(self, home: Path) -> Iterator[None]:
        """Let consoles use a home, and the team's records where there are some."""
        here = {"RELEASE_CONSOLE_HOME": str(home)}
        if self.team is not None:
            here |= {STORE_VARIABLE: self.team.url, **PLACE}
        before = {name: os.environ.get(name) for name in here}
        os.environ.update(here)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value

    def let_leases_run_out(self, home: Path) -> None:
        """Make it as if fifteen seconds had gone by since the last renewal of every wheel."""
        if self.team is None:
            let_leases_run_out(home)
        else:
            self.team.let_leases_run_out()

    def throw_away(self, home: Path) -> None:
        """Forget the records of a case."""
        shutil.rmtree(home, ignore_errors=True)
        if self.team is not None:
            self.team.drop()

    async def _make(self, home: Path, target: str) -> None:
        (self.folder / "call.py").write_text(CALL, encoding="utf-8")
        home.mkdir()
        file = home / "shop.yaml"
        file.write_text(self.text(target), encoding="utf-8")
        with self.living_in(home):
            async with opened(watch=[]) as console:
                await console.add_target(file)
                await console.arm("shop", armed=True, reason="a test")
                if target in {"release", "wayback"}:
                    await console.trust("shop")
            if target == "release":
                async with opened(watch=["shop"]) as console:
                    await seen(console)
                    view = await console.plan("shop", RELEASE)
                    await console.keep_plan(view)
                    self.plan = view.plan_hash

    def reset(self, home: Path, *, switched: bool, flag: bool = False) -> None:
        """Put the systems to where a work begins, and forget what they were sent."""
        self.envoy.reset()
        self.haproxy.reset()
        if switched:
            self.envoy.modify("routing.shop.blue=0&routing.shop.green=100")
            for side, names in self.haproxy.servers.items():
                for name in names:
                    self.haproxy.ask(f"set weight shop/{name} {100 if side == 'green' else 0}")
        self.ledger.reset(home, {"flag": "True 100" if flag else "False 0"}, "" if self.team is None else self.team.admin_url)

    def drain(self) -> None:
        """Return when what a killed process sent last has arrived."""
        self.ledger.drain()
        with urllib.request.urlopen(f"{self.wires['envoy']}/ready", timeout=10.0) as reply:
            reply.read()
        with socket.create_connection(("127.0.0.1", int(self.wires["haproxy"].rpartition(":")[2])), timeout=10.0) as link:
            link.sendall(b"show info\n")
            while link.recv(65536):
                pass

    def canary(self, target: str) -> tuple[bool, bool]:
        """Tell whether the canary has some traffic, and whether it has all of it, as the router itself says."""
        if target == "haproxy":
            rows = [line.split() for line in self.haproxy.ask("show servers state shop").splitlines() if " shop " in line]
            weights = {row[3]: int(row[7]) for row in rows}
            stable = sum(weight for name, weight in weights.items() if name.startswith("blue"))
            return weights["green1"] > 0, weights["green1"] > 0 and stable == 0
        runtime = self.envoy.runtime()
        green, blue = int(runtime.get("routing.shop.green", "0")), int(runtime.get("routing.shop.blue", "100"))
        return green > 0, green > 0 and blue == 0


@contextmanager
def real_site(
    envoy: EnvoyServer, haproxy: HaproxyServer, upstreams: Mapping[str, Upstream], folder: Path, team: TeamRecords | None = None
) -> Iterator[RealSite]:
    """Run wires to real routers, beside services that keep a ledger."""
    with ExitStack() as stack:
        site = RealSite(envoy, haproxy, upstreams, stack.enter_context(ledger_kept()), folder, team=team)
        site.wires["envoy"] = stack.enter_context(wire(envoy.admin, envoy_told(site.ledger))).url
        site.wires["haproxy"] = stack.enter_context(wire(f"127.0.0.1:{haproxy.port}", haproxy_told(site.ledger))).address
        yield site


async def _switch() -> None:
    async with opened(watch=["shop"]) as console:
        watched = Watched(console)
        await seen(console)
        answer = await console.act(Command(Verb.SWITCH, "shop", console.actor, "a bad day", side="green"))
        assert answer.decision.allowed, answer.decision
        done = answer.rollout
        await watched.until(lambda: done in watched.rollouts and watched.rollouts[done].phase is Phase.DONE, "all on green")


async def live_real(site: RealSite, case: RealCase) -> RealResult:
    """Live through one case and check everything that must hold; the home is thrown away."""
    work = WORK[case.work]
    home = await site.home(work)
    try:
        with site.living_in(home):
            site.reset(home, switched=work.switched, flag=not work.forward)
            with Traffic(site.upstreams) if work.verb is Verb.START else nullcontext():
                return await _lived(site, case, home)
    except AssertionError as error:
        return RealResult(case, True, (str(error),))
    finally:
        site.throw_away(home)


async def _lived(site: RealSite, case: RealCase, home: Path) -> RealResult:
    words = (site.plan if word == "PLAN" else word for word in WORK[case.work].words)
    hook = f"{case.hook}:{case.count}"
    wrong, struck = [], False
    try:
        said = await asyncio.to_thread(lambda: Shell(home, patience_s=PATIENCE_S)(*words, "--reason", "a crash", crash_at=hook))
        struck = said.code == -signal.SIGKILL
        wrong += [] if struck or said.code == 0 else [f"it ended with {said.code}: {said.err}"]
    except subprocess.TimeoutExpired:
        pass
    await asyncio.to_thread(site.drain)
    site.let_leases_run_out(home)
    wrong += await _ended(site, case)
    return RealResult(case, struck, (*wrong, *compared(site.ledger)))


async def _ended(site: RealSite, case: RealCase) -> list[str]:
    """Start the console again, end what was begun, and say what was wrong on the way."""
    work, wrong, sent = WORK[case.work], [], len(site.ledger.effects)
    async with opened(watch=None, keeps_watch=True) as console:
        watched = Watched(console)
        view = await _left_behind(console, watched)
        if len(site.ledger.effects) != sent:
            wrong.append(f"sent by the restart: {site.ledger.effects[sent:]}")
        if view is not None:
            wrong += _shown(view, await console.store.journal.steps(view.id))
            await _end(console, watched, view, case.end)
        elif not work.forward:
            await _again(console, watched, work)
        for rollout in await console.store.journal.rollouts(live=False):
            if not rollout.phase.over:
                wrong.append(f"{rollout.id} is {rollout.phase.value} at the end")
        report = await console.audit_verify(None)
        if not report.ok or (view is not None and case.end is Verb.RESUME and report.open_intents):
            wrong.append(f"the audit: {report.problem} {report.open_intents}")
        forward = work.forward and (case.end is Verb.RESUME if view is not None else await _was_done(console))
    return wrong + _stands(site, work, forward=forward)


async def _was_done(console: Console) -> bool:
    """Tell whether the newest rollout went through before the console was killed."""
    return any(row.phase is Phase.DONE for row in await console.store.journal.rollouts(live=False, limit=1))


async def _left_behind(console: Console, watched: Watched) -> RolloutView | None:
    """Return the rollout that was left open, once it was read back; None where none is."""
    await seen(console)
    found = await console.store.journal.rollouts(live=True)
    if not found:
        return None

    def settled() -> bool:
        view = watched.rollouts.get(found[0].id)
        return view is not None and (
            view.phase.over or (bool(view.verbs) and view.phase not in {Phase.PLANNED, Phase.RUNNING, Phase.ABORTING})
        )

    await watched.until(settled, "what was left behind is read back", 30.0)
    view = watched.rollouts[found[0].id]
    return None if view.phase.over else view


def _shown(view: RolloutView, rows: Sequence[StepRow]) -> list[str]:
    """Check that what is not known is shown, and that no step is left as if it were on its way."""
    unsure = [row.id for row in rows if row.state is StepState.UNKNOWN]
    wrong = [f"{row.id} is still {row.state.value}" for row in rows if row.state in {StepState.SENT, StepState.PLANNED}]
    if unsure and not view.unknowns and "stopped at step" not in view.note:
        wrong.append(f"{unsure} is unknown and not shown")
    return wrong


async def _end(console: Console, watched: Watched, view: RolloutView, verb: Verb) -> None:
    """Resume or roll back, as a person does, and wait for the end."""
    await watched.until(lambda: view.id in watched.rollouts and watched.rollouts[view.id].verbs[verb].enabled, f"{verb.value} is offered")
    answer = await console.act(Command(verb, "shop", console.actor, "after the crash", rollout=view.id))
    assert answer.decision.allowed, answer.decision
    wanted = Phase.DONE if verb is Verb.RESUME else Phase.ROLLED_BACK
    await watched.until(lambda: watched.rollouts[view.id].phase is wanted, f"{wanted.value} after {verb.value}", 40.0)


async def _again(console: Console, watched: Watched, work: Work) -> None:
    """Ask anew for a way back that was killed before anything of it was on record."""
    if any(view.phase is Phase.ROLLED_BACK for view in watched.rollouts.values()):
        return  # the restart ended it; a read of a busy team's database may still say how it stood before
    newest = next(iter(await console.store.journal.rollouts(live=False, limit=1)), None)
    if newest is not None and newest.phase is Phase.ROLLED_BACK:
        return
    answer = await console.act(Command(work.verb, "shop", console.actor, "after the crash"))
    assert answer.decision.allowed, answer.decision
    done = answer.rollout
    await watched.until(lambda: done in watched.rollouts and watched.rollouts[done].phase is Phase.ROLLED_BACK, "it is rolled back", 40.0)


def _stands(site: RealSite, work: Work, *, forward: bool) -> list[str]:
    """Check what the systems themselves say at the end."""
    some, whole = site.canary(work.target)
    stands, wrong = site.ledger.stands, []
    if (forward and not whole) or (not forward and some):
        wrong.append(f"the canary has {'all' if whole else 'some' if some else 'no'} traffic at the end")
    if work.target in {"release", "wayback"} and stands["flag"] != ("True 100" if forward else "False 0"):
        wrong.append(f"the flag is {stands['flag']} at the end")
    if work.target == "wayback" and (stands.get("/code"), stands.get("/cache")) != ("done", "done"):
        wrong.append("the declared steps are not done at the end")
    return wrong
