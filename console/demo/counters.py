"""Counters of one version of the practice shop, told as OpenMetrics text."""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate

EDGES_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
KIND = "application/openmetrics-text; version=1.0.0; charset=utf-8"

PLAIN = {
    "http_errors": "Requests answered with a 5xx code.",
    "checkouts_started": "Checkout sessions begun.",
    "payment_attempts": "Payments tried.",
    "payments_ok": "Payments completed.",
    "payments_declined": "Payments that the provider declined.",
    "payments_pending": "Payments that the provider neither took nor declined.",
    "resolved_ok": "Checkout sessions that ended with a completed payment.",
    "resolved_failed": "Checkout sessions that ended, or timed out, without one.",
}


class Counters:
    """Counts since the process began; each only grows. Known routes are told from the start, so that "none yet" differs from "unknown"."""

    def __init__(self, routes: Iterable[str] = ()) -> None:
        self._plain = dict.fromkeys(PLAIN, 0)
        self._requests: dict[tuple[str, int], int] = {(route, 200): 0 for route in routes}
        self._buckets = [0] * (len(EDGES_S) + 1)
        self._seconds = 0.0

    def add(self, name: str, count: int = 1) -> None:
        """Count an event of the `PLAIN` ones. Raises KeyError for another name."""
        self._plain[name] += count

    def served(self, route: str, code: int, seconds: float) -> None:
        """Count a request that a customer made."""
        self._requests[route, code] = self._requests.get((route, code), 0) + 1
        self._buckets[bisect_left(EDGES_S, seconds)] += 1
        self._seconds += seconds
        if code >= 500:
            self.add("http_errors")

    def text(self) -> str:
        """Return the OpenMetrics exposition (https://prometheus.io/docs/specs/om/open_metrics_spec/)."""
        lines = ["# TYPE http_requests counter", "# HELP http_requests Requests of customers, by route and status code."]
        lines += [f'http_requests_total{{route="{route}",code="{code}"}} {n}' for (route, code), n in sorted(self._requests.items())]
        for name, meaning in PLAIN.items():
            lines += [f"# TYPE {name} counter", f"# HELP {name} {meaning}", f"{name}_total {self._plain[name]}"]
        family = "http_request_duration_seconds"
        lines += [f"# TYPE {family} histogram", f"# HELP {family} Time to answer a customer's request.", f"# UNIT {family} seconds"]
        edges = [*(str(edge) for edge in EDGES_S), "+Inf"]
        cumulative = list(accumulate(self._buckets))
        lines += [f'{family}_bucket{{le="{edge}"}} {count}' for edge, count in zip(edges, cumulative, strict=True)]
        lines += [f"{family}_sum {self._seconds:.6f}", f"{family}_count {cumulative[-1]}", "# EOF"]
        return "\n".join(lines) + "\n"
