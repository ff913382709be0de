"""The `wheel` commands: who drives a rollout, taking it over, and handing it over."""

from datetime import datetime
from typing import Annotated

import typer

from console.app import Console
from console.cli.output import age, print_json
from console.cli.release import RolloutId, drive, finish
from console.cli.session import command, target_of, with_console
from console.cli.target import AsJson, Reason
from console.cli.watching import watch_words
from console.engine.others import ALIVE_S
from console.model.clock import SystemClock
from console.model.commands import Answer
from console.model.errors import NotAllowed
from console.model.text import clean
from console.model.verbs import Verb
from console.model.views import HandoverCard

app = typer.Typer(no_args_is_help=True, help="Who drives a rollout.")
Note = Annotated[str, typer.Option("--note", help="What the next driver has to know.")]
To = Annotated[str, typer.Option("--to", help="A person or a console; left out, whoever takes it.")]


@app.command()
def show(rollout: RolloutId, *, as_json: AsJson = False) -> None:
    """Show who drives a rollout and its handover card, with the target read back now."""

    async def work(console: Console) -> None:
        await _connected(console, rollout)
        card = await console.handover_card(rollout)
        seen = await console.store.wheel.seen(rollout)
        alive = await console.store.consoles.alive(ALIVE_S)
        if as_json:
            print_json({"lease": seen.lease, "held": seen.live is not None, "silent_s": seen.silent_s, "card": card, "consoles": alive})
            return
        held = "has the wheel" if seen.live is not None else "had the wheel last"
        print(clean(f"{card.holder} {held} of {rollout}, token {card.token}, renewed {age(card.renewed_at, seen.now)} ago"))
        _print_card(card, seen.now)
        for each in alive:
            print(clean(f"  alive: {each.person}, {each.kind} {each.console}, version {each.version}"))

    with_console(work)


@app.command()
def take(
    rollout: RolloutId,
    *,
    reason: Reason = "",
    drives: Annotated[bool, typer.Option("--drive", help="Go on at once, and drive it here.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take the wheel of a rollout whose driver is lost, or ask who drives for it. It is held, and free for whoever resumes it.

    A lost driver keeps its wheel for 20 s after its last sign. With --drive the rollout goes on, driven here.
    """

    async def work(console: Console) -> None:
        await _connected(console, rollout)
        answer = _allowed(await console.take_wheel(rollout, reason), "take the wheel")
        card = await console.handover_card(rollout)
        if drives:
            print(f"{rollout}: the wheel is here. {answer.detail}")
            wanted = command(console, Verb.RESUME, await target_of(console, rollout), reason, rollout=rollout)
            finish(await drive(console, wanted))
            return
        await console.hand_over(rollout, f"Held by {console.actor.name} at a terminal: {reason or 'no reason given'}.", console.actor.name)
        if as_json:
            print_json({"taken": True, "detail": answer.detail, "card": card})
            return
        print(f"{rollout}: taken and held. {answer.detail}")
        _print_card(card, SystemClock().now())
        print(await watch_words(console, rollout))
        print(f"Go on with: release-console release resume {rollout}")

    with_console(work)


@app.command("hand-over")
def hand_over(rollout: RolloutId, *, note: Note = "", to: To = "", as_json: AsJson = False) -> None:
    """Hand the wheel of a rollout over with a note, also one that a desktop or an agent of yours has."""

    async def work(console: Console) -> Answer:
        await _connected(console, rollout)
        return _allowed(await console.hand_over(rollout, note, to), "hand over")

    answer = with_console(work)
    if as_json:
        print_json({"handed_over": True, "to": to, "note": note})
    else:
        print(f"{rollout}: {answer.detail}")


async def _connected(console: Console, rollout: str) -> None:
    target = await target_of(console, rollout)
    await console.watching(target)
    await console.read(target, 3.0, forward=False)


def _allowed(answer: Answer, what: str) -> Answer:
    """Return an answer that says yes. Raises NotAllowed with its reasons."""
    if not answer.decision.allowed:
        reasons = answer.decision.reasons or ("refused",)
        raise NotAllowed(f"{what}: {reasons[0]}", means=" ".join(reasons[1:]), advice=answer.decision.allowed_instead)
    return answer


def _print_card(card: HandoverCard, now: datetime) -> None:
    read = card.weight.read_back
    weight = "never read" if read.value is None else f"{read.value:g} % read back {age(read.at, now)} ago"
    lines = [f"step: {card.step}", f"why: {card.why}", f"traffic: {weight}", f"note: {card.note or 'none'}"]
    lines += [f"gate {gate.name}: {gate.verdict.value}. {gate.sentence}" for gate in card.gates]
    lines += [f"unknown: {each.what}, sent {age(each.sent_at, now)} ago. {each.read}" for each in card.unknowns]
    lines += [f"asked for: {each}" for each in card.queued]
    for line in lines:
        print(clean(f"  {line}"))
