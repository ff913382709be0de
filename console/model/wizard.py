"""What is found out and answered while a target is connected, and the desk that a wizard asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from console.model.discovery import Preview
from console.model.pipelines import PipelineSpec
from console.model.systems import FlagSpec, MetricsSpec, PrometheusSource, Side, TrafficSpec, WorkloadsSpec
from console.model.target import Environment, FreezeRule, SessionGate, Stage

Progress = Callable[[str], None]
"""Told each step of a discovery in words, off the Qt thread."""

NEITHER, STABLE, CANARY = -1, 0, 1
"""Which side a part is on: neither, the first one, the second one."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How a router is reached: `kind` is haproxy, envoy or kubernetes; `login` are the words of a command that a person allowed to run."""

    kind: str
    address: str = ""
    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    login: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Something that traffic goes to: a server, a cluster, a Service; `side` is a guess from its name. `address` is its HOST:PORT.

    `workload` is the Deployment behind it, where that is known.
    """

    name: str
    side: int = NEITHER
    detail: str = ""
    address: str = ""
    workload: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A place where traffic can be split, by the provider that would split it.

    `label` is what that provider needs beside the name: Envoy's runtime prefix, the key in a Service's selector.
    """

    kind: str
    name: str
    parts: tuple[Part, ...]
    detail: str = ""
    label: str = ""

    @property
    def sure(self) -> bool:
        """Tell whether each side has a part by its name."""
        return {STABLE, CANARY} <= {part.side for part in self.parts}


@dataclass(frozen=True, slots=True)
class Right:
    """Something that the credentials may or may not do, None where nobody can tell; `advice` says how to get it."""

    what: str
    allowed: bool | None
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a router's system holds; `login` are words of a command that would have to run first, and that a person must allow."""

    system: str
    routes: tuple[Route, ...] = ()
    rights: tuple[Right, ...] = ()
    login: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """What a read of one system gave: `facts` in words, `identity` is what will be pinned, `problem` says why it could not be read."""

    port: str
    system: str
    facts: tuple[str, ...] = ()
    identity: str = ""
    rights: tuple[Right, ...] = ()
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether it was read."""
        return not self.problem


@dataclass(frozen=True, slots=True)
class Telling:
    """A label that tells the sides apart in a Prometheus: the matchers of each side, and how many metrics both sides have by it."""

    label: str
    sides: Mapping[Side, str]
    metrics: int


@dataclass(frozen=True, slots=True)
class Success:
    """Two counters that tell customers' success: names, or queries of their own; `sessions` where they count whole sessions, once each."""

    title: str
    ok: str
    failed: str
    queries: Mapping[str, str] = field(default_factory=dict)
    sessions: bool = False
    previews: tuple[tuple[Preview, Preview], ...] = ()
    """What they give now: (ok, failed) for each side."""


@dataclass(frozen=True, slots=True)
class MetricsFound:
    """What a Prometheus knows of both sides, the likeliest first."""

    source: PrometheusSource
    labels: tuple[Telling, ...] = ()
    successes: tuple[Success, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TargetDraft:
    """A target as far as it was answered; what is None was not answered yet, or is left out."""

    name: str = ""
    title: str = ""
    owner: str = ""
    environment: Environment = Environment.PRODUCTION
    sides: tuple[Side, Side] = ("blue", "green")
    traffic: TrafficSpec | None = None
    workloads: WorkloadsSpec | None = None
    metrics: MetricsSpec | None = None
    gates: tuple[SessionGate, ...] = ()
    flag: FlagSpec | None = None
    pipeline: PipelineSpec | None = None
    stages: tuple[Stage, ...] = ()
    freeze_rule: FreezeRule = FreezeRule.HOLD
    auto_rollback_after_s: float = 20.0


@dataclass(frozen=True, slots=True)
class GitState:
    """The repository that a folder is in: its branch, and how many of the folder's files are not committed."""

    root: str
    branch: str
    changed: int


@dataclass(frozen=True, slots=True)
class Written:
    """A target file before it is written: its whole text, what differs from the file that is there, and the folder's repository.

    `digest` is of the file that is there (SHA-256), "" where there is none: it is written only while that holds.
    """

    path: Path
    text: str
    difference: tuple[str, ...] = ()
    digest: str = ""
    git: GitState | None = None

    @property
    def replaces(self) -> bool:
        """Tell whether there is a file already."""
        return bool(self.digest)


class Wizard(Protocol):
    """What finds out about systems that no target file names yet. All raise ConsoleError; nothing is changed in any of them."""

    async def contexts(self, kubeconfig: str) -> Sequence[str]:
        """Return the contexts of a kubeconfig, "" where kubectl looks."""
        ...

    async def namespaces(self, reach: Reach) -> Found | tuple[str, ...]:
        """Return the namespaces of a cluster, or (as `Found.login`) the command that has to be allowed first."""
        ...

    async def look(self, reach: Reach, progress: Progress) -> Found:
        """Return where traffic can be split."""
        ...

    async def versions(self, route: Route, draft: TargetDraft, progress: Progress) -> WorkloadsSpec | None:
        """Return where each side tells its version, None where none of the usual places answers."""
        ...

    async def metrics(
        self, source: PrometheusSource, draft: TargetDraft, route: Route | None, label: str, progress: Progress
    ) -> MetricsFound:
        """Return what tells the sides apart, and what tells customers' success; `label` takes one label instead of the likeliest."""
        ...

    async def attempt(self, draft: TargetDraft, ports: Sequence[str], progress: Progress) -> Sequence[Tried]:
        """Read what a draft names, once, with the providers that the target will have; `ports` reads only these, none all."""
        ...

    async def write_up(self, draft: TargetDraft, path: Path) -> Written:
        """Return the file as it would be written. Raises BadFile with what is still wrong."""
        ...

    async def write(self, written: Written) -> str:
        """Write a file and take its target in, observe-only; returns its name. Raises StaleWrite where the file changed meanwhile."""
        ...

    async def stop(self) -> None:
        """End what looks around now."""
        ...
