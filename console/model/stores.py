"""The ports to our own records; every call is one transaction in the store's writer thread, awaited from the engine's loop."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from console.model.audit import Anchor, AuditFilter, Entry, ExportHead, Record, SignedHead, VerifyReport
from console.model.commands import Decision
from console.model.freeze import FreezeWindow, StopTheLine
from console.model.plan import Plan
from console.model.readiness import Rehearsal
from console.model.rollout import Actor, GateSample, Intent, Lease, Outcome, Phase, Rollout, StepRow
from console.model.train import Train, TrainPhase, TrainPlan
from console.model.views import QuarantineView


@dataclass(frozen=True, slots=True)
class Authority:
    """What the store knows that may forbid a move, read in the same transaction that records the intent."""

    windows: tuple[FreezeWindow, ...]
    stops: tuple[StopTheLine, ...]
    lease: Lease | None
    now: datetime


Guard = Callable[[Authority], Decision]
"""Asked inside the transaction of a forward intent; a refusal rolls it back and is recorded as a refusal."""


@dataclass(frozen=True, slots=True)
class WheelSeen:
    """A wheel as the store has it: the last lease, run out or not, None where it was let go or taken away; `now` by the store's clock."""

    lease: Lease | None
    now: datetime

    @property
    def live(self) -> Lease | None:
        """Return the lease while it holds."""
        return self.lease if self.lease is not None and self.now < self.lease.expires_at else None

    @property
    def silent_s(self) -> float:
        """Return how long ago the holder renewed it last, in seconds; 0 where there is no holder."""
        return 0.0 if self.lease is None else (self.now - self.lease.renewed_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Handover:
    """How a wheel was let go last: with what note, for which console or person ("" for whoever takes it), by whom, when."""

    by: Actor
    at: datetime
    note: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True)
class ConsoleSeen:
    """A process that can act: who runs it, which version, `kind` desktop, cli or agent; `seen_at` by the store's clock."""

    console: str
    person: str
    version: str
    kind: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class RolloutChange:
    """What changes in a rollout's row; None leaves a field as it is. `clear_auto_back` empties `auto_back_at`."""

    phase: Phase | None = None
    stage: int | None = None
    stage_since: datetime | None = None
    asked_weight: int | None = None
    note: str | None = None
    auto_back_at: datetime | None = None
    clear_auto_back: bool = False
    raise_token: bool = False
    ended_at: datetime | None = None
    history: dict[str, tuple[int, int]] | None = None


@dataclass(frozen=True, slots=True)
class TargetRow:
    """What the console remembers of a target beside its file.

    `trusted_digest` is the file hash for which a person allowed its commands. `fingerprint` pins the router (I11); "" is not yet pinned.
    `stable` is which side is stable, "" before it was first read. `practice` marks what the practice shop made. `environment` is that of
    its file as it was read last: a team gives rights by it.
    """

    name: str
    path: str
    armed: bool = False
    trusted_digest: str = ""
    fingerprint: str = ""
    stable: str = ""
    practice: bool = False
    environment: str = ""


@dataclass(frozen=True, slots=True)
class TargetChange:
    """What changes in a target's row; None leaves a field as it is. `first` sets only what was never set, for what is read by itself."""

    armed: bool | None = None
    trusted_digest: str | None = None
    fingerprint: str | None = None
    stable: str | None = None
    environment: str | None = None
    first: bool = False


class Journal(Protocol):
    """Rollouts and their steps. Raises StaleWrite, NotAllowed, CannotRecord."""

    async def open(self, plan: Plan, actor: Actor, reason: str, at: datetime) -> Rollout:
        """Record a plan and open a rollout for it in phase PLANNED, with a new id such as `R-12`.

        Raises NotAllowed when a forward plan finds another rollout of the same target that is not over.
        """
        ...

    async def rollout(self, rollout_id: str) -> Rollout:
        """Return a rollout as it stands now. Raises BadFile when there is none of that id."""
        ...

    async def rollouts(self, *, live: bool, target: str = "", limit: int = 100) -> Sequence[Rollout]:
        """Return rollouts, newest first; `live` leaves out those that are over."""
        ...

    async def change(self, rollout: Rollout, change: RolloutChange, entry: Entry) -> Rollout:
        """Change a rollout by compare-and-set on its revision, with an audit record in the same transaction. Raises StaleWrite."""
        ...

    async def send(self, intent: Intent, guard: Guard | None) -> StepRow:
        """Commit an intent: token check and guard for forward steps, audit record, step = sent. Durable when it returns.

        A backward intent that the database cannot take goes to the emergency journal (`recorded` says so); if even that fails the row
        comes back with `recorded` = "not recorded" and the caller goes on. Sending an id that was sent before raises StaleWrite.
        """
        ...

    async def settle(self, row: StepRow, outcome: Outcome) -> StepRow:
        """Commit what became of a step, with its audit record. A settled UNKNOWN may be settled again, a settled step may not."""
        ...

    async def steps(self, rollout_id: str) -> Sequence[StepRow]:
        """Return the steps of a rollout that were ever sent, in order of sending."""
        ...

    async def unsettled(self) -> Sequence[StepRow]:
        """Return every step that was sent and is not confirmed or failed: what a crash left behind."""
        ...


@dataclass(frozen=True, slots=True)
class TrainChange:
    """What changes in a train's row; None leaves a field as it is."""

    phase: TrainPhase | None = None
    note: str | None = None
    driver: Actor | None = None
    held: tuple[str, ...] | None = None
    plans: Mapping[str, Plan] | None = None
    ended_at: datetime | None = None


class Trains(Protocol):
    """Releases of several targets. Each change is an audit record under the train's id, in the same transaction."""

    async def open(self, plan: TrainPlan, plans: Mapping[str, Plan], actor: Actor, reason: str, at: datetime) -> Train:
        """Record a train with its members' plans, running, as `T-1`, `T-2`, …; its driver is the actor.

        Raises NotAllowed while another train that is not over has one of its targets.
        """
        ...

    async def train(self, train_id: str) -> Train:
        """Return a train as it stands now. Raises BadFile when there is none of that id."""
        ...

    async def trains(self, *, live: bool, limit: int = 50) -> Sequence[Train]:
        """Return trains, newest first; `live` leaves out those that are over."""
        ...

    async def change(self, train: Train, change: TrainChange, entry: Entry) -> Train:
        """Change a train by compare-and-set on its revision. Raises StaleWrite, NotAllowed when it would go forward after its end (I4)."""
        ...

    async def board(self, train: Train, target: str, actor: Actor, reason: str, at: datetime) -> tuple[Train, Rollout]:
        """Open the rollout of a member by its approved plan and note it in the train, both or neither, by compare-and-set.

        Raises StaleWrite when somebody was first, NotAllowed unless the train runs and the member has not started.
        """
        ...


class Wheel(Protocol):
    """The lease on a rollout."""

    async def take(self, rollout_id: str, holder: Actor, ttl_s: float, reason: str = "", quiet_s: float = 0.0) -> Lease:
        """Take a free or expired wheel with the next token. Raises NotAllowed when somebody else holds it.

        One that another console left without letting it go is free `quiet_s` seconds after its last renewal at the earliest.
        The token is the rollout's from now on, and its revision is raised: read the rollout again before the next change or step.
        """
        ...

    async def renew(self, lease: Lease, ttl_s: float) -> Lease:
        """Renew a lease. Raises NotAllowed when its token is over."""
        ...

    async def release(self, lease: Lease, note: str = "", to: str = "") -> None:
        """Let the wheel go, with a note to the next holder; `to` names a console or a person, "" leaves it to whoever takes it."""
        ...

    async def show(self, rollout_id: str) -> Lease | None:
        """Return who holds the wheel now, None when nobody does."""
        ...

    async def seen(self, rollout_id: str) -> WheelSeen:
        """Return the wheel as it stands, with the store's time."""
        ...


class Consoles(Protocol):
    """Which processes are alive, so that people can see who else can act."""

    async def here(self, console: ConsoleSeen) -> datetime:
        """Say that a process is alive, and return the store's time; `seen_at` of the argument is not used."""
        ...

    async def gone(self, console: str) -> None:
        """Say that a process ends."""
        ...

    async def alive(self, within_s: float) -> Sequence[ConsoleSeen]:
        """Return those that were seen within the last seconds, by the store's clock, in the order of their names."""
        ...


class AuditLog(Protocol):
    """The chained records."""

    async def append(self, entry: Entry) -> Record:
        """Append a record, durable when it returns."""
        ...

    async def head(self) -> int:
        """Return the number of the newest record, 0 where there is none: while it stays, nothing that is recorded has changed."""
        ...

    async def page(self, chosen: AuditFilter, before: int | None, limit: int) -> Sequence[Record]:
        """Return records newest first, with seq under `before` (keyset paging)."""
        ...

    async def verify(
        self, progress: Callable[[int, int], bool] | None = None, anchors: Sequence[Anchor] = (), *, signatures: bool = True
    ) -> VerifyReport:
        """Check every record; `progress(done, size)` returning False cancels."""
        ...

    async def export_head(self, chosen: AuditFilter) -> ExportHead:
        """Return what an export begins with."""
        ...

    def parts(self, chosen: AuditFilter, head: ExportHead) -> Iterator[Record | SignedHead]:
        """Yield what an export holds, for a thread that may wait; few records are in memory at a time."""
        ...

    async def anchor(self, start: int) -> Anchor:
        """Return what to keep outside of these records: a checkpoint of now, with the digests of the records after `start`."""
        ...

    async def consistency(self, before: int) -> Mapping[str, Any]:
        """Return the proof that the log only grew since the first checkpoint over `before` records; empty where nothing is signed."""
        ...

    async def pin(self, anchor: Anchor, actor: Actor, at: datetime) -> None:
        """Keep a checkpoint of another console's log here, on record. Raises ValueError when it is none."""
        ...

    async def pins(self, log_id: str) -> Sequence[Anchor]:
        """Return the checkpoints of a log that were pinned here."""
        ...

    def cannot_sign(self, *, practice: bool) -> str:
        """Return in words why a forward move cannot be recorded with a signature; "" when it can, or needs none."""
        ...

    async def may_sign(self) -> None:
        """Return once it is known whether forward moves can be signed: a key that is being loaded is waited for, at most 20 s."""
        ...

    async def begin_signing(self, *, wait: bool = True) -> str:
        """Load the person's key, or make one; returns why not, "" when records are signed from now on."""
        ...

    async def all(self, chosen: AuditFilter) -> Sequence[Record]:
        """Return all records that fit, oldest first, for an export."""
        ...


class Freezes(Protocol):
    """Freeze windows made in the console, and the stop-the-line. Each change is an audit record in the same transaction."""

    async def windows(self) -> Sequence[FreezeWindow]:
        """Return the windows that were added and not removed."""
        ...

    async def add(self, window: FreezeWindow, actor: Actor, at: datetime) -> None:
        """Add a window."""
        ...

    async def remove(self, window_id: str, actor: Actor, reason: str, at: datetime) -> None:
        """Remove a window."""
        ...

    async def stops(self) -> Sequence[StopTheLine]:
        """Return the stops that were made and not lifted (those past `until` included; the policy knows the time)."""
        ...

    async def stop(self, stop: StopTheLine, actor: Actor) -> None:
        """Stop the line."""
        ...

    async def lift(self, actor: Actor, reason: str, at: datetime) -> None:
        """Lift every stop."""
        ...


class TargetBook(Protocol):
    """What the console remembers of its targets. Each change is an audit record in the same transaction."""

    async def rows(self) -> Sequence[TargetRow]:
        """Return all targets by name."""
        ...

    async def put(self, row: TargetRow, actor: Actor, verb: str, at: datetime) -> None:
        """Add or replace a target's row."""
        ...

    async def amend(self, name: str, change: TargetChange, actor: Actor, verb: str, at: datetime) -> TargetRow:
        """Change single fields of a target's row and return the row as it then stands, whatever else was changed meanwhile.

        Raises NotAllowed when the target is not known any more.
        """
        ...

    async def drop(self, name: str, actor: Actor, at: datetime) -> None:
        """Forget a target (its history stays)."""
        ...


class Samples(Protocol):
    """Counts that the judge has seen, to rebuild it after a restart."""

    async def add(self, samples: Sequence[GateSample]) -> None:
        """Store increments."""
        ...

    async def of(self, rollout_id: str, since: datetime | None = None) -> Sequence[GateSample]:
        """Return a rollout's increments in order of time; with `since` only those after that instant."""
        ...

    async def prune(self, ended_before: datetime) -> int:
        """Forget the increments of rollouts that ended before an instant, and return how many."""
        ...


class Ways(Protocol):
    """What is remembered of ways back: quarantined versions and rehearsals. Each change is an audit record in the same transaction."""

    async def quarantines(self, target: str) -> Sequence[QuarantineView]:
        """Return a target's quarantined versions, oldest first: those not lifted, and those for which something is still paused."""
        ...

    async def quarantine(self, target: str, row: QuarantineView, actor: Actor, at: datetime) -> None:
        """Quarantine a version for a rollout; the same rollout and version again only updates what is paused.

        What the records do not take waits on this computer, and is merged later. Raises CannotRecord when even that fails, NotAllowed.
        """
        ...

    async def lift(self, target: str, version: str, actor: Actor, reason: str, at: datetime) -> bool:
        """Let a version go forward again; False when it was not quarantined."""
        ...

    async def resumed(self, target: str, actor: Actor, reason: str, at: datetime) -> None:
        """Note that nothing of a target is paused any more."""
        ...

    async def rehearsals(self, target: str, limit: int = 20) -> Sequence[Rehearsal]:
        """Return a target's rehearsals, newest first."""
        ...

    async def rehearsed(self, target: str, rehearsal: Rehearsal, actor: Actor, reason: str) -> None:
        """Keep what a rehearsal measured."""
        ...


class Personal(Protocol):
    """Ids of affected customers, kept apart from the records and for a limited time."""

    async def note(self, rollout: str, ids: Sequence[str], days: int, actor: Actor, at: datetime) -> int:
        """Keep ids for some days, with a record of their keyed hashes; returns how many are new. Raises NotAllowed."""
        ...

    async def of(self, rollout: str, now: datetime) -> Sequence[str]:
        """Return the ids whose time is not over."""
        ...

    async def forget(self, rollout: str, actor: Actor, reason: str, at: datetime) -> int:
        """Delete a rollout's ids now, on record; returns how many there were."""
        ...

    async def purge(self, now: datetime) -> int:
        """Delete every id whose time is over; returns how many."""
        ...


class Settings(Protocol):
    """A person's settings, as text by key."""

    async def get(self, key: str, default: str) -> str:
        """Return a setting."""
        ...

    async def put(self, key: str, value: str) -> None:
        """Store a setting."""
        ...


class Store(Protocol):
    """Everything that is kept."""

    @property
    def person(self) -> str:
        """Under which login a team's database writes all records; "" where whoever acts names themselves."""
        ...

    @property
    def journal(self) -> Journal:
        """Rollouts and steps."""
        ...

    @property
    def trains(self) -> Trains:
        """Releases of several targets."""
        ...

    @property
    def wheel(self) -> Wheel:
        """Leases."""
        ...

    @property
    def consoles(self) -> Consoles:
        """Processes that are alive."""
        ...

    @property
    def audit(self) -> AuditLog:
        """Records."""
        ...

    @property
    def freezes(self) -> Freezes:
        """Windows and stops."""
        ...

    @property
    def targets(self) -> TargetBook:
        """Targets."""
        ...

    @property
    def samples(self) -> Samples:
        """The judge's counts."""
        ...

    @property
    def ways(self) -> Ways:
        """Quarantined versions and rehearsals."""
        ...

    @property
    def personal(self) -> Personal:
        """Personal data."""
        ...

    @property
    def settings(self) -> Settings:
        """Settings."""
        ...

    async def ready(self) -> None:
        """Return at once while records can be written; when the last write failed, try again. Raises CannotRecord when it fails too."""
        ...

    async def version(self) -> int:
        """Return a number that changes whenever any process changed the records, cheap enough to ask twice a second."""
        ...

    async def changed(self) -> None:
        """Return when another console changed the records; for ever waiting where the store cannot tell, so ask `version` beside it."""
        ...

    async def close(self) -> None:
        """Finish what is written and close."""
        ...
