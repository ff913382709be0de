"""The `release train` commands: several services as one release, in the order of what they wait for."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from console.app import Console, train_file, train_of_options
from console.cli.output import print_error, print_json, print_table
from console.cli.release import _line
from console.cli.session import with_console
from console.cli.target import AsJson, Reason
from console.cli.watching import take_from_a_watcher
from console.model.commands import Answer
from console.model.desk import PlanView
from console.model.errors import BadFile, ConsoleError, GateFailed, NotAllowed, OutcomeUnknown
from console.model.events import Event
from console.model.train import Train, TrainPhase, TrainPlan
from console.model.views import TrainView

app = typer.Typer(no_args_is_help=True, help="Several services as one release, each after those that it waits for.")
File = Annotated[Path | None, typer.Argument(help="The train's file, as release.yaml.", metavar="FILE", show_default=False)]
Services = Annotated[
    list[str] | None, typer.Option("--service", help="TARGET=VERSION in place of a file; each waits for the one before it.")
]
TrainName = Annotated[str, typer.Option("--name", help="The train's name where no file gives one.")]
TrainId = Annotated[str, typer.Argument(help="The train, as T-3.", metavar="TRAIN")]


def _plan_of(file: Path | None, services: list[str] | None, name: str) -> TrainPlan:
    if (file is None) == (not services):
        raise BadFile("Name a train's file, or its services by --service TARGET=VERSION.", advice="One of both, not neither.")
    return train_file(file) if file is not None else train_of_options(services or [], name)


@app.command()
def check(file: File = None, *, service: Services = None, name: TrainName = "", as_json: AsJson = False) -> None:
    """Check a train's file: every mistake with its line, and the order in which its services start."""
    plan = _plan_of(file, service, name)
    if as_json:
        print_json({"ok": True, "train": plan})
        return
    _print_order(plan)


def _print_order(plan: TrainPlan) -> None:
    print(f"{plan.name}: {len(plan.members)} services")
    rows = [(f"  {n}", m.target, m.version, " ".join(m.after) or "-", m.until.value) for n, m in enumerate(plan.members, 1)]
    print_table(("", "TARGET", "VERSION", "AFTER", "UNTIL"), rows)


@app.command("plan")
def plan_train(file: File = None, *, service: Services = None, name: TrainName = "", as_json: AsJson = False) -> None:
    """Make the plan of each service and say whether it may start now; nothing is sent and nothing is kept."""
    plan = _plan_of(file, service, name)

    async def work(console: Console) -> list[PlanView]:
        await asyncio.gather(*(console.read(each.target, 6.0) for each in plan.members))
        return [await console.plan(each.target, each.version) for each in plan.members]

    views = with_console(work, watch=[each.target for each in plan.members])
    if as_json:
        print_json({"train": plan, "plans": views})
        return
    _print_order(plan)
    for view in views:
        word = "it may start now" if view.decision.allowed else f"it may not start now: {'; '.join(view.decision.reasons)}"
        stages = ", ".join(stage.name for stage in view.stages)
        print(f"{view.target}: plan {view.plan_hash[:12]}, {stages}; {word}")
        for warning in view.warnings:
            print(f"  {warning}")


@app.command()
def start(
    file: File = None,
    *,
    service: Services = None,
    name: TrainName = "",
    reason: Reason = "",
    no_way_back: Annotated[bool, typer.Option("--no-way-back", help="Sign, with a reason, for what cannot be taken back.")] = False,
) -> None:
    """Start a train and drive it here until it is done, taken back, or held; Ctrl+C holds all of it."""
    found = _plan_of(file, service, name)
    plan = TrainPlan(found.name, found.members, no_way_back)

    async def work(console: Console) -> Train:
        await asyncio.gather(*(console.read(each.target, 6.0) for each in plan.members))
        answer = await console.start_train(plan, reason)
        _refuse("start", answer)
        _hold_on_interrupt(console, answer.rollout)  # before anybody is told that it runs
        print(f"{answer.rollout} is running; steer it from anywhere with: release-console release train hold {answer.rollout}", flush=True)
        return await _drive(console, answer.rollout)

    _finish(with_console(work, watch=[each.target for each in plan.members]))


async def _drive(console: Console, train_id: str) -> Train:
    """Print what happens to a train's members until the train is over, stopped, held, or driven by another console."""
    loop, targets = asyncio.get_running_loop(), {each.target for each in (await console.store.trains.train(train_id)).plan.members}

    def on_event(event: Event) -> None:
        if event.target in targets:
            print(f"{event.target}: {_line(event)}", flush=True)

    def pass_on(event: Event) -> None:
        loop.call_soon_threadsafe(on_event, event)

    cancel = console.listen(lambda _: None, pass_on)
    _hold_on_interrupt(console, train_id)
    try:
        return await console.engine.trains.ended(train_id)
    finally:
        cancel()


def _hold_on_interrupt(console: Console, train_id: str) -> None:
    loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    async def hold() -> None:
        try:
            await console.hold_train(train_id, "interrupted at the terminal")
        except ConsoleError as error:
            print_error(error)

    def interrupted() -> None:
        tasks.add(loop.create_task(hold()))

    for each in ("SIGINT", "SIGTERM", "SIGHUP"):
        with suppress(NotImplementedError, AttributeError):  # Windows' loop has no signal handlers
            loop.add_signal_handler(getattr(signal, each), interrupted)


def _refuse(verb: str, answer: Answer) -> None:
    if not answer.decision.allowed:
        reasons = answer.decision.reasons or ("refused",)
        raise NotAllowed(f"train {verb} was refused: {reasons[0]}", means=" ".join(reasons[1:]), advice=answer.decision.allowed_instead)


def _finish(train: Train, *, wanted_back: bool = False) -> None:
    """Print how a train ended. Raises OutcomeUnknown, GateFailed and NotAllowed for what did not end as it was asked."""
    print(f"{train.id} is {train.phase.value}{': ' + train.note if train.note else ''}")
    if train.phase is TrainPhase.STOPPED:
        raise OutcomeUnknown(
            f"{train.id}: {train.note}",
            means="What could go back did.",
            advice=f"release-console release train show {train.id}, then release rows ROLLOUT, or roll the train back again.",
        )
    if train.phase is TrainPhase.ROLLED_BACK and not wanted_back:
        raise GateFailed(f"{train.plan.name} was taken back: {train.note or 'see release train show'}")
    if train.phase is TrainPhase.HELD and not wanted_back:
        raise NotAllowed(
            f"{train.id} is held: {train.note}",
            means="No member starts before it is resumed.",
            advice=f"release-console release train resume {train.id}, or release train rollback {train.id}.",
        )


def _targets(train_id: str) -> list[str]:
    async def find(console: Console) -> list[str]:
        return [each.target for each in (await console.store.trains.train(train_id)).plan.members]

    return with_console(find)


@app.command()
def hold(train: TrainId, *, reason: Reason = "") -> None:
    """Start nothing more of a train, and hold every member that runs. Never blocked by a freeze."""

    async def work(console: Console) -> None:
        _refuse("hold", await console.hold_train(train, reason))

    with_console(work, watch=_targets(train))
    print(f"{train}: held, and every member that ran with it.")


@app.command()
def resume(train: TrainId, *, reason: Reason = "") -> None:
    """Let a held train go on, and drive it here; each member is asked for anew."""

    async def work(console: Console) -> Train:
        found = await console.store.trains.train(train)
        await asyncio.gather(*(console.read(each.target, 6.0) for each in found.plan.members))
        for rollout in found.held:
            await take_from_a_watcher(console, rollout, reason)
        answer = await console.resume_train(train, reason)
        _refuse("resume", answer)
        if answer.detail:
            print(answer.detail)
        return await _drive(console, train)

    _finish(with_console(work, watch=_targets(train)))


@app.command()
def rollback(train: TrainId, *, reason: Reason = "") -> None:
    """Take back every member that started, last first, traffic first. Never blocked by a freeze; a member that cannot is told."""

    async def work(console: Console) -> Train:
        members = (await console.store.trains.train(train)).plan.members
        await asyncio.gather(*(console.look_before_a_way_back(each.target) for each in members))
        _refuse("rollback", await console.roll_back_train(train, reason))
        return await console.engine.trains.ended(train)

    _finish(with_console(work, watch=_targets(train)), wanted_back=True)


@app.command()
def show(train: TrainId, *, as_json: AsJson = False) -> None:
    """Show where a train stands: each service in order, its rollout, and what it waits for."""

    async def work(console: Console) -> TrainView:
        return await console.engine.trains.view(train)

    view = with_console(work)
    if as_json:
        print_json(view)
        return
    print(f"{view.headline}{'. ' + view.note if view.note else ''}")
    print(f"  plan {view.plan_hash[:12]}, started by {view.started_by}, driven by {view.driver}")
    rows = [
        (f"  {m.number}", m.target, m.version, " ".join(m.after) or "-", m.word, " ".join(filter(None, (m.rollout, m.back))) or "-", m.fact)
        for m in view.members
    ]
    print_table(("", "TARGET", "VERSION", "AFTER", "STATE", "ROLLOUT", ""), rows)


@app.command("list")
def list_trains(*, as_json: AsJson = False) -> None:
    """List trains, newest first."""

    async def work(console: Console) -> list[Train]:
        return list(await console.store.trains.trains(live=False))

    found = with_console(work)
    if as_json:
        print_json({"trains": [{"id": t.id, "name": t.plan.name, "phase": t.phase, "rollouts": t.rollouts, "note": t.note} for t in found]})
        return
    rows = [(t.id, t.plan.name, t.phase.value, " ".join(each.target for each in t.plan.members), t.note) for t in found]
    print_table(("TRAIN", "NAME", "STATE", "SERVICES", "NOTE"), rows)
