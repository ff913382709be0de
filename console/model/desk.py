"""What windows and commands can ask of the program: one protocol, so that both are faces of the same thing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from console.model.audit import AnchorPlace, AuditFilter, Record, VerifyReport
from console.model.commands import Answer, Command, Decision
from console.model.document import Part
from console.model.events import Event
from console.model.freeze import FreezeWindow
from console.model.notes import ChannelTried
from console.model.proved import Proved
from console.model.readiness import Readiness
from console.model.team import RecordsView, TeamTried
from console.model.train import TrainPlan
from console.model.views import HandoverCard, SendView, StageView, Update
from console.model.wizard import Wizard
from console.model.workloads import LogAsked, WorkloadsView

Cancel = Callable[[], None]


@dataclass(frozen=True, slots=True)
class FileProblem:
    """One mistake in a file: where it stands, what was found, what is wanted, and the nearest known key where a key is unknown."""

    path: str
    line: int
    field: str
    found: str
    wanted: str
    nearest: str = ""


@dataclass(frozen=True, slots=True)
class DetectRow:
    """What a stage can see; `smallest` is the largest success share (per cent) found with 95 % probability, None if none."""

    weight: int
    wait_s: float
    smallest: float | None
    sentence: str


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan before its start: what is done, what it can and cannot see, and whether it may start now."""

    target: str
    release: str
    plan_hash: str
    stages: tuple[StageView, ...]
    sends: tuple[SendView, ...]
    rollback: tuple[SendView, ...]
    detect: tuple[DetectRow, ...]
    found: str
    """The sentence that says what is found, and in what time."""
    not_seen: str
    """The sentence that says what this plan will not see; "" when nothing was left out."""
    warnings: tuple[str, ...]
    decision: Decision
    total_s: float
    readiness: Readiness | None = None
    no_way_back: str = ""
    """What cannot be taken back, in words: a person signs it at the start. "" where everything can."""


@dataclass(frozen=True, slots=True)
class SecretsState:
    """Whether secrets can be kept; `problem` and `advice` in words when not."""

    usable: bool
    keyring: str
    problem: str = ""
    advice: str = ""


class Desk(Protocol):
    """The engine, the records and the files, seen from a window or a command. All coroutines run on the engine's loop.

    Raises ConsoleError subclasses only; a refused move is not an error but an Answer whose decision says no.
    """

    wizard: Wizard
    """What finds out about systems that no target file names yet."""

    def listen(self, on_update: Callable[[Update], None] | None, on_event: Callable[[Event], None] | None = None) -> Cancel:
        """Call back from the engine's thread with each batch of changes, and with each event; returns what ends it.

        The first call brings everything. Nothing is drawn for who wants events alone.
        """
        ...

    async def look_at(self, target: str) -> None:
        """Tell which target the window is for: among many it is read and drawn whole each time, as those with a rollout under way are.

        Of every other one what changed is told at once too; while only its readings grow older, it is told with their ages alone.
        """
        ...

    async def act(self, command: Command) -> Answer:
        """Ask the policy, and if it allows, do it. Returns as soon as the move is on its way: recorded and handed over."""
        ...

    async def preview(self, command: Command) -> tuple[Decision, tuple[SendView, ...]]:
        """Return whether a command may run now, and what it would send."""
        ...

    async def move_step(self, rollout: str, seq: int, move: str, reason: str) -> None:
        """Do what a person chose for a stopped row of a way back: retry, skip (with a reason), sign (a manual step), or stop."""
        ...

    async def rehearse(self, target: str, reason: str) -> Answer:
        """Run the way back for practice and measure it. Refused where the target is not marked for it."""
        ...

    async def lift_quarantine(self, target: str, version: str, reason: str) -> None:
        """Let a version go forward again."""
        ...

    async def resume_reconcilers(self, target: str, reason: str) -> Answer:
        """Let what was paused by a rollback run again; a forward move."""
        ...

    async def cancel_pipeline(self, rollout: str, reason: str) -> None:
        """Stop the run of the pipeline that is on its way; the rollout then stands held."""
        ...

    async def approve_gate(self, rollout: str, gate: str, reason: str) -> None:
        """Let the pipeline's stage go on that waits at a gate; a forward move. Raises NotAllowed where it may not."""
        ...

    async def workloads(self, target: str) -> WorkloadsView:
        """Return what runs on a target, read now, and what may be done with each workload. Raises RemoteError, NotAllowed."""
        ...

    async def pod_log(self, target: str, asked: LogAsked, told: Callable[[tuple[str, ...]], bool]) -> None:
        """Tell the lines of a container's log in batches, until it ends. Raises RemoteError, NotAllowed.

        `told` is called off the Qt thread, at least once a second, and ends it by returning False.
        """
        ...

    async def start_train(self, plan: TrainPlan, reason: str) -> Answer:
        """Start several services as one release, each after those it waits for; the answer's `rollout` is the train's id."""
        ...

    async def hold_train(self, train: str, reason: str) -> Answer:
        """Start nothing more of a train, and hold every member that runs."""
        ...

    async def resume_train(self, train: str, reason: str) -> Answer:
        """Let a held train go on from here; the answer's `detail` names members that were refused."""
        ...

    async def roll_back_train(self, train: str, reason: str) -> Answer:
        """Take back every member that started, last first; one that cannot go back holds up none of the others."""
        ...

    async def handover_card(self, rollout: str) -> HandoverCard:
        """Return what a new driver has to know, with the target read back now."""
        ...

    async def take_wheel(self, rollout: str, reason: str) -> Answer:
        """Take the wheel of a rollout whose driver is gone, or that nobody drives; this console then drives it, held until resumed.

        Returns when the wheel is here, which takes up to 20 s after a driver was lost, or with a decision that says no.
        """
        ...

    async def hand_over(self, rollout: str, note: str, to: str) -> Answer:
        """Let the wheel go with a note, to one console or person, or ("") to whoever takes it."""
        ...

    async def seen_absence(self, rollout: str) -> None:
        """Say that the person has read that this console was away."""
        ...

    async def plan(self, target: str, release: str) -> PlanView:
        """Make the plan for a release on a target. Reads the sides' versions first."""
        ...

    async def check_file(self, path: Path) -> Sequence[FileProblem]:
        """Check a target file and return every mistake in it."""
        ...

    async def add_target(self, path: Path) -> str:
        """Take a target file in, observe-only and untrusted, and return the target's name. Raises BadFile with all mistakes."""
        ...

    async def arm(self, target: str, *, armed: bool, reason: str) -> None:
        """Let the console write to a target, or make it observe-only again."""
        ...

    async def test_channels(self, target: str, channel: str = "") -> tuple[ChannelTried, ...]:
        """Send a marked test note through a target's channels, or through one, and return what became of each. Raises NotAllowed."""
        ...

    async def trust(self, target: str) -> None:
        """Allow the commands that the target's file declares, as it stands now."""
        ...

    async def drop_target(self, target: str) -> None:
        """Forget a target; its history stays. Raises NotAllowed while a rollout runs on it."""
        ...

    async def add_freeze(self, window: FreezeWindow) -> None:
        """Add a freeze window."""
        ...

    async def remove_freeze(self, window_id: str, reason: str) -> None:
        """Remove a freeze window that was made in the console."""
        ...

    async def stop_the_line(self, reason: str, until: datetime | None, targets: tuple[str, ...]) -> None:
        """Stop every forward move."""
        ...

    async def lift_the_line(self, reason: str) -> None:
        """Lift the stop."""
        ...

    async def audit_page(self, chosen: AuditFilter, before: int | None, limit: int) -> Sequence[Record]:
        """Return audit records, newest first."""
        ...

    async def audit_verify(self, progress: Callable[[int, int], bool] | None = None) -> VerifyReport:
        """Check the whole chain, also against the anchors of each place outside that can be read.

        `progress(done, size)` is called off the Qt thread and cancels by returning False.
        """
        ...

    async def audit_anchors(self) -> Sequence[AnchorPlace]:
        """Return where anchors are kept outside of the records, and what each place holds now."""
        ...

    async def audit_anchor(self, path: Path, *, git: bool = False) -> AnchorPlace:
        """Keep an anchor in a file, or with `git` in a folder's repository, and remember the place. Raises BadFile."""
        ...

    async def audit_forget_anchor(self, path: str) -> None:
        """Hold the records against a place no longer; that is on record."""
        ...

    async def audit_proof(self, record: Record) -> Proved:
        """Return what can be proved of a record now: its signature, and its place in the newest checkpoint."""
        ...

    async def audit_export(self, path: Path, chosen: AuditFilter, form: str = "jsonl") -> int:
        """Write records as JSON Lines that can be verified, as CSV (`csv`) or as a page (`html`), and return how many."""
        ...

    async def audit_bundle(self, rollout: str, path: Path) -> int:
        """Write the evidence of a rollout as one file, and return how many records it holds."""
        ...

    async def audit_report(self, rollout: str) -> Sequence[Part]:
        """Return the evidence of a rollout as a document."""
        ...

    async def records(self) -> RecordsView:
        """Return where the records are kept, and who shares them."""
        ...

    async def team_try(self, address: str, password: str) -> TeamTried:
        """Connect to a team's database and say what it is; "" leaves the password to libpq. Raises StoreError, BadFile."""
        ...

    async def team_use(self, address: str, password: str) -> None:
        """Keep records in a team's database from the next start on, its password in the keyring. Raises StoreError, SecretsUnavailable."""
        ...

    async def team_move(self, reason: str, progress: Callable[[int, int], bool] | None = None) -> str:
        """Move the history of one's own folder into the team's records, and return in words what is there now.

        `progress(done, of)` is called off the Qt thread and stops it by returning False. Raises NotAllowed, GateFailed.
        """
        ...

    async def team_leave(self) -> None:
        """Keep records in one's own folder again, from the next start on."""
        ...

    async def setting(self, key: str, default: str) -> str:
        """Return a setting."""
        ...

    async def set_setting(self, key: str, value: str) -> None:
        """Store a setting."""
        ...

    async def secrets(self) -> SecretsState:
        """Tell whether there is a usable keyring."""
        ...

    async def put_secret(self, name: str, value: str) -> None:
        """Store a secret in the keyring. Raises SecretsUnavailable."""
        ...

    async def open_practice(self, scenario: str, speed: float, *, start: bool, progress: Callable[[str], None] | None = None) -> str:
        """Start the practice shop, take its target in armed and trusted, and return the target's name; `start` also starts its rollout.

        `progress` is told each step in words, off the Qt thread.
        """
        ...

    async def close_practice(self) -> None:
        """Stop the practice shop's processes."""
        ...
