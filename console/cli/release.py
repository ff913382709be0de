"""The `release` commands: plan, start, promote, hold, step down, abort, show."""

import asyncio
import signal
from contextlib import suppress
from dataclasses import replace
from typing import Annotated

import typer

from console.app import Console
from console.cli.light import print_light
from console.cli.moves import Ended, ended, report
from console.cli.output import print_error, print_json, print_table
from console.cli.pipelining import PipelineTeller
from console.cli.session import act, command, target_of, with_console
from console.cli.target import AsJson, Reason
from console.cli.watching import NOBODY, driver_of, take_from_a_watcher, watch_words
from console.engine.views.rows import value_of, what_of
from console.engine.watched import JUDGED, watcher_of
from console.model.clock import SystemClock
from console.model.commands import Command
from console.model.desk import PlanView
from console.model.errors import ConsoleError, GateFailed, NotAllowed, OutcomeUnknown
from console.model.events import DriftSeen, Event, MoveRefused, PhaseChanged, StageEntered, StageJudged, StepSettled
from console.model.plan import Plan, Step
from console.model.rollout import Phase, Rollout, StepState
from console.model.verbs import Verb
from console.model.views import Update

app = typer.Typer(no_args_is_help=True, help="Plan a release, start it, and steer it.")
RolloutId = Annotated[str, typer.Argument(help="The rollout, as R-12.", metavar="ROLLOUT")]


def _print_plan(view: PlanView) -> None:
    print(f"{view.release} on {view.target}: plan {view.plan_hash[:12]}")
    for stage in view.stages:
        print(f"  {stage.name:<12} {stage.fact}")
    print("What will be sent:")
    print_table(("", "WHAT", "SYSTEM", "VALUE"), [(f"  {s.number}", s.what, s.system, s.value) for s in view.sends])
    print("The way back:")
    print_table(
        ("", "WHAT", "SYSTEM", "VALUE", "CLASS"),
        [
            (f"  {s.number}", s.what, s.system, s.value, f"{s.reversibility}: {s.loses}" if s.loses else s.reversibility)
            for s in view.rollback
        ],
    )
    if view.readiness is not None:
        print_light(view.readiness, SystemClock().now())
    for sentence in (view.found, view.not_seen, *view.warnings):
        if sentence:
            print(sentence)
    print("It may start now." if view.decision.allowed else f"It may not start now: {'; '.join(view.decision.reasons)}")


async def _planned(console: Console, target: str, release: str) -> PlanView:
    await console.read(target, 6.0)
    return await console.plan(target, release)


@app.command("plan")
def plan_release(
    target: Annotated[str, typer.Argument(help="The target's name.")],
    *,
    version: Annotated[str, typer.Option("--version", help="The release's name or version.")],
    as_json: AsJson = False,
) -> None:
    """Make a plan, show what it does and what it can see, and keep it for `release start`."""

    async def work(console: Console) -> PlanView:
        view = await _planned(console, target, version)
        await console.keep_plan(view)
        return view

    view = with_console(work, watch=[target])
    if as_json:
        print_json(view)
    else:
        _print_plan(view)
        print(f"Start it with: release-console release start {view.plan_hash[:12]}")


def _done(step: Step, state: StepState) -> str:
    """Say what a step does, on which system, and what became of it."""
    where = "" if step.system == step.name else f"{step.system} {value_of(step)}".rstrip()
    return f"{what_of(step)}: {where + ': ' if where else ''}{state.value}"


def _line(event: Event) -> str:
    at = event.at.astimezone().strftime("%H:%M:%S")
    match event:
        case StepSettled(row=row):
            return f"{at}  {_done(row.step, row.state)}{' (' + row.detail + ')' if row.detail else ''}"
        case StageEntered(weight=weight):
            return f"{at}  canary {weight} % read back"
        case StageJudged(gate=gate, verdict=verdict, sentence=sentence):
            return f"{at}  {gate}: {verdict.value}. {sentence}"
        case PhaseChanged(phase=phase, note=note):
            return f"{at}  {phase.value}{': ' + note if note else ''}"
        case DriftSeen(asked=asked, seen=seen):
            return f"{at}  drift: asked {asked}, seen {seen}"
        case MoveRefused(verb=verb, reason=reason):
            return f"{at}  {verb} refused: {reason}"
        case _:
            return f"{at}  {type(event).__name__}"


ENDS = {Phase.DONE, Phase.ROLLED_BACK, Phase.ABORTED, Phase.UNKNOWN, Phase.BACK_STOPPED}
"""Where driving ends. A held rollout is driven on: whoever resumes it, here or in a window, finds its driver."""


@app.command()
def start(
    plan_hash: Annotated[str, typer.Argument(help="The plan's hash, or its first 8 signs or more.", metavar="PLAN")],
    *,
    reason: Reason = "",
    no_way_back: Annotated[
        bool, typer.Option("--no-way-back", help="Sign, with a reason, that what the plan names cannot be taken back.")
    ] = False,
) -> None:
    """Start a planned rollout and drive it here until it is done, taken back, or held; Ctrl+C holds it."""

    async def find(console: Console) -> Plan:
        return await console.kept_plan(plan_hash)

    plan = with_console(find)

    def wanted(console: Console) -> Command:
        asked = Command(Verb.START, plan.target, console.actor, reason, release=plan.release, plan_hash=plan.hash)
        return replace(asked, signs_no_way_back=no_way_back)

    async def work(console: Console) -> Rollout:
        await console.read(plan.target, 6.0)
        console.engine.know(plan)
        return await drive(console, wanted(console))

    finish(with_console(work, watch=[plan.target]))


async def drive(console: Console, wanted: Command) -> Rollout:
    """Start a rollout and print what happens until it is over, unknown, held by Ctrl+C, or driven by another console."""
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_event(event: Event) -> None:
        if event.target != wanted.target:
            return
        print(_line(event), flush=True)
        if isinstance(event, PhaseChanged) and event.phase in ENDS:
            done.set()

    def pass_on(event: Event) -> None:
        loop.call_soon_threadsafe(on_event, event)

    teller = PipelineTeller(wanted.target, lambda line: print(line, flush=True))

    def show(update: Update) -> None:
        loop.call_soon_threadsafe(teller.take, update)

    cancel = console.listen(show, pass_on)
    try:
        answer = await act(console, wanted)
        console.engine.stay(answer.rollout)
        _hold_on_interrupt(console, command(console, Verb.HOLD, wanted.target, "interrupted at the terminal", rollout=answer.rollout), done)
        print(f"{answer.rollout} is running; steer it from anywhere with: release-console release hold {answer.rollout}", flush=True)
        taken = asyncio.ensure_future(console.taken(answer.rollout))
        over = asyncio.ensure_future(done.wait())
        await asyncio.wait({over, taken}, return_when=asyncio.FIRST_COMPLETED)
        if not over.done() and taken.done():
            print(_goes_on(answer.rollout, taken.result()), flush=True)
        for each in (over, taken):
            each.cancel()
        return await console.store.journal.rollout(answer.rollout)
    finally:
        cancel()


def _goes_on(rollout: str, driver: str) -> str:
    return f"{rollout} goes on: {driver} drives it from another console."


def _hold_on_interrupt(console: Console, hold: Command, done: asyncio.Event) -> None:
    """Make Ctrl+C, `kill` and a closed terminal hold the rollout before the command ends, instead of leaving it without a driver.

    One that another console drives by then stays as it is.
    """
    loop = asyncio.get_running_loop()

    async def hold_and_end() -> None:
        try:
            driver = console.elsewhere(hold.rollout)
            if driver:
                print(_goes_on(hold.rollout, driver), flush=True)
            else:
                await _hold(console, hold)
                print(await watch_words(console, hold.rollout), flush=True)
        except ConsoleError as error:
            print_error(error)
        done.set()

    def interrupted() -> None:
        task = loop.create_task(hold_and_end())
        task.add_done_callback(lambda _: None)

    # Windows' loop has no signal handlers: there Ctrl+C ends the command, and the rollout is found held at the next start.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        with suppress(NotImplementedError, AttributeError):
            loop.add_signal_handler(getattr(signal, name), interrupted)


async def _hold(console: Console, hold: Command) -> None:
    """Hold a rollout; one that somebody else held already stays as they left it."""
    try:
        await act(console, hold)
    except NotAllowed:
        if (await console.store.journal.rollout(hold.rollout)).phase is not Phase.HELD:
            raise


def finish(rollout: Rollout) -> None:
    """Print how a drive ended. Raises OutcomeUnknown and GateFailed for what did not end well."""
    print(f"{rollout.id} is {rollout.phase.value}{': ' + rollout.note if rollout.note else ''}")
    if rollout.phase is Phase.UNKNOWN:
        raise OutcomeUnknown(
            f"{rollout.id} stands at a step whose effect is not known.",
            means="Nothing more is sent until you decide.",
            advice=f"release-console release show {rollout.id}, then promote or rollback.",
        )
    if rollout.phase is Phase.BACK_STOPPED:
        raise OutcomeUnknown(
            f"{rollout.id}: {rollout.note}",
            means="What does not depend on it went on.",
            advice=f"release-console release rows {rollout.id}, then release step {rollout.id} N, or roll back again.",
        )
    if rollout.phase in {Phase.ROLLED_BACK, Phase.ABORTED}:
        raise GateFailed(f"{rollout.plan.release} was taken back: {(rollout.note or 'see release show').rstrip('.')}.")


async def _ready(console: Console, rollout: str, *, forward: bool) -> str:
    """Connect to a rollout's target, read it, and return its name."""
    target = await target_of(console, rollout)
    await console.watching(target)
    await console.read(target, 6.0 if forward else 1.0, forward=forward)
    return target


def _go_on(rollout: str, verb: Verb, reason: str) -> None:
    """Let a rollout go on, and drive it here; who only watches it gives its wheel, who drives it keeps it."""

    async def work(console: Console) -> Rollout:
        target = await _ready(console, rollout, forward=True)
        await take_from_a_watcher(console, rollout, reason)
        return await drive(console, command(console, verb, target, reason, rollout=rollout))

    finish(with_console(work))


def _go_back(rollout: str, verb: Verb, reason: str, said: str) -> None:
    """Lower what a rollout sends, and tell it once that was read back."""

    async def work(console: Console) -> tuple[Ended, str]:
        target = await _ready(console, rollout, forward=False)
        drove = await driver_of(console, rollout)
        answer = await act(console, command(console, verb, target, reason, rollout=rollout))
        over = await ended(console, answer.rollout)
        return over, await watch_words(console, answer.rollout, drove)

    over, watched = with_console(work)
    report(over, said)
    if watched:
        print(watched)


@app.command()
def promote(rollout: RolloutId, *, reason: Reason = "") -> None:
    """Go to the next stage now, only where the gates of this one pass; then drive the rollout here, as `start` does."""
    _go_on(rollout, Verb.PROMOTE, reason)


@app.command()
def resume(rollout: RolloutId, *, reason: Reason = "") -> None:
    """Let a held rollout go on, or check an unknown step again; then drive it here, as `start` does."""
    _go_on(rollout, Verb.RESUME, reason)


@app.command()
def hold(rollout: RolloutId, *, reason: Reason = "") -> None:
    """Stay at the weight of now; also stops the countdown after a fail."""

    async def work(console: Console) -> tuple[str, str]:
        target = await _ready(console, rollout, forward=False)
        drove = await driver_of(console, rollout)
        await act(console, command(console, Verb.HOLD, target, reason, rollout=rollout))
        return target, await watch_words(console, rollout, drove)

    target, watched = with_console(work)
    print(f"{rollout} on {target}: held. {watched}".rstrip())


@app.command("step-down")
def step_down(rollout: RolloutId, *, reason: Reason = "") -> None:
    """Lower the canary's weight to the stage before."""
    _go_back(rollout, Verb.STEP_DOWN, reason, "stepped down, read back.")


@app.command()
def abort(rollout: RolloutId, *, reason: Reason = "") -> None:
    """Stop the rollout and return all traffic to stable."""
    _go_back(rollout, Verb.ABORT, reason, "aborted; traffic is back on stable, read back.")


@app.command()
def show(rollout: RolloutId, *, as_json: AsJson = False) -> None:
    """Show where a rollout stands and every step that was sent."""

    async def work(console: Console) -> None:
        row = await console.store.journal.rollout(rollout)
        steps = await console.store.journal.steps(rollout)
        lease = await console.store.wheel.show(rollout)
        watched = await watcher_of(console.store, rollout) if row.phase in JUDGED else None
        if as_json:
            print_json({"rollout": row, "plan_hash": row.plan.hash, "steps": steps, "wheel": lease, "watched_by": watched})
            return
        print(f"{row.id} {row.plan.release} on {row.plan.target}: {row.phase.value}{', ' + row.note if row.note else ''}")
        print(f"  asked {row.asked_weight} %, plan {row.plan.hash[:12]}, started by {row.started_by.name}")
        print(f"  wheel: {lease.holder.name + ', token ' + str(lease.token) if lease else 'nobody'}")
        if watched is not None:
            print(f"  watched by: {watched}" if watched else f"  {NOBODY}: release-console agent or the desktop judges it on")
        for step in steps:
            words = _done(step.step, step.state)
            print(f"  {step.sent_at.astimezone().strftime('%H:%M:%S')}  {words}{' - ' + step.detail if step.detail else ''}")
        if any(step.state in {StepState.UNKNOWN, StepState.SENT} for step in steps):
            raise OutcomeUnknown("The effect of a step is not known.", advice=f"release-console release resume {rollout} reads it back.")

    with_console(work)


@app.command("list")
def list_rollouts(*, as_json: AsJson = False, target: Annotated[str, typer.Option(help="Only of this target.")] = "") -> None:
    """List rollouts, newest first."""

    async def work(console: Console) -> None:
        rows = await console.store.journal.rollouts(live=False, target=target)
        watched = {row.id: await watcher_of(console.store, row.id) for row in rows if row.phase in JUDGED}
        if as_json:
            told = [{"id": r.id, "target": r.plan.target, "release": r.plan.release, "phase": r.phase} for r in rows]
            print_json({"rollouts": [each | {"watched_by": watched.get(str(each["id"]))} for each in told]})
            return
        print_table(("ROLLOUT", "TARGET", "RELEASE", "STATE", "NOTE"), [_row(each, watched.get(each.id)) for each in rows])

    with_console(work)


def _row(rollout: Rollout, watched: str | None) -> tuple[str, ...]:
    note = rollout.note if watched != "" else f"{NOBODY}. {rollout.note}".strip()
    return (rollout.id, rollout.plan.target, rollout.plan.release, rollout.phase.value, note)
