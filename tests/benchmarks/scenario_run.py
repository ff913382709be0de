"""Lives through a practice scenario without a window and prints its timeline: stages, verdicts, customers hit, requests sent and failed.

Run as `python tests/benchmarks/scenario_run.py silent-payment --speed 20`; exits 1 when the scenario did not go as it should.
"""

# ruff: noqa: E402 - the project must be on the path before what is in it is imported

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2])]

from console.app import Console, opened
from console.model.commands import Command
from console.model.events import Event, PhaseChanged, StageEntered, StageJudged, StepSettled
from console.model.rollout import Phase
from console.model.verbs import Verb, Verdict
from console.model.views import RolloutView, Update

ENDS = frozenset({Phase.DONE, Phase.ROLLED_BACK, Phase.ABORTED})
MOST_S = 3600.0


@dataclass
class Journal:
    """What happened, as it is told; `roll_back_after_s` is how long a person takes to click after a stop."""

    speed: float
    roll_back_after_s: float
    begun: float = field(default_factory=time.monotonic)
    rollout: RolloutView | None = None
    passes: dict[int, set[str]] = field(default_factory=dict)
    stages: list[int] = field(default_factory=list)
    alarms: dict[str, int] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    countdown: bool = False
    marks: dict[str, float] = field(default_factory=dict)
    hit: dict[str, int] = field(default_factory=dict)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def mark(self, name: str) -> None:
        self.marks.setdefault(name, time.monotonic() - self.begun)
        if self.rollout is not None and self.rollout.loss is not None:
            self.hit.setdefault(name, self.rollout.loss.customers_hit)

    def say(self, text: str) -> None:
        real_s = time.monotonic() - self.begun
        print(f"{real_s:7.1f} s  {real_s * self.speed / 60:6.1f} min of shop time  {text}", flush=True)

    def on_update(self, update: Update) -> None:
        for view in update.rollouts:
            self.rollout = view
            self.countdown = self.countdown or view.auto_act is not None
            for gate in view.gates:
                weight = int(view.weight.read_back.value or 0)
                if gate.alarm and gate.name not in self.alarms:
                    self.alarms[gate.name] = weight
                    self.say(f"alarm at {weight} %, {gate.name}: {gate.alarm}")

    def on_event(self, event: Event) -> None:
        match event:
            case StageEntered(stage=stage, weight=weight):
                self.stages.append(weight)
                self.passes[stage] = set()
                self.mark(f"stage {stage + 1}")
                self.say(f"stage {stage + 1}: {weight} % read back")
            case StageJudged(stage=stage, gate=gate, verdict=verdict, sentence=sentence):
                if verdict is Verdict.PASS:
                    self.passes.setdefault(stage, set()).add(gate)
                self.say(f"stage {stage + 1}, {gate}: {verdict.value}. {sentence}")
            case StepSettled(row=row):
                self.say(f"{row.step.verb.value} {row.step.system} {dict(row.step.want)}: {row.state.value}")
                if row.step.verb is Verb.ROLLBACK and row.state.value == "confirmed":
                    self.mark("read back at 0 %")
            case PhaseChanged(phase=phase, note=note):
                self.say(f"{phase.value}. {note}")
                if phase is Phase.STOPPED:
                    self.stopped.append(note)
                    self.mark("verdict")
                    self.stop.set()
                if phase in ENDS:
                    self.mark("ended")
                    self.ended.set()


async def back(console: Console, target: str, journal: Journal) -> None:
    """Roll back a while after a stop, as a person would; a stop without a countdown would stand for ever."""
    await journal.stop.wait()
    await asyncio.sleep(journal.roll_back_after_s)
    journal.say(
        f"{journal.roll_back_after_s:g} s after the stop, {journal.rollout.weight.read_back.value if journal.rollout else None} % read back"
    )
    if not journal.ended.is_set():
        await console.act(Command(Verb.ROLLBACK, target, console.actor, "a person clicks Roll back"))


def load_of(console: Console) -> dict[str, object]:
    """Return what the shop's customers were sent so far."""
    assert console._shop is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{console._shop.addresses.load}/status", timeout=10) as reply:
        found: dict[str, object] = json.load(reply)
    return found


async def run(scenario: str, speed: float, roll_back_after_s: float) -> dict[str, object]:
    """Open the shop, start its rollout, and watch it to its end."""
    async with opened(watch=None) as console:
        journal = Journal(speed, roll_back_after_s)
        loop = asyncio.get_running_loop()
        console.listen(journal.on_update, lambda event: loop.call_soon_threadsafe(journal.on_event, event))
        target = await console.open_practice(scenario, speed, start=True)
        journal.say("the practice shop is open and its rollout has started")
        waiting = asyncio.create_task(back(console, target, journal))
        async with asyncio.timeout(MOST_S):
            await journal.ended.wait()
        waiting.cancel()
        await asyncio.sleep(2.0)  # the last sessions are counted
        report = await console.audit_verify(None)
        view = journal.rollout
        assert view is not None
        load = await asyncio.to_thread(load_of, console)
        return {
            "scenario": scenario,
            "speed": speed,
            "phase": view.phase.value,
            "stages": journal.stages,
            "passes": {stage + 1: sorted(gates) for stage, gates in journal.passes.items()},
            "stopped": journal.stopped,
            "stopped_at_weight": journal.stages[-1] if journal.stopped else None,
            "countdown": journal.countdown,
            "alarms": journal.alarms,
            "seconds": {name: round(at, 1) for name, at in journal.marks.items()},
            "customers_hit": {**journal.hit, "at the end": view.loss.customers_hit if view.loss else None},
            "lost": round(view.loss.lost, 2) if view.loss else None,
            "requests": load,
            "audit": {"ok": report.ok, "records": report.size},
        }


def as_it_should(found: dict[str, object]) -> bool:
    """Tell whether a scenario went as its story says."""
    stopped, acted = bool(found["stopped"]), bool(found["countdown"])
    if found["scenario"] == "silent-payment":
        return found["phase"] == "rolled back" and stopped and acted
    if found["scenario"] == "site-wide":  # the concurrent test stays calm; from 50 % up "canary or site" stops forward and does not act
        return stopped and not acted and found["stopped_at_weight"] == 50 and "anary or site" in str(found["stopped"])
    wanted = {stage: ["Error share", "Payment completion"] for stage in range(1, 6)}
    return found["phase"] == "done" and not stopped and not found["alarms"] and found["passes"] == wanted


def main() -> int:
    """Run one scenario and print its timeline, then everything as one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", choices=["healthy", "silent-payment", "site-wide"])
    parser.add_argument("--speed", type=float, default=20.0)
    parser.add_argument("--roll-back-after", type=float, default=30.0, help="seconds after the stop")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["RELEASE_CONSOLE_HOME"] = home
        found = asyncio.run(run(chosen.scenario, chosen.speed, chosen.roll_back_after))
    print(json.dumps(found, indent=2))
    return 0 if as_it_should(found) else 1


if __name__ == "__main__":
    sys.exit(main())
