"""What runs on a target in words of its own system: workloads with their revisions, pods, events, analysis runs, and pods' logs."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from console.model.commands import Decision
from console.model.systems import Side
from console.model.verbs import Verb


@dataclass(frozen=True, slots=True)
class Revision:
    """A pod template that a workload runs, or ran and still keeps: `template` is its digest, `name` that of its ReplicaSet."""

    number: int
    name: str
    template: str
    version: str
    made_at: datetime | None = None
    current: bool = False


@dataclass(frozen=True, slots=True)
class WorkloadState:
    """One workload as its configuration says now.

    `values` has what a verb may want: `uid`, `paused`, `template` (a digest), `restarted_at`, `aborted`, and `image NAME` of containers.
    `changed` says who changed it last and when, in words.
    """

    values: Mapping[str, Any]
    at: datetime
    changed: str = ""


@dataclass(frozen=True, slots=True)
class WorkloadNow:
    """A workload with what can be done with it: `verbs` are those that its kind knows, each with why our account may not, "" when it may.

    `kind` is Deployment or Rollout. `problem` says why it is not healthy, or what it is doing, "" when all is well.
    """

    name: str
    kind: str
    sides: tuple[Side, ...]
    version: str
    state: WorkloadState
    replicas: str
    revisions: tuple[Revision, ...] = ()
    verbs: Mapping[Verb, str] = field(default_factory=dict)
    problem: str = ""

    @property
    def containers(self) -> tuple[str, ...]:
        """Return the names of its containers."""
        return tuple(key.removeprefix("image ") for key in self.state.values if key.startswith("image "))

    @property
    def current(self) -> Revision | None:
        """Return the revision that it runs, None where it is not known."""
        return next((each for each in self.revisions if each.current), None)

    @property
    def previous(self) -> Revision | None:
        """Return the revision before the one that it runs, None where none is kept."""
        older = [each for each in self.revisions if not each.current]
        return max(older, key=lambda each: each.number, default=None)


@dataclass(frozen=True, slots=True)
class PodNow:
    """A pod: `problem` says why it is not ready, "" when it is. `containers` are those whose log can be read."""

    name: str
    workload: str
    problem: str
    restarts: int
    containers: tuple[str, ...] = ()
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClusterEvent:
    """What happened to an object, as the cluster tells; `count` times, the last at `at`."""

    about: str
    reason: str
    text: str
    warning: bool
    count: int = 1
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AnalysisNow:
    """An analysis run of an Argo Rollout: `phase` as it says itself; `metrics` one line each."""

    name: str
    phase: str
    message: str = ""
    metrics: tuple[str, ...] = ()
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WorkloadsNow:
    """Everything that is known of what runs on a target; `notes` say what could not be read, and why."""

    at: datetime
    workloads: tuple[WorkloadNow, ...]
    pods: tuple[PodNow, ...] = ()
    events: tuple[ClusterEvent, ...] = ()
    analyses: tuple[AnalysisNow, ...] = ()
    notes: tuple[str, ...] = ()

    def named(self, name: str) -> WorkloadNow | None:
        """Return a workload by name."""
        return next((each for each in self.workloads if each.name == name), None)


@dataclass(frozen=True, slots=True)
class WorkloadMove:
    """Whether a verb may act on a workload now."""

    workload: str
    verb: Verb
    decision: Decision


@dataclass(frozen=True, slots=True)
class WorkloadsView:
    """What runs on a target, and which verbs may act on it now."""

    target: str
    now: WorkloadsNow
    moves: tuple[WorkloadMove, ...] = ()

    def decision(self, workload: str, verb: Verb) -> Decision | None:
        """Return whether a verb may act; None where the workload does not know it."""
        return next((each.decision for each in self.moves if (each.workload, each.verb) == (workload, verb)), None)


@dataclass(frozen=True, slots=True)
class LogAsked:
    """Which log is wanted: the last `lines` of a container, of the one before its last restart with `previous`.

    `follow` goes on with what is printed, until the container ends. An empty `container` is the first one.
    """

    pod: str
    container: str = ""
    previous: bool = False
    follow: bool = False
    lines: int = 200


class RunsWorkloads(Protocol):
    """Deployments and the like, looked at closely and acted on. Raises RemoteError and OutcomeUnknown, as the other ports do."""

    async def look(self) -> WorkloadsNow:
        """Return everything at once; what our account may not read is left out and noted."""
        ...

    async def state(self, name: str) -> WorkloadState:
        """Return one workload's configuration as it is now."""
        ...

    async def change(self, name: str, verb: Verb, want: Mapping[str, Any], *, backward: bool) -> None:
        """Ask for an absolute state; accepted, not yet observed.

        What somebody else changed since this task read it is a conflict: Refused with status 409, saying who, when and what.
        """
        ...

    def log(self, asked: LogAsked) -> AsyncIterator[str]:
        """Yield the lines of a container's log, cleaned; what is longer than the bounds is cut, and said so in a last line."""
        ...
