"""A labelled fake of the desk: it records every call and answers what it was told to, on no network and no disk."""

import asyncio
import hashlib
import json
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta

from console.desktop.bridge import Bridge
from console.desktop.known import Known
from console.desktop.page import Surroundings
from console.desktop.widgets.age import ticker
from console.model.audit import AnchorPlace, Entry, Record, RecordKind, VerifyReport
from console.model.commands import Answer, Decision
from console.model.desk import DetectRow, FileProblem, PlanView, SecretsState
from console.model.document import Part
from console.model.errors import ConsoleError, NotAllowed
from console.model.proved import Proved
from console.model.rollout import Actor
from console.model.verbs import State
from console.model.views import SendView, StageView, Update
from tests.desktop import samples
from tests.desktop.pages.fake_wizard import FakeWizard

DETECT = (
    DetectRow(5, 900.0, 20.0, "of customers paying where 95 % do"),
    DetectRow(25, 1800.0, 70.0, "of customers paying where 95 % do"),
    DetectRow(50, 1800.0, 75.0, "of customers paying where 95 % do"),
    DetectRow(95, 1200.0, None, "the baseline is too scarce"),
)


def plan(*, allowed: bool = True, target: str = "account-eu") -> PlanView:
    """Return a plan with a decision."""
    names = (
        ("Canary 5 %", 5, 900.0),
        ("25 %", 25, 1800.0),
        ("50 %", 50, 1800.0),
        ("95 %", 95, 1200.0),
        ("Bake", 95, 172800.0),
        ("100 %", 100, 0.0),
    )
    stages = tuple(StageView(name, weight, State.PLANNED, "Planned", "holdback ends", wait_s=wait, gates=1) for name, weight, wait in names)
    reasons = () if allowed else ("Sale weekend freezes it until Tue 08:00",)
    return PlanView(
        target=target,
        release="5.2b",
        plan_hash="9e41c07b" + "0" * 56,
        stages=stages,
        sends=(
            SendView(1, "Flag checkout_v52 on", "shop flags", "canary only", 1.0),
            SendView(2, "Traffic to canary", "envoy-eu", "canary 5", 1.0),
        ),
        rollback=samples.way_back(),
        detect=DETECT,
        found="At 5 % for 15 min a total failure is found in about 4 min, in 95 of 100 cases within 9.5.",
        not_seen="A drop from 95 % to 80 % will not be seen at 5 %. Even 50 % only sees 75 % or worse.",
        warnings=(
            "no pipeline is declared: the canary's code is taken as it runs",
            "nobody else can take the wheel: no other console is alive",
        ),
        decision=Decision(allowed, reasons, "" if allowed else "Hold, step down and roll back stay open."),
        total_s=95 * 60 + 172800,
        readiness=samples.readiness(),
    )


def record(seq: int, kind: RecordKind, verb: str, result: str = "", reason: str = "", target: str = "checkout-eu", rollout: str = "R-2291"):
    """Return a record whose body has its hash."""
    entry = Entry(
        kind,
        Actor("Rita M.", "desk:4711:a1"),
        samples.NOW - timedelta(seconds=7 * (400 - seq)),
        verb,
        target,
        rollout,
        reason,
        result,
        "7f3a91c2" * 8,
    )
    body = json.dumps(
        {"actor": "Rita M.", "kind": str(kind), "prev": "c81e07d4" * 8, "rollout": rollout, "seq": seq, "target": target, "verb": verb}
    ).encode()
    key = "" if seq % 9 == 0 else "4f2a9c11" * 4
    return Record(seq, entry, "c81e07d4" * 8, hashlib.sha256(body).hexdigest(), body, bool(key), key, b"\x5a" * 64 if key else b"")


def records(newest: int, count: int):
    """Return a believable run of records, newest first."""
    told = (
        (RecordKind.OUTCOME, "rollback", "confirmed", ""),
        (RecordKind.INTENT, "rollback", "", "payments fail"),
        (RecordKind.VERDICT, "judge", "fail", "0 of 3 canary customers paid, baseline 54 of 57"),
        (RecordKind.REFUSAL, "promote", "refused", "Payment completion is watching: needs 3 more"),
        (RecordKind.OUTCOME, "start", "confirmed", ""),
        (RecordKind.INTENT, "start", "", "payment references"),
        (RecordKind.FREEZE, "add", "", "Sale weekend, 27 to 30 Nov"),
        (RecordKind.TARGET, "arm", "", "first release from this console"),
    )
    return [record(seq, *_cut(told[(newest - seq) % len(told)])) for seq in range(newest, max(0, newest - count), -1)]


def _cut(told):
    return told


KEYS = {"Rita M. (keyring, 4f2a9c11)": 340, "Ana R. (keyring, 77ab01fe)": 27}


class FakeDesk:
    """Answers at once; `calls` holds (method, arguments). Put an error into `errors[method]` to have it raised."""

    def __init__(self, newest=412):
        self.calls, self.errors, self.newest, self.problems = [], {}, newest, []
        self.decision, self.the_plan, self.settings = Decision(True), plan(), {}
        self.report = VerifyReport("log 5f2c", newest, "c81e07d4" * 8, newest, None, "", (), 45, "9be1c07d" * 8, KEYS, 12, 2, 14)
        self.state = SecretsState(True, "Secret Service")
        self.kept, self.places, self.tried = samples.records(), [], samples.tried()
        self.proved = Proved(1, "Rita M. (keyring, 4f2a9c11)", True, 412, "9be1c07d" * 8, "Rita M. (keyring, 4f2a9c11)", 9, True)
        self.on_update = None
        self.wizard = FakeWizard()
        self.channels_tried = ()
        self.workloads_view, self.log_batches = None, ()

    def listen(self, on_update, on_event=None):
        self.on_update = on_update
        return lambda: None

    def called(self, method):
        """Return the arguments of each call of a method."""
        return [args for name, args in self.calls if name == method]

    def _note(self, method, *args):
        self.calls.append((method, args))
        if method in self.errors:
            raise self.errors[method]

    async def look_at(self, target):
        self._note("look_at", target)

    async def act(self, command):
        self._note("act", command)
        return Answer(self.decision)

    async def hold_train(self, train, reason):
        self._note("hold_train", train)
        return Answer(self.decision)

    async def resume_train(self, train, reason):
        self._note("resume_train", train, reason)
        return Answer(self.decision)

    async def roll_back_train(self, train, reason):
        self._note("roll_back_train", train)
        return Answer(self.decision)

    async def preview(self, command):
        self._note("preview", command)
        return self.decision, (SendView(1, "Traffic to canary", "envoy-eu", "canary 25", 1.0),)

    async def plan(self, target, release):
        self._note("plan", target, release)
        return replace(self.the_plan, target=target, release=release)

    async def test_channels(self, target, channel=""):
        self._note("test_channels", target, channel)
        return self.channels_tried

    async def workloads(self, target):
        self._note("workloads", target)
        return self.workloads_view

    async def pod_log(self, target, asked, told):
        self._note("pod_log", target, asked)
        for lines in self.log_batches:
            if not told(lines):
                return

    async def cancel_pipeline(self, rollout, reason):
        self._note("cancel_pipeline", rollout, reason)

    async def approve_gate(self, rollout, gate, reason):
        self._note("approve_gate", rollout, gate, reason)

    async def check_file(self, path):
        self._note("check_file", path)
        return self.problems

    async def add_target(self, path):
        self._note("add_target", path)
        return path.stem

    async def arm(self, target, *, armed, reason):
        self._note("arm", target, armed, reason)

    async def trust(self, target):
        self._note("trust", target)

    async def drop_target(self, target):
        self._note("drop_target", target)

    async def add_freeze(self, window):
        self._note("add_freeze", window)

    async def remove_freeze(self, window_id, reason):
        self._note("remove_freeze", window_id, reason)

    async def stop_the_line(self, reason, until, targets):
        self._note("stop_the_line", reason, until, targets)

    async def lift_the_line(self, reason):
        self._note("lift_the_line", reason)

    async def audit_page(self, chosen, before, limit):
        self._note("audit_page", chosen, before, limit)
        return records(self.newest if before is None else before - 1, limit)

    async def audit_verify(self, progress=None):
        self._note("audit_verify")
        if progress is not None:
            progress(self.report.size // 2, self.report.size)
        return self.report

    async def audit_anchors(self):
        self._note("audit_anchors")
        return tuple(self.places)

    async def audit_anchor(self, path, *, git=False):
        self._note("audit_anchor", path, git)
        self.places.append(AnchorPlace(str(path), git, 1, self.report.size))
        return self.places[-1]

    async def audit_forget_anchor(self, path):
        self._note("audit_forget_anchor", path)
        self.places = [place for place in self.places if place.path != path]

    async def audit_proof(self, record):
        self._note("audit_proof", record.seq)
        return replace(self.proved, seq=record.seq)

    async def audit_export(self, path, chosen, form="jsonl"):
        self._note("audit_export", path, chosen, form)
        return 412

    async def audit_bundle(self, rollout, path):
        self._note("audit_bundle", rollout, path)
        return 17

    async def audit_report(self, rollout):
        self._note("audit_report", rollout)
        rows = [(str(number), "2026-11-24T10:10:22Z", "Rita M.", "<b>refused</b>", "c81e07d4" * 8) for number in range(90)]
        head = ("seq", "at", "who", "result", "hash")
        return (Part("5.2b on checkout-eu", ("Rollout R-2291, rolled back.",)), Part("Actions", (), head, rows), Part("Refusals", (), head))

    async def setting(self, key, default):
        self._note("setting", key)
        return self.settings.get(key, default)

    async def set_setting(self, key, value):
        self._note("set_setting", key, value)

    async def secrets(self):
        self._note("secrets")
        return self.state

    async def put_secret(self, name, value):
        self._note("put_secret", name, value)

    async def open_practice(self, scenario, speed, *, start, progress=None):
        self._note("open_practice", scenario, speed, start)
        if progress is not None:
            progress("Starting the router")
        return "practice-shop"

    async def move_step(self, rollout, seq, move, reason):
        self._note("move_step", rollout, seq, move, reason)

    async def rehearse(self, target, reason):
        self._note("rehearse", target, reason)
        return Answer(self.decision)

    async def lift_quarantine(self, target, version, reason):
        self._note("lift_quarantine", target, version, reason)

    async def resume_reconcilers(self, target, reason):
        self._note("resume_reconcilers", target, reason)
        return Answer(self.decision)

    async def handover_card(self, rollout):
        self._note("handover_card", rollout)
        return samples.handover()

    async def take_wheel(self, rollout, reason):
        self._note("take_wheel", rollout, reason)
        return Answer(self.decision)

    async def hand_over(self, rollout, note, to):
        self._note("hand_over", rollout, note, to)
        return Answer(self.decision)

    async def records(self):
        self._note("records")
        return self.kept

    async def team_try(self, address, password):
        self._note("team_try", address, password)
        return self.tried

    async def team_use(self, address, password):
        self._note("team_use", address, password)
        self.kept = replace(self.kept, from_next_start=self.tried.place)

    async def team_move(self, reason, progress=None):
        self._note("team_move", reason)
        if progress is not None and not progress(206, 412):
            raise NotAllowed("The move was stopped.", means="206 of 412 are in the team's records.", advice="Move again.")
        self.kept = replace(self.kept, unmoved=0)
        return "412 records, 3 rollouts, 2 targets, 1 freeze window, 0 stops"

    async def team_leave(self):
        self._note("team_leave")
        self.kept = replace(self.kept, from_next_start="your own folder")

    async def seen_absence(self, rollout):
        self._note("seen_absence", rollout)

    async def close_practice(self):
        self._note("close_practice")


def run_now(work):
    """Run a coroutine to its end at once, as the engine's loop would later."""
    done = Future()
    loop = asyncio.new_event_loop()
    try:
        done.set_result(loop.run_until_complete(work))
    except ConsoleError as problem:
        done.set_exception(problem)
    finally:
        loop.close()
    return done


def surroundings(desk):
    """Return what a page is given, with the fake desk behind the real bridge and a clock that stands still."""
    clock = samples.SampleClock()
    ticker().set_clock(clock)
    bridge = Bridge()
    bridge.attach(desk, run_now)
    return Surroundings(bridge, samples.ACTOR, clock, Known())


def bad_lines():
    """Return the mistakes of a bad target file."""
    return [
        FileProblem("shop.yaml", 4, "traffic.knd", "knd", "a known key", "kind"),
        FileProblem("shop.yaml", 12, "stages[1].weight", "250", "a number from 0 to 100"),
        FileProblem("shop.yaml", 19, "freezes[0].zone", "Europe/Berlim", "an IANA zone such as Europe/Berlin", "Europe/Berlin"),
    ]


def tell(page, around, update=None):
    """Give a page a batch as the window does."""
    batch = update or Update()
    around.known.take(batch)
    page.show_update(batch)
