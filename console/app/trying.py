"""Reads everything that a drafted target names, once, with the providers that it will have, and says in words what each read gave."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from console.model.clock import Clock
from console.model.errors import BadFile, ConsoleError
from console.model.kubernetes import ArgoRollout, KubeRoute, KubeService, KubeTraffic
from console.model.ports import Connections
from console.model.systems import EnvoyTraffic, HaproxyTraffic, HttpWorkloads, PrometheusSource, TrafficSpec
from console.model.target import Stage, Target
from console.model.wizard import Progress, Right, TargetDraft, Tried
from console.policy.drafting import missing, target_of

_READ_S = 20.0


async def attempt(
    draft: TargetDraft, connected: Callable[[Target], Connections], clock: Clock, ports: Sequence[str], progress: Progress
) -> Sequence[Tried]:
    """Return what each system of a draft answered; one that fails is told as such and keeps none of the others from being read.

    `ports` reads only these, of a draft that need not be whole; none reads all. Raises BadFile where something is missing.
    """
    if told := missing(_filled(draft) if ports else draft):
        raise BadFile(told[0], advice="Answer that step first.")
    connections = connected(target_of(_filled(draft)))
    try:
        reads: dict[str, Callable[[], Awaitable[Tried]]] = {
            "traffic": lambda: _traffic(draft, connections, clock),
            "workloads": lambda: _workloads(draft, connections),
        }
        if connections.metrics is not None:
            reads["metrics"] = lambda: _metrics(draft, connections)
        if connections.flags is not None:
            reads["flag"] = lambda: _flag(connections)
        asked = [port for port in reads if not ports or port in ports]
        progress(f"Reading {', '.join(asked)}")
        return list(await asyncio.gather(*(_told(port, _system(draft, port), reads[port]) for port in asked)))
    finally:
        await connections.close()


def _filled(draft: TargetDraft) -> TargetDraft:
    """Return a draft with something where nothing was answered yet; it is not read."""
    return replace(
        draft,
        name=draft.name or "draft",
        workloads=draft.workloads or HttpWorkloads(dict.fromkeys(draft.sides, "http://127.0.0.1:9/")),
        stages=draft.stages or (Stage(100, 0, ()),),
    )


async def rights_of(traffic: TrafficSpec, clock: Clock) -> tuple[Right, ...]:
    """Ask what our credentials may do at a router; nothing is changed there. Raises RemoteError."""
    if isinstance(traffic, HaproxyTraffic):
        from console.providers.traffic.haproxy_look import haproxy_rights  # noqa: PLC0415

        return await haproxy_rights(traffic.address)
    if isinstance(traffic, EnvoyTraffic):
        from console.providers.clients.http import HttpClient  # noqa: PLC0415
        from console.providers.traffic.envoy_look import envoy_rights  # noqa: PLC0415

        http = HttpClient(clock)
        try:
            return await envoy_rights(traffic.admin, http)
        finally:
            await http.aclose()
    return await _kube_rights(traffic, clock) if isinstance(traffic, KubeService | KubeRoute | ArgoRollout) else ()


async def _kube_rights(traffic: KubeTraffic, clock: Clock) -> tuple[Right, ...]:
    from console.providers.clients.kubelook import kube_rights  # noqa: PLC0415
    from console.providers.clients.kubernetes import KubeClient  # noqa: PLC0415

    if isinstance(traffic, KubeService):
        kind, name = "kubernetes-service", traffic.service
    elif isinstance(traffic, KubeRoute):
        kind, name = "kubernetes-httproute", traffic.route
    else:
        kind, name = "argo-rollout", traffic.rollout
    kube = KubeClient(traffic.cluster, Path.cwd(), clock, lambda: True)
    try:
        return await kube_rights(kube, kind, traffic.namespace, name)
    finally:
        await kube.aclose()


async def _told(port: str, system: str, read: Callable[[], Awaitable[Tried]]) -> Tried:
    try:
        async with asyncio.timeout(_READ_S):
            return await read()
    except TimeoutError:
        return Tried(port, system, problem=f"It gave no answer in {_READ_S:g} s. Check the address, and try again.")
    except ConsoleError as error:
        return Tried(port, system, problem=str(error))


def _system(draft: TargetDraft, port: str) -> str:
    if port == "traffic":
        traffic = draft.traffic
        if isinstance(traffic, HaproxyTraffic):
            return f"HAProxy at {traffic.address}"
        if isinstance(traffic, EnvoyTraffic):
            return f"Envoy at {traffic.admin}"
        return f"Kubernetes {traffic.cluster.context}" if isinstance(traffic, KubeService | KubeRoute | ArgoRollout) else "the router"
    if port == "metrics" and isinstance(draft.metrics, PrometheusSource):
        return f"Prometheus at {draft.metrics.url}"
    return {"workloads": "the sides' versions", "metrics": "the sides' metrics", "flag": "the flag's service"}[port]


async def _traffic(draft: TargetDraft, connections: Connections, clock: Clock) -> Tried:
    identity = await connections.router.identity()
    split = await connections.router.split()
    weights = ", ".join(f"{side} {split.weights.get(side, 0):g} %" for side in draft.sides)
    facts = (f"weights now: {weights}", *((split.note,) if split.note else ()))
    rights = () if draft.traffic is None else await rights_of(draft.traffic, clock)
    return Tried("traffic", _system(draft, "traffic"), facts, identity.fingerprint, rights)


async def _workloads(draft: TargetDraft, connections: Connections) -> Tried:
    found = [await connections.workloads.version(side) for side in draft.sides]
    facts = tuple(
        f"{side} runs {each.version or 'nothing'}" + ("" if each.healthy else f", not healthy{': ' + each.detail if each.detail else ''}")
        for side, each in zip(draft.sides, found, strict=True)
    )
    return Tried("workloads", _system(draft, "workloads"), facts)


async def _metrics(draft: TargetDraft, connections: Connections) -> Tried:
    if connections.metrics is None:
        return Tried("metrics", "none")
    reading = await connections.metrics.read()
    names = [name for gate in draft.gates for name in (gate.ok, gate.failed)]
    facts = tuple(
        f"{side}: " + ", ".join(f"{name} {values[name]:g}" if name in values else f"{name} has no number" for name in names)
        for side, values in reading.values.items()
    )
    rights = (Right("read its metrics; nothing is ever written there", allowed=True),)
    tried = Tried("metrics", _system(draft, "metrics"), facts, rights=rights)
    return replace(tried, problem="; ".join(f"{side}: {why}" for side, why in reading.errors.items()))


async def _flag(connections: Connections) -> Tried:
    if connections.flags is None:
        return Tried("flag", "none")
    state = await connections.flags.state()
    return Tried("flag", "the flag's service", (f"{state.name} is {'on' if state.on else 'off'}, {state.percent:g} %",))
