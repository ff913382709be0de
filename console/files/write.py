"""A target as the text of a target file, which reads back as the same target."""

from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter

from console.files.sections.alerts import written_alerts
from console.files.sections.dashboards import written_dashboards
from console.files.sections.database import written_database
from console.files.sections.flags import written_flag
from console.files.sections.metrics import written_metrics
from console.files.sections.notify import written_channel
from console.files.sections.pipelines import written_pipeline
from console.files.sections.spelled import given
from console.files.sections.traffic import written_traffic
from console.files.sections.workloads import written_workloads
from console.files.spelling import DAYS, write_number, write_share, write_span
from console.files.wayback import written_ready, written_reconciler, written_undo
from console.model.freeze import FreezeWindow, Weekly
from console.model.target import Gate, Panel, PanelKind, SessionGate, Stage, Target

HEADER = "# A target of release-console. Spans are written as 45 s or 15 min, weights and shares as 5 %.\n"


def write_target(target: Target) -> str:
    """Return a target as YAML; `load_target` of it gives the target back (path, digest and the list of commands aside)."""
    document = _names(target) | _systems(target) | _course(target) | _way_back(target) | _limits(target)
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.allow_unicode = True
    yaml.width = 1_000_000
    yaml.representer.ignore_aliases = lambda _: True
    yaml.representer.add_representer(_Digits, _bare)
    text = StringIO()
    yaml.dump(given(document), text)
    return HEADER + text.getvalue()


def _names(target: Target) -> dict[str, object]:
    return {
        "format": 1,
        "name": target.name,
        "title": target.title,
        "environment": target.environment.value,
        "owner": target.owner or None,
        "sides": list(target.sides),
    }


def _systems(target: Target) -> dict[str, object]:
    return {
        "traffic": written_traffic(target.traffic),
        "workloads": written_workloads(target.workloads),
        "metrics": written_metrics(target.metrics) if target.metrics else None,
        "pipeline": written_pipeline(target.pipeline) if target.pipeline else None,
        "flag": written_flag(target.flag) if target.flag else None,
    }


def _course(target: Target) -> dict[str, object]:
    return {
        "gates": [_gate(gate) for gate in target.gates],
        "stages": [_stage(stage) for stage in target.stages],
        "panels": [_panel(panel) for panel in target.panels],
    }


def _way_back(target: Target) -> dict[str, object]:
    return {
        "rollback": [*target.rollback, *(written_undo(step) for step in target.undo)],
        "ready": [written_ready(check) for check in target.ready] or None,
        "reconcilers": [written_reconciler(each) for each in target.reconcilers] or None,
        "database": written_database(target.database) if target.database else None,
        "alerts": written_alerts(target.alerts) if target.alerts else None,
        "dashboards": written_dashboards(target.dashboards),
        "notify": [written_channel(each) for each in target.notify] or None,
        "rehearse": True if target.rehearse else None,
        "after_a_fail": {"roll_back_after": write_span(target.auto_rollback_after_s)},
    }


def _limits(target: Target) -> dict[str, object]:
    lost_s = target.return_if_lost_s
    return {
        "if_the_driver_is_lost": None if lost_s is None else {"then": "return to stable", "after": write_span(lost_s)},
        "freeze": _freeze(target),
        "loss": _loss(target),
        "speed": _number(target.speed),
    }


class _Digits(str):
    """A number that is written bare, as it is spelled."""

    __slots__ = ()


def _number(number: float) -> _Digits:
    return _Digits(write_number(number))


def _bare(representer: SafeRepresenter, digits: _Digits) -> ScalarNode:
    kind = "float" if "." in digits else "int"
    return representer.represent_scalar(f"tag:yaml.org,2002:{kind}", str(digits))


def _gate(gate: Gate) -> dict[str, Any]:
    if isinstance(gate, SessionGate):
        return {
            "name": gate.name,
            "kind": "sessions",
            "ok": gate.ok,
            "failed": gate.failed,
            "must_see": write_share(gate.harm_to) if gate.harm_to else "total failure",
            "frozen_rate_acts": gate.frozen_rate_acts,
            "counts": "sessions" if gate.resolved else "attempts",
        }
    return given(
        {
            "name": gate.name,
            "kind": "threshold",
            "numerator": gate.numerator,
            "denominator": gate.denominator,
            "limit": _number(gate.limit),
            "min_count": gate.min_count,
        }
    )


def _stage(stage: Stage) -> dict[str, Any]:
    return given(
        {"weight": f"{stage.weight} %", "wait": write_span(stage.wait_s), "gates": list(stage.gates), "bake": True if stage.bake else None}
    )


def _panel(panel: Panel) -> dict[str, Any]:
    return given(
        {
            "name": panel.name,
            "kind": panel.kind.value,
            "numerator": panel.numerator,
            "denominator": panel.denominator,
            "quantile": _number(panel.quantile) if panel.kind is PanelKind.QUANTILE else None,
            "unit": panel.unit or None,
        }
    )


def _freeze(target: Target) -> dict[str, Any]:
    blackout = target.blackout
    return given(
        {
            "in_flight": target.freeze_rule.value,
            "windows": [_window(window) for window in target.freezes],
            "blackout": blackout
            and {
                "metric": blackout.metric,
                "peak_per_min": _number(blackout.peak_per_min),
                "close_at": write_share(blackout.close_at),
                "open_at": write_share(blackout.open_at),
            },
        }
    )


def _window(window: FreezeWindow) -> dict[str, Any]:
    span = window.span
    days = [DAYS[day] for day in sorted(span.days)] if isinstance(span, Weekly) else None
    start, end = (str(moment).removesuffix(":00") if not moment.second else str(moment) for moment in (span.start, span.end))
    return given(
        {
            "name": window.name,
            "zone": window.zone,
            "days": days,
            "from": start,
            "until": end,
            "owner": window.owner or None,
            "reason": window.reason or None,
        }
    )


def _loss(target: Target) -> dict[str, Any] | None:
    prices = target.prices
    if prices is None:
        return None
    per_min = None if prices.sessions_per_min is None else _number(prices.sessions_per_min)
    return given({"currency": prices.currency, "per_session": _number(prices.per_session), "sessions_per_min": per_min})
