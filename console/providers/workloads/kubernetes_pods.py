"""Pods, events, analysis runs and logs in Kubernetes, read to be shown."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from console.model.errors import Refused, TooLarge
from console.model.text import clean, clean_bytes
from console.model.workloads import AnalysisNow, ClusterEvent, LogAsked, PodNow
from console.providers.clients.kubeobjects import number, objects, part
from console.providers.clients.kubernetes import ANALYSES, EVENTS, PODS, KubeClient, Object
from console.providers.workloads.kubernetes import pod_in_words

LOG_BYTES = 512 * 1024
"""Of a log that is read at once."""

FOLLOWED_BYTES = 8 * 1024 * 1024
"""Of a log that is followed."""

LINE = 2000
"""Characters of a line."""

_PODS, _EVENTS, _RUNS = 100, 30, 10


def selector(found: Object) -> str:
    """Return what chooses a workload's pods, as a query."""
    labels = part(found, "spec", "selector", "matchLabels")
    return ",".join(f"{key}={value}" for key, value in labels.items())


def instant(value: object) -> datetime | None:
    """Return an instant as Kubernetes writes it, None where it is none."""
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC) if value else None
    except ValueError:
        return None


async def pods_of(kube: KubeClient, namespace: str, selectors: Mapping[str, str], timeout_s: float, notes: list[str]) -> tuple[PodNow, ...]:
    """Return the pods of each workload, those that are not ready first; `notes` takes why some could not be read."""
    found = []
    for workload, labels in selectors.items():
        for pod in await _items(kube, PODS.path(namespace), timeout_s, "pods", notes, labelSelector=labels, limit=str(_PODS)):
            statuses = objects(pod, "status", "containerStatuses")
            names = [clean(str(each.get("name")), 63) for each in objects(pod, "spec", "containers")]
            meta = part(pod, "metadata")
            restarts = sum(number(each, "restartCount") for each in statuses)
            name = clean(str(meta.get("name")), 120)
            problem = pod_in_words(pod).removeprefix(f"pod {clean(name, 60)}").removeprefix(":").strip()
            found.append(PodNow(name, workload, problem, restarts, tuple(names), instant(meta.get("creationTimestamp"))))
    return tuple(sorted(found, key=lambda pod: (not pod.problem, pod.workload, pod.name)))


async def events_of(kube: KubeClient, namespace: str, about: set[str], timeout_s: float, notes: list[str]) -> tuple[ClusterEvent, ...]:
    """Return the last events of some objects, the newest first."""
    found = []
    for event in await _items(kube, EVENTS.path(namespace), timeout_s, "events", notes, limit="500"):
        name = str(part(event, "involvedObject").get("name"))
        if name in about:
            at = instant(event.get("lastTimestamp") or event.get("eventTime") or part(event, "metadata").get("creationTimestamp"))
            text, reason = clean(str(event.get("message") or ""), 200), clean(str(event.get("reason") or ""), 60)
            warning, count = event.get("type") == "Warning", number(event, "count", 1)
            found.append(ClusterEvent(clean(name, 120), reason, text, warning, count, at))
    oldest = datetime.min.replace(tzinfo=UTC)
    return tuple(sorted(found, key=lambda event: event.at or oldest, reverse=True)[:_EVENTS])


async def analyses_of(
    kube: KubeClient, namespace: str, rollouts: Sequence[Object], timeout_s: float, notes: list[str]
) -> tuple[AnalysisNow, ...]:
    """Return the analysis runs of some Argo Rollouts, the newest first."""
    ours = {str(part(found, "metadata").get("uid")) for found in rollouts}
    runs = await _items(kube, ANALYSES.path(namespace), timeout_s, "analysis runs", notes, limit="200")
    owned = [run for run in runs if any(str(each.get("uid")) in ours for each in objects(run, "metadata", "ownerReferences"))]
    oldest = datetime.min.replace(tzinfo=UTC)
    found = [_analysis(run) for run in owned]
    return tuple(sorted(found, key=lambda run: run.started_at or oldest, reverse=True)[:_RUNS])


async def log_lines(kube: KubeClient, path: str, asked: LogAsked, timeout_s: float) -> AsyncGenerator[str, None]:
    """Yield the lines of a container's log, each cleaned; bounded in lines and bytes, and told so where something was cut."""
    query = {"tailLines": str(asked.lines)} | ({"container": asked.container} if asked.container else {})
    if asked.previous:
        query["previous"] = "true"
    if not asked.follow:
        whole = await kube.text(path, timeout_s, LOG_BYTES + 1024, limitBytes=str(LOG_BYTES), **query)
        for line in whole.split(b"\n") if whole else ():
            if line:
                yield clean_bytes(line, LINE)
        if len(whole) >= LOG_BYTES:
            yield f"… cut at {LOG_BYTES // 1024} KiB: ask for fewer lines"
        return
    try:
        async with aclosing(kube.lines(path, timeout_s, FOLLOWED_BYTES, follow="true", **query)) as lines:
            async for line in lines:
                yield clean_bytes(line, LINE)
    except TooLarge:
        yield f"… cut at {FOLLOWED_BYTES // (1024 * 1024)} MiB: follow it anew to go on"


async def _items(kube: KubeClient, path: str, timeout_s: float, what: str, notes: list[str], **query: str) -> Sequence[Mapping[str, Any]]:
    try:
        return objects(await kube.get(path, timeout_s, **query), "items")
    except Refused as refused:
        if refused.status == 403:
            notes.append(f"Our account may not list {what}: they are not shown.")
        elif refused.status != 404:  # a cluster that does not know the kind has none
            raise
        return ()


def _analysis(run: Object) -> AnalysisNow:
    status, meta = part(run, "status"), part(run, "metadata")
    metrics = []
    for each in objects(run, "status", "metricResults"):
        counts = [f"{number(each, key)} {key}" for key in ("successful", "failed", "inconclusive", "error") if number(each, key)]
        words = f"{clean(str(each.get('name')), 60)}: {clean(str(each.get('phase') or 'pending'), 40)}"
        metrics.append(f"{words} ({', '.join(counts)})" if counts else words)
    phase, message = clean(str(status.get("phase") or "Pending"), 40), clean(str(status.get("message") or ""), 200)
    return AnalysisNow(clean(str(meta.get("name")), 120), phase, message, tuple(metrics[:5]), instant(meta.get("creationTimestamp")))
