"""`target connect`: what the window's wizard finds out, as text, and the file that it would write."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from console.app import Console
from console.cli.output import LINE
from console.cli.session import with_console
from console.model.errors import BadFile
from console.model.systems import PrometheusSource, SecretRef
from console.model.target import Environment
from console.model.text import clean
from console.model.wizard import Found, Reach, Right, Route, TargetDraft, Tried
from console.policy.drafting import kube_workloads_of, missing, sides_of, traffic_of, usual_stages, with_success

_NOTHING = "Give exactly one of --haproxy, --envoy and --context."


def connect(
    *,
    haproxy: Annotated[str, typer.Option(help="A HAProxy's runtime API: HOST:PORT or unix:PATH.")] = "",
    envoy: Annotated[str, typer.Option(help="An Envoy's admin interface: http://HOST:PORT.")] = "",
    context: Annotated[str, typer.Option(help="A kubeconfig's context.")] = "",
    namespace: Annotated[str, typer.Option(help="A namespace, with --context.")] = "default",
    kubeconfig: Annotated[str, typer.Option(help="Left out: where kubectl looks.")] = "",
    route: Annotated[str, typer.Option(help="Where traffic splits, by its name; left out: the likeliest.")] = "",
    prometheus: Annotated[str, typer.Option(help="A Prometheus, for the gate.")] = "",
    token: Annotated[str, typer.Option(help="Where the Prometheus's token is found: keyring:NAME or env:NAME.")] = "",
    name: Annotated[str, typer.Option(help="The target's name; left out: the route's.")] = "",
    environment: Annotated[Environment, typer.Option(help="Where it lives.")] = Environment.PRODUCTION,
    to: Annotated[Path | None, typer.Option("--to", help="Write the file here and take the target in, observe-only.")] = None,
) -> None:
    """Look around in a router (and a Prometheus), and show the target file that describes what is there. Only reads are sent."""
    reaches = [
        *([Reach("haproxy", haproxy)] if haproxy else []),
        *([Reach("envoy", envoy)] if envoy else []),
        *([Reach("kubernetes", "", kubeconfig, context, namespace)] if context else []),
    ]
    if len(reaches) != 1:
        raise BadFile(_NOTHING)
    source = PrometheusSource(prometheus, {}, token=_secret(token)) if prometheus else None

    async def work(console: Console) -> None:
        found = await console.wizard.look(reaches[0], _say)
        chosen = _chosen(found, route)
        draft = await _drafted(console, reaches[0], chosen, TargetDraft(name=name or chosen.name.lower(), environment=environment))
        if source is not None:
            draft = await _judged(console, draft, chosen, source)
        _show_tried(await console.wizard.attempt(draft, (), _say))
        written = await console.wizard.write_up(draft, to or Path(f"{draft.name}.yaml"))
        if to is None:
            print(f"\n{written.text}", end="")
            return
        if written.replaces:
            raise BadFile(
                f"{to} is there already.", means="Nothing was written.", advice="Choose another name, or use the window's wizard."
            )
        print(f"{await console.wizard.write(written)} is added from {to}: observe-only.")

    with_console(work)


def _say(words: str) -> None:
    typer.echo(f"{words} …", err=True)


def _secret(text: str) -> SecretRef | None:
    scheme, _, name = text.partition(":")
    if text and (scheme not in {"keyring", "env"} or not name):
        raise BadFile("A token is named, not given: keyring:NAME or env:NAME.")
    return SecretRef(scheme, name) if text else None


def _chosen(found: Found, wanted: str) -> Route:
    """Print what splits traffic, and return the route that is meant. Raises BadFile where that is not clear."""
    print(clean(f"{found.system}: {' '.join(found.notes)}", LINE))
    for each in found.routes:
        parts = ", ".join(part.name for part in each.parts)
        print(clean(f"  {each.kind} {each.name}: {each.detail}; {parts}", LINE))
    _show_rights(found.rights)
    named = [each for each in found.routes if not wanted or each.name == wanted]
    sure = [each for each in named if each.sure]
    if not sure:
        raise BadFile(
            f"Nothing {'named ' + wanted + ' ' if wanted else ''}tells its two sides by their names.",
            advice="Use the window's wizard, where the sides can be chosen, or write the file by hand.",
        )
    return sure[0]


async def _drafted(console: Console, reach: Reach, route: Route, draft: TargetDraft) -> TargetDraft:
    draft = replace(draft, sides=sides_of(route))
    draft = replace(draft, traffic=traffic_of(reach, route, draft.sides))
    workloads = kube_workloads_of(reach, route, draft.sides) if reach.kind == "kubernetes" else None
    draft = replace(draft, workloads=workloads or await console.wizard.versions(route, draft, _say))
    draft = replace(draft, stages=usual_stages(draft.environment, draft.traffic))
    if told := missing(draft):
        raise BadFile(told[0], advice="Use the window's wizard, where it can be typed.")
    return draft


async def _judged(console: Console, draft: TargetDraft, route: Route, source: PrometheusSource) -> TargetDraft:
    found = await console.wizard.metrics(source, draft, route, "", _say)
    for success in found.successes:
        print(clean(f"  success by {success.title}", LINE))
        for ok, failed in success.previews:
            print(clean(f"    {ok.side}: succeeded {_value(ok.value)}, failed {_value(failed.value)}", LINE))
    if not found.successes:
        raise BadFile(found.problem or "No pair of counters tells success from failure there.", advice="Leave out --prometheus.")
    return with_success(draft, found.source, found.successes[0])


def _value(value: float | None) -> str:
    return "nothing" if value is None else f"{value:g}"


def _show_tried(tried: Sequence[Tried]) -> None:
    for each in tried:
        words = "; ".join((*each.facts, *((f"will be pinned: {each.identity}",) if each.identity else ()))) if each.ok else each.problem
        print(clean(f"  {each.port}: {words}", LINE))
        _show_rights(each.rights)


def _show_rights(rights: tuple[Right, ...]) -> None:
    for right in rights:
        word = {True: "may", False: "may not", None: "unknown"}[right.allowed]
        print(clean(f"    {word:<8}{right.what} {right.advice}", LINE))
