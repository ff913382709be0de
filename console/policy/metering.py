"""Which metrics a target reads, and what for."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from console.model.alerts import AlertmanagerAlerts
from console.model.readings import MetricNames
from console.model.systems import MetricsSpec, PrometheusSource
from console.model.target import PanelKind, SessionGate, Target


def names_of(target: Target) -> MetricNames:
    """Return the metrics that gates, panels and the blackout of a target rest on, each name once."""
    sessions = [gate for gate in target.gates if isinstance(gate, SessionGate)]
    limits = [gate for gate in target.gates if not isinstance(gate, SessionGate)]
    pairs = [(gate.ok, gate.failed) for gate in sessions]
    pairs += [(gate.numerator, gate.denominator) for gate in limits if gate.denominator is not None]
    grown = [name for pair in pairs for name in pair]
    last = [gate.numerator for gate in limits if gate.denominator is None]
    grown += [target.blackout.metric] if target.blackout is not None else []
    judged = frozenset((*grown, *last))
    for panel in target.panels:
        if panel.kind is not PanelKind.QUANTILE:
            grown += [panel.numerator] if panel.denominator is None else [panel.numerator, panel.denominator]
    counters = _once(grown)
    return MetricNames(
        counters=counters,
        values=tuple(name for name in _once(last) if name not in counters),
        histograms=_once(panel.numerator for panel in target.panels if panel.kind is PanelKind.QUANTILE),
        judged=judged,
        pairs=tuple(pairs),
    )


def metrics_name(source: MetricsSpec) -> str:
    """Return the source's name as screens show it: "Prometheus 127.0.0.1:9090"."""
    return f"Prometheus {urlsplit(source.url).netloc}" if isinstance(source, PrometheusSource) else "OpenMetrics"


def alerts_name(source: AlertmanagerAlerts) -> str:
    """Return where alerts are read as screens show it: "Alertmanager 127.0.0.1:9093"."""
    return f"Alertmanager {urlsplit(source.url).netloc}"


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
