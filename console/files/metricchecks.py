"""Checks between the `metrics` section of a target file and what reads it; they read the plain tree, as those between other parts do."""

from collections.abc import Iterator, Mapping
from typing import Any

from console.files.problems import Mistake, nearest, shown

_DEFAULTS = {"ok": "resolved_ok", "failed": "resolved_failed"}


def mistakes_in_metrics(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield queries for metrics that nothing reads: most likely a name that is spelled in another way below."""
    section = tree.get("metrics")
    queries = section.get("queries") if isinstance(section, dict) else None
    if not isinstance(queries, dict):
        return
    read = sorted(set(_names_read(tree)))
    for name in queries:
        if isinstance(name, str) and name not in read:
            wanted = "a metric that a gate, a panel or the blackout reads" + (f": {', '.join(read[:6])}" if read else "")
            yield Mistake(("metrics", "queries", name), f"the metric {shown(name)}", wanted, nearest(name, read))


def _names_read(tree: Mapping[str, Any]) -> Iterator[str]:
    for part in ("gates", "panels"):
        entries = tree.get(part)
        for entry in entries if isinstance(entries, list) else []:
            if not isinstance(entry, dict):
                continue
            named = {**_DEFAULTS, **entry} if entry.get("kind") == "sessions" else entry
            yield from (name for key in ("ok", "failed", "numerator", "denominator") if isinstance(name := named.get(key), str))
    freeze = tree.get("freeze")
    blackout = freeze.get("blackout") if isinstance(freeze, dict) else None
    metric = blackout.get("metric") if isinstance(blackout, dict) else None
    if isinstance(metric, str):
        yield metric
