"""The commands of a coordinated way back: its rows, one row's retry, skip, signature or stop, its rehearsal, and what is quarantined."""

from typing import Annotated

import typer

from console.app import Console
from console.cli.light import print_light
from console.cli.moves import Ended, ended, picture_of, print_rows, report
from console.cli.output import age, print_json, print_table
from console.cli.session import target_of, with_console
from console.cli.target import AsJson, Name, Reason
from console.model.clock import SystemClock
from console.model.commands import Answer
from console.model.errors import BadFile, GateFailed, NotAllowed
from console.model.readiness import Rehearsal
from console.model.rollout import Phase
from console.model.views import QuarantineView, RolloutView, TargetView

VIEW_S = 3.0
"""A command waits no longer for the picture of a rollout or target."""

RolloutId = Annotated[str, typer.Argument(help="The rollout, as R-12.", metavar="ROLLOUT")]
Flag = typer.Option


async def _picture(console: Console, rollout: str) -> RolloutView:
    """Return a rollout as a screen shows it. Raises BadFile when there is none."""
    view = await picture_of(console, rollout, VIEW_S)
    if view is None:
        raise BadFile(f"{rollout} is not among the rollouts that are shown.", advice="release-console release list shows them.")
    return view


async def _target(console: Console, name: str) -> TargetView:
    await console.read(name, VIEW_S, forward=False)
    return await console.read(name, VIEW_S, forward=False)


def step(
    rollout: RolloutId,
    number: Annotated[int, typer.Argument(help="The row's number, as `rollback` and `release rows` print it.", metavar="N")],
    *,
    retry: Annotated[bool, Flag("--retry", help="Do it once more.")] = False,
    skip: Annotated[bool, Flag("--skip", help="Pass over it; needs a reason.")] = False,
    sign: Annotated[
        bool, Flag("--sign", help="A manual step is done, or a lossy one may run without a fresh snapshot; needs a reason.")
    ] = False,
    stop: Annotated[bool, Flag("--stop", help="Begin no further step.")] = False,
    reason: Reason = "",
) -> None:
    """Choose for one row of a way back that stopped, and go on with it. Anyone with the role may; no wheel is needed."""
    chosen = [name for name, given in (("retry", retry), ("skip", skip), ("sign", sign), ("stop", stop)) if given]
    if len(chosen) != 1:
        raise BadFile("choose one of --retry, --skip, --sign and --stop")

    async def work(console: Console) -> tuple[Ended, RolloutView]:
        await console.watching(await target_of(console, rollout))
        view = await _picture(console, rollout)
        if not 1 <= number <= len(view.sends):
            raise BadFile(f"{rollout} has no row {number}; it has {len(view.sends)}.")
        await console.move_step(rollout, view.sends[number - 1].seq, chosen[0], reason)
        return await ended(console, rollout), await _picture(console, rollout)

    over, view = with_console(work)
    print_rows(view.sends)
    report(over, f"{view.title}: every step of the way back is confirmed or skipped.")


def rows(rollout: RolloutId, *, as_json: AsJson = False) -> None:
    """Show the rows of a rollout's way back, each with its state and what can be done with it."""

    async def work(console: Console) -> RolloutView:
        await console.watching(await target_of(console, rollout))
        return await _picture(console, rollout)

    view = with_console(work)
    if as_json:
        print_json({"rollout": view.id, "phase": view.phase, "note": view.note, "rows": view.sends, "readiness": view.readiness})
        return
    print(f"{view.id} {view.title}: {view.phase.value}{': ' + view.note if view.note else ''}")
    print_rows(view.sends)
    if view.readiness is not None and not view.phase.over:
        print_light(view.readiness, SystemClock().now())


def rehearse(name: Name, *, reason: Reason = "", as_json: AsJson = False) -> None:
    """Run the way back for practice and measure it; only where the target is marked for it."""

    async def work(console: Console) -> tuple[Answer, Rehearsal | None]:
        await console.read(name, 6.0)
        answer = await console.rehearse(name, reason)
        readiness = (await _target(console, name)).readiness
        return answer, readiness.rehearsal if readiness is not None and answer.rollout else None

    answer, kept = with_console(work, watch=[name])
    if kept is None:
        raise NotAllowed(answer.decision.reasons[0], advice=answer.decision.allowed_instead)
    if as_json:
        print_json({"rollout": answer.rollout, "rehearsal": kept})
    else:
        print_table(("STEP", "SECONDS"), [(step_name, f"{took_s:.2f}") for step_name, took_s in kept.steps.items()])
        print(f"{answer.rollout}: took {kept.took_s:.2f} s, {kept.predicted_s:.2f} s were predicted.")
    if not kept.ok:
        raise GateFailed(f"The rehearsal did not come through: {answer.detail}")


def quarantine(name: Name, *, as_json: AsJson = False) -> None:
    """Show the versions that were rolled back and may not go forward, and what is paused for them."""

    async def work(console: Console) -> tuple[QuarantineView, ...]:
        return (await _target(console, name)).quarantine

    found = with_console(work, watch=[name])
    if as_json:
        print_json({"target": name, "quarantine": found})
        return
    now = SystemClock().now()
    print_table(
        ("VERSION", "STATE", "SINCE", "BY", "ROLLOUT", "PAUSED", "REASON"),
        [
            (
                row.version,
                "lifted" if row.lifted else "quarantined",
                f"{age(row.since, now)} ago",
                row.by,
                row.rollout,
                ", ".join(row.paused) or "-",
                row.reason,
            )
            for row in found
        ],
    )


def lift(name: Name, version: Annotated[str, typer.Argument(help="The version.", metavar="VERSION")], *, reason: Reason = "") -> None:
    """Let a quarantined version go forward again; needs a reason."""

    async def work(console: Console) -> None:
        await console.lift_quarantine(name, version, reason)

    with_console(work, watch=[name])
    print(f"{version} may go forward on {name} again.")


def resume_reconcilers(name: Name, *, reason: Reason = "") -> None:
    """Let what a rollback paused run again. A forward move: a freeze refuses it."""

    async def work(console: Console) -> Ended:
        await console.read(name, 6.0)
        answer = await console.resume_reconcilers(name, reason)
        if not answer.decision.allowed:
            raise NotAllowed(answer.decision.reasons[0], advice=answer.decision.allowed_instead)
        return await ended(console, answer.rollout)

    over = with_console(work, watch=[name])
    if over.rollout.phase is not Phase.DONE:
        report(over, "")
        raise NotAllowed(f"{over.rollout.id} is {over.rollout.phase.value}: {over.rollout.note}")
    report(over, f"{over.rollout.plan.release} on {name} runs again, read back.")
