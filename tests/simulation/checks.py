"""The invariants as predicates over the records, the systems' own log of effects, and what the screens show."""

import itertools
import json
import logging
from dataclasses import dataclass, field
from typing import Any

from simulation.disk import Disk
from simulation.site import BLUE, GREEN, Effect, Site
from simulation.virtual import START, Crash

from console.engine.watch import MOST_S
from console.model.clock import from_iso
from console.model.views import Update

GRACE_S = 12.0
"""A holder that lost the wheel knows it when its next renewal fails, or after nine seconds without one; so long may a step take."""

NOTICED_S = 1.25 * MOST_S + 5.0
"""Another system at the router's address is noticed by the next reading of who answers, at most a back-off and an answer later."""


POLLS_S = 10.0
"""Two polls of the metrics."""

UNDER_WAY_S = 60.0
"""For so long nobody but the console that sends a step says what became of it, unless that console is known to be gone."""


class Violation(AssertionError):
    """An invariant does not hold."""


@dataclass
class Known:
    """What the checks remember between two looks."""

    settled: dict[str, str] = field(default_factory=dict)
    closed: dict[str, float] = field(default_factory=dict)
    holder: dict[str, tuple[str, float]] = field(default_factory=dict)
    asked: dict[tuple[str, str], float] = field(default_factory=dict)
    """When a person last asked a console to go on with a rollout."""
    frozen: list[list[float]] = field(default_factory=list)
    """Spans in which a freeze was recorded and not lifted."""
    trouble_until: float = -1.0
    unreadable_until: float = -1.0
    """Until when the router could not be asked, for all we know, who it is."""
    confirmed_other: float = -1.0
    """When a person was last asked about another system at the router's address."""
    audited: int = 0
    over: dict[str, int] = field(default_factory=dict)


class Checks:
    """Told of each effect before it happens, of each picture, and asked now and then to look at everything."""

    def __init__(self, site: Site, disk: Disk) -> None:
        self.site, self.disk, self.known = site, disk, Known()
        self.problems: list[str] = []
        self.looks = 0
        site.watchers.append(self.effect)

    def wrong(self, what: str) -> None:
        """Keep a violation; the run ends with it."""
        self.problems.append(f"{self.site.clock.passed():.1f} s: {what}")

    def effect(self, effect: Effect) -> None:
        """Check a change that is about to be sent."""
        found = self.disk.rows("SELECT state, sent_at, step, rollout FROM steps WHERE id = ?", effect.key)
        if not found:
            self._unrecorded(effect)
            return
        state, sent_at, step, rollout = found[0]
        if state != "sent" and (not effect.backward or effect.asked_s - _passed(sent_at) < UNDER_WAY_S):
            self.wrong(f"I2: {effect.key} is sent although it is {state}")
        if effect.backward:
            self._backward(effect)
        else:
            self._forward(effect, rollout, _passed(sent_at), json.loads(step))

    def _unrecorded(self, effect: Effect) -> None:
        kept = effect.key.encode() in (self.disk.folder / "emergency.journal").read_bytes() if self._emergency_there() else False
        if kept and effect.backward:
            return
        excused = effect.backward and (self.disk.trouble or self.site.clock.passed() - self.known.trouble_until < 10)
        if not excused:
            self.wrong(f"I1: {effect.kind} {effect.want} is sent under {effect.key}, of which there is no intent")

    def _emergency_there(self) -> bool:
        return (self.disk.folder / "emergency.journal").exists()

    def _backward(self, effect: Effect) -> None:
        pinned = self._pinned()
        readable_since = max(self.site.other_since, self.known.unreadable_until)
        noticed = readable_since + NOTICED_S < effect.asked_s and not self.site.wires["router"].fault
        # Somebody who was asked about this one is not asked again when the pinned one was back for so short that no console read it.
        console, read = effect.process.name, self.site.identified
        own = read.get((console, pinned), read.get((console, ""), self.site.other_since))
        asked = self.known.confirmed_other > min(self.site.other_since, own)
        if effect.kind == "weight" and pinned and effect.fingerprint != pinned and noticed and not asked:
            self.wrong(f"I11: {effect.key} goes back at {effect.fingerprint}, pinned is {pinned}, and nobody was asked")

    def _pinned(self) -> str:
        found = self.disk.rows("SELECT fingerprint FROM targets")
        return str(found[0][0]) if found else ""

    def _forward(self, effect: Effect, rollout: str, intent_s: float, step: dict[str, Any]) -> None:
        now, known = effect.asked_s, self.known
        self.look()
        if now - known.closed.get(rollout, now) > GRACE_S:
            self.wrong(f"I4: {effect.key} is sent {now - known.closed[rollout]:.0f} s after forward was over")
        if any(begin < intent_s and (end < 0 or end > now) for begin, end in known.frozen):
            self.wrong(f"freeze: the intent of {effect.key} was recorded in a freeze")
        holder, since = known.holder.get(rollout, ("", now))
        if holder and holder != effect.process.name and now - since > GRACE_S:
            self.wrong(f"I3: {effect.key} is sent by {effect.process.name} while {holder} has had the wheel for {now - since:.0f} s")
        if (effect.process.name, rollout) not in known.asked:
            self.wrong(f"{effect.key} is sent by {effect.process.name} although nobody asked that console to go on")
        if effect.kind == "weight":
            if self._pinned() and effect.fingerprint != self._pinned() and self.site.other_since < intent_s:
                self.wrong(f"I11: {effect.key} goes forward at {effect.fingerprint}, pinned is {self._pinned()}")
            self._raises(effect, rollout, intent_s)
            self._evidence(effect, rollout, step)
        same = self.disk.rows(
            "SELECT id, state, step FROM steps WHERE rollout = ? AND id != ? AND state IN ('sent', 'unknown')", rollout, effect.key
        )
        for other, state, text in same:
            if json.loads(text)["seq"] == step["seq"] and json.loads(text)["direction"] == "forward":
                self.wrong(f"blind resend: {effect.key} is sent while {other} is {state}")

    def _raises(self, effect: Effect, rollout: str, intent_s: float) -> None:
        """A holder never raises by itself what somebody lowered."""
        canary = max((BLUE, GREEN), key=lambda side: effect.want[side] - effect.before[side])
        changes = self.site.changes
        for before, (at, why, weights) in itertools.pairwise(changes):
            lowered = (weights[canary] < before[2][canary] and not why.startswith(f"{rollout}.")) or why.startswith(f"{rollout}.b")
            asked = max((when for (_, which), when in self.known.asked.items() if which == rollout), default=-1.0)
            if lowered and weights[canary] < before[2][canary] and asked < at < intent_s:
                self.wrong(
                    f"{effect.key} raises {canary} to {effect.want[canary]:g} %, which {why} lowered at {at:.0f} s, and nobody asked for it"
                )
                return

    def _evidence(self, effect: Effect, rollout: str, step: dict[str, Any]) -> None:
        """A stage after the first begins only on sessions that were seen in the stage before it (I6)."""
        row = self.disk.rows("SELECT stage, stage_since, plan FROM rollouts WHERE id = ?", rollout)[0]
        stage, since, plan = row[0], row[1], json.loads(row[2])
        final = step["stage"] < 0 and plan["kind"] == "rollout"
        if plan["kind"] != "rollout" or since is None or stage < 0 or not (step["stage"] == stage + 1 or final):
            return
        needed = [counts[stage] for counts in (plan["needed"] or {}).values()]
        last: dict[str, float] = {}
        for at, who, _ in self.site.served:
            if at < _passed(since):
                last[who.name] = at  # a console counts from its own last reading before the stage
        own = last.get(effect.process.name, min(last.values(), default=0.0))
        began = min((at for at in last.values() if _passed(since) - at < POLLS_S), default=own)  # another console may have counted before
        seen = [(at, totals[plan["canary"]]) for at, _, totals in self.site.served if at >= began]
        grown = sum(_resolved(a, b) for (_, a), (_, b) in itertools.pairwise(seen))
        if needed and grown < max(needed):
            self.wrong(f"I6: {effect.key} leaves stage {stage} on {grown} sessions, {max(needed)} were needed")

    def picture(self, update: Update) -> None:
        """Check what a screen is given (I7): a weight is read back only where it was read."""
        for view in update.targets:
            fact = view.weight.read_back
            if fact.at is None or fact.value is None or fact.at not in self.site.read_weights:
                if fact.at is not None and fact.value is not None:
                    self.wrong(f"I7: {view.name} shows {fact.value} % read back at {fact.at}, when nothing was read")
                continue
            if not any(abs(weights[view.canary] - fact.value) < 0.01 for weights in self.site.read_weights[fact.at]):
                self.wrong(f"I7: {view.name} shows {fact.value} % read back at {fact.at}, read was {self.site.read_weights[fact.at]}")

    def look(self) -> None:
        """Check what can be checked at any time: settled steps stay as they are, none is lost, over stays over."""
        self.looks += 1
        now, known = self.site.clock.passed(), self.known
        if self.disk.trouble:
            known.trouble_until = now
        if self.site.wires["router"].fault:
            known.unreadable_until = now
        states = dict(self.disk.rows("SELECT id, state FROM steps"))
        for name, state in known.settled.items():
            if states.get(name) != state:
                self.wrong(f"I2: step {name} was {state} and is {states.get(name, 'gone')}")
        for name in [name for name, state in states.items() if state == "confirmed" and name not in known.settled]:
            self._confirmed(name)
        known.settled = {name: state for name, state in states.items() if state in {"confirmed", "failed"}}
        self._phases(now)
        self._holders(now)

    def _confirmed(self, name: str) -> None:
        """A weight is confirmed only where it was read back as wanted."""
        step, seen = self.disk.rows("SELECT step, seen FROM steps WHERE id = ?", name)[0]
        wanted = json.loads(step)
        if wanted["kind"] != "weight":
            return
        read = json.loads(seen or "{}")
        if any(abs(read.get(side, -1) - weight) > 0.6 for side, weight in wanted["want"].items()):
            self.wrong(f"I2: {name} is confirmed, wanted {wanted['want']}, read back {read}")

    def _phases(self, now: float) -> None:
        known = self.known
        for name, phase, closed, revision in self.disk.rows("SELECT id, phase, closed, revision FROM rollouts"):
            if closed:
                known.closed.setdefault(name, now)
            elif name in known.closed:
                self.wrong(f"I4: {name} was closed and is {phase} again")
            if name in known.over and phase not in {"done", "rolled back", "aborted"}:
                self.wrong(f"I4: {name} was over and is {phase} again")
            if phase in {"done", "rolled back", "aborted"}:
                known.over[name] = revision

    def _holders(self, now: float) -> None:
        known = self.known
        held = dict(self.disk.rows("SELECT rollout, console FROM leases"))
        for name in [name for name in known.holder if name not in held]:
            del known.holder[name]
        for name, console in held.items():
            if known.holder.get(name, ("", 0.0))[0] != console:
                known.holder[name] = (console, now)

    def audit(self) -> None:
        """Check that no forward intent stands behind the record that ended forward (I4), as the audit tells it."""
        closed: set[str] = set()
        for seq, kind, rollout, body in self.disk.rows("SELECT seq, kind, rollout, body FROM audit ORDER BY seq"):
            if kind == "phase":
                entry = json.loads(body)
                if entry.get("result", "") in {"stopped", "aborting", "rollback stopped", "done", "rolled back", "aborted"}:
                    closed.add(rollout)
            elif kind == "intent" and rollout in closed:
                entry = json.loads(body)
                if entry["detail"]["direction"] == "forward":
                    self.wrong(f"I4: record {seq} is a forward intent of {rollout}, in which forward was over")


class Doors(logging.Handler):
    """Counts what an outer door had to catch: a bug of ours."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(logging.ERROR)
        self._checks = checks

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and not isinstance(record.exc_info[1], Crash):
            self._checks.wrong(f"an outer door caught {record.getMessage()}: {record.exc_info[1]!r}")


def _resolved(before: tuple[int, int], now: tuple[int, int]) -> int:
    """Return the sessions between two readings; counters that fell began again, so that all they show is new."""
    if now[0] < before[0] or now[1] < before[1]:
        return sum(now)
    return sum(now) - sum(before)


def _passed(stamp: str) -> float:
    return (from_iso(stamp) - START).total_seconds()
