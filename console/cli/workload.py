"""The `workload` commands: what runs on a target, its logs, and kubectl's verbs on it, decided and recorded as every other move."""

import sys
from contextlib import suppress
from dataclasses import replace
from typing import Annotated

import typer

from console.app import Console
from console.cli.moves import Ended, ended, report
from console.cli.output import LINE, age, print_json, print_table
from console.cli.session import act, command, with_console
from console.cli.target import AsJson, Name, Reason
from console.model.clock import SystemClock
from console.model.commands import OnWorkload
from console.model.errors import BadFile
from console.model.text import clean
from console.model.verbs import Verb
from console.model.workloads import LogAsked, PodNow, WorkloadNow, WorkloadsNow, WorkloadsView
from console.policy.workloads import verb_words

app = typer.Typer(no_args_is_help=True, help="What runs on a target: Deployments and Argo Rollouts, their pods and logs.")
Workload = Annotated[str, typer.Argument(help="The workload, or its side; not needed where there is only one.", metavar="[WORKLOAD]")]

_EVENTS = 8


@app.command()
def show(name: Name, *, as_json: AsJson = False) -> None:
    """Show workloads with their revisions, pods, events and analysis runs, and what may be done with each now."""

    async def work(console: Console) -> WorkloadsView:
        await console.read(name, 6.0)
        return await console.workloads(name)

    view = with_console(work, watch=[name])
    if as_json:
        print_json(view)
        return
    for each in view.now.workloads:
        _print_workload(view, each)
    _print_beside(view.now)


@app.command()
def undo(
    name: Name,
    workload: Workload = "",
    *,
    revision: Annotated[int, typer.Option("--revision", help="The revision to go back to; the one before when left out.", min=0)] = 0,
    reason: Reason = "",
) -> None:
    """Put a workload back on an earlier revision; never blocked by a freeze. The version that it leaves is quarantined."""
    _act(Verb.UNDO_WORKLOAD, name, OnWorkload(workload, revision=revision), reason)


@app.command()
def pause(name: Name, workload: Workload = "", *, reason: Reason = "") -> None:
    """Stop a workload where it stands; never blocked by a freeze."""
    _act(Verb.PAUSE_WORKLOAD, name, OnWorkload(workload), reason)


@app.command()
def resume(name: Name, workload: Workload = "", *, reason: Reason = "") -> None:
    """Let a paused workload go on."""
    _act(Verb.RESUME_WORKLOAD, name, OnWorkload(workload), reason)


@app.command()
def restart(name: Name, workload: Workload = "", *, reason: Reason = "") -> None:
    """Let a workload make all its pods anew."""
    _act(Verb.RESTART_WORKLOAD, name, OnWorkload(workload), reason)


@app.command()
def image(
    name: Name,
    workload: Annotated[str, typer.Argument(help="The workload, or its side.", metavar="WORKLOAD")],
    image: Annotated[str, typer.Argument(help="The image, as registry/name:tag or by digest.", metavar="IMAGE")],
    *,
    container: Annotated[str, typer.Option("--container", help="Which container; not needed where there is only one.")] = "",
    reason: Reason = "",
) -> None:
    """Set the image of a workload's container."""
    _act(Verb.SET_IMAGE, name, OnWorkload(workload, image, container), reason)


@app.command()
def retry(name: Name, workload: Workload = "", *, reason: Reason = "") -> None:
    """Begin the steps of an aborted Argo Rollout again."""
    _act(Verb.RETRY_WORKLOAD, name, OnWorkload(workload), reason)


@app.command()
def logs(
    name: Name,
    pod: Annotated[str, typer.Argument(help="The pod; not needed where there is only one.", metavar="[POD]")] = "",
    *,
    container: Annotated[str, typer.Option("--container", help="Which container; the first one when left out.")] = "",
    previous: Annotated[bool, typer.Option("--previous", help="Of the container before its last restart.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is printed, until Ctrl+C.")] = False,
    lines: Annotated[int, typer.Option("--lines", help="How many of the last lines.", min=1, max=5000)] = 200,
) -> None:
    """Print a pod's log, as plain text and within bounds."""

    async def work(console: Console) -> None:
        chosen = pod or _only((await console.workloads(name)).now.pods)
        await console.pod_log(name, LogAsked(chosen, container, previous, follow, lines), _print_lines)

    with suppress(KeyboardInterrupt):
        with_console(work, watch=[name])


def _act(verb: Verb, name: str, on: OnWorkload, reason: str) -> None:
    async def work(console: Console) -> Ended:
        if verb not in {Verb.UNDO_WORKLOAD, Verb.PAUSE_WORKLOAD}:  # a way back waits for nothing
            await console.read(name, 6.0)
        wanted = replace(command(console, verb, name, reason), workload=on)
        answer = await act(console, wanted)
        return await ended(console, answer.rollout)

    over = with_console(work, watch=[name])
    steps = [step.step for step in over.own if step.step.verb is verb]
    report(over, f"{verb_words(verb, steps[-1].name if steps else on.name)} of {name}: done, read back.")


def _print_workload(view: WorkloadsView, each: WorkloadNow) -> None:
    state = each.state
    print(
        f"{each.kind} {each.name} ({', '.join(each.sides)}): {each.version}, {each.replicas}{', paused' if state.values['paused'] else ''}"
    )
    if each.problem:
        print(clean(f"  {each.problem}", LINE))
    if state.changed:
        print(clean(f"  changed last by {state.changed}", LINE))
    for key, value in state.values.items():
        if key.startswith("image "):
            print(f"  {key}: {value}")
    now = SystemClock().now()
    for kept in each.revisions:
        print(f"  revision {kept.number}: {kept.version}, {kept.name}, {age(kept.made_at, now)} old{', runs' if kept.current else ''}")
    for move in view.moves:
        if move.workload == each.name:
            words = "may" if move.decision.allowed else "; ".join(move.decision.reasons[:1])
            print(clean(f"  {move.verb.value.removesuffix(' workload'):<9} {words}", LINE))


def _print_beside(seen: WorkloadsNow) -> None:
    now = SystemClock().now()
    if seen.pods:
        print()
        rows = [(each.name, each.workload, each.problem or "ready", str(each.restarts), age(each.made_at, now)) for each in seen.pods]
        print_table(("POD", "WORKLOAD", "STATE", "RESTARTS", "AGE"), rows)
    for run in seen.analyses:
        print(clean(f"analysis {run.name}: {run.phase}{f', {run.message}' if run.message else ''}", LINE))
        for metric in run.metrics:
            print(clean(f"  {metric}", LINE))
    for event in seen.events[:_EVENTS]:
        times = f" ({event.count} times)" if event.count > 1 else ""
        print(
            clean(
                f"{'warning' if event.warning else 'event'} {event.about}: {event.reason}: {event.text}{times}, {age(event.at, now)} ago",
                LINE,
            )
        )
    for note in seen.notes:
        print(clean(note, LINE), file=sys.stderr)


def _print_lines(lines: tuple[str, ...]) -> bool:
    for line in lines:
        print(line, flush=True)
    return True


def _only(pods: tuple[PodNow, ...]) -> str:
    if len(pods) != 1:
        known = ", ".join(each.name for each in pods[:10])
        raise BadFile("Name the pod whose log is wanted." if pods else "No pod runs there.", advice=f"There are {known}." if known else "")
    return pods[0].name
