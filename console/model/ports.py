"""The ports to outside systems: two to four methods each, saying what a return means. All errors are `console.model.errors`."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from console.model.alerts import AlertsNow, Silence, SilenceWanted
from console.model.database import SchemaState
from console.model.notes import Notifier
from console.model.readings import (
    FlagState,
    Foreseen,
    Identity,
    LogLine,
    MetricReading,
    PipelineRun,
    RequestCounts,
    RunChange,
    SideVersion,
    Split,
    SplitChange,
    UndoState,
)
from console.model.systems import Side
from console.model.workloads import RunsWorkloads


class TrafficRouter(Protocol):
    """Splits traffic between the two sides of a target.

    Every method raises Unreachable, Refused, Malformed, TooLarge or WrongSystem. `set_split` returns when the router accepted the change,
    which is not yet an effect; Unreachable with `sent` True or OutcomeUnknown means that it may have been applied, wholly or by half.
    """

    async def identity(self) -> Identity:
        """Return who answers at the router's address now."""
        ...

    async def split(self) -> Split:
        """Return the weights as the router's configuration says now."""
        ...

    async def set_split(self, change: SplitChange) -> None:
        """Ask for absolute weights; accepted, not yet observed."""
        ...

    async def measured(self) -> RequestCounts:
        """Return the requests that each side has been given so far."""
        ...


@runtime_checkable
class ForeseesWeights(Protocol):
    """What a router can do besides, where its system tells beforehand what it would refuse."""

    async def foresee(self, weights: Sequence[int]) -> Foreseen:
        """Return what stands against the canary's weights, in a plan's order: missing rights, weights it cannot give. Changes nothing."""
        ...


@runtime_checkable
class TellsOfChange(Protocol):
    """What a router or workloads can do besides, where their system tells by itself that something changed."""

    async def changed(self) -> None:
        """Return once what is read here may have changed; never where nobody is told. Who awaits it goes on polling besides."""
        ...


class Workloads(Protocol):
    """What runs on each side."""

    async def version(self, side: Side) -> SideVersion:
        """Return which version a side runs now, and whether it is healthy."""
        ...


class MetricSource(Protocol):
    """Counts and measurements per side."""

    async def read(self) -> MetricReading:
        """Return all samples now; a side that could not be read stands in `errors`. Raises only when no side could be read."""
        ...


class Pipeline(Protocol):
    """Builds and checks a release before it takes traffic."""

    async def start(self, version: str, key: str) -> str:
        """Start a run and return its id; the same `key` starts nothing a second time."""
        ...

    def follow(self, run: str) -> AsyncIterator[PipelineRun | LogLine]:
        """Yield the run at each change and each line printed, until it has ended."""
        ...

    async def cancel(self, run: str, reason: str) -> None:
        """Stop a run; it then ends as cancelled."""
        ...


@runtime_checkable
class ApprovesGates(Protocol):
    """What a pipeline can do besides, where its system has gates that wait for a person."""

    async def approve(self, run: str, gate: str, reason: str) -> None:
        """Let a stage go on whose `gate` waits; accepted, not yet observed."""
        ...


@runtime_checkable
class TellsChanges(Protocol):
    """What a pipeline can do besides, where its system knows what a run builds."""

    async def changes(self, run: str) -> Sequence[RunChange]:
        """Return the changes that a run builds, the newest first."""
        ...


@runtime_checkable
class FindsRuns(Protocol):
    """What a pipeline can do besides, where its runs live on without this program."""

    async def find(self, key: str) -> str | None:
        """Return the run that was started with a key, None where there is none; nothing is started."""
        ...


class Flags(Protocol):
    """A feature flag's state and its kill."""

    async def state(self) -> FlagState:
        """Return the flag as its service says now."""
        ...

    async def set_flag(self, *, on: bool, percent: int, key: str) -> None:
        """Ask for an absolute state; accepted, not yet in effect."""
        ...


class Undo(Protocol):
    """One system that the way back puts right: code, a migration, a cache, something external, a reconciler."""

    async def look(self) -> UndoState:
        """Return whether it is done, as the system says now."""
        ...

    async def run(self, key: str) -> None:
        """Do it; accepted, not yet observed. Doing it twice does no harm, and `key` goes along where the system takes one."""
        ...


class Alerts(Protocol):
    """The alerts that concern a target, and the silence of those that a rollout is expected to raise."""

    async def alerts(self) -> AlertsNow:
        """Return what fires now, silenced or not."""
        ...

    async def silence(self, wanted: SilenceWanted) -> Silence:
        """Silence alerts, or let the silence with the same comment last longer; it ends by itself when nobody ends it."""
        ...

    async def end_silence(self, id_: str) -> None:
        """End a silence now; one that is over, or is not known any more, is ended."""
        ...


class Schema(Protocol):
    """The schema of a target's database; nothing here changes it.

    Both methods raise Unreachable, Refused, Malformed or SecretsUnavailable; `state` also WrongSystem for another database than before.
    """

    async def identity(self) -> Identity:
        """Return which database answers now."""
        ...

    async def state(self) -> SchemaState:
        """Return which migrations are applied, how full the declared columns are, and who holds locks, as the database says now."""
        ...


@dataclass(frozen=True, slots=True)
class Connections:
    """The providers of one target, put together by `console.app`. `close` must be awaited when the target is let go."""

    router: TrafficRouter
    workloads: Workloads
    metrics: MetricSource | None = None
    pipeline: Pipeline | None = None
    flags: Flags | None = None
    undo: Mapping[str, Undo] = field(default_factory=dict)
    """Declared steps of the way back by name; `snapshot NAME`, `ready NAME`, `pause NAME` and `resume NAME` stand for the other checks, and
    `migrate NAME` for a migration on its way forward."""
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)
    """Who is told, by the names of the file's channels. They are closed apart from the rest: what waits to be told outlives a target."""
    closers: tuple["Closer", ...] = ()
    ahead_s: Callable[[], float | None] = lambda: None
    """Returns how far the clock of these systems is ahead of this computer's, in seconds; None where none of them told the time."""
    alerts: Alerts | None = None
    schema: Schema | None = None
    work: RunsWorkloads | None = None
    """What runs, for a person who looks closely or acts on one of it; None where its system has no such thing."""

    async def close(self) -> None:
        """Let go of all connections."""
        for closer in self.closers:
            await closer.aclose()


class Closer(Protocol):
    """Something that holds connections open."""

    async def aclose(self) -> None:
        """Let go of them."""
        ...
