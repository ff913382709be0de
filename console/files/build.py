"""From a checked target file to the target that the program works with."""

import shlex
from collections.abc import Iterator

from pydantic import BaseModel

from console.files.sections.alerts import alerts_of
from console.files.sections.dashboards import dashboards_of
from console.files.sections.database import commands_of_database, database_of
from console.files.sections.flags import flag_of
from console.files.sections.kubernetes import logins_of
from console.files.sections.metrics import metrics_of
from console.files.sections.notify import channels_of
from console.files.sections.pipelines import commands_of, pipeline_of
from console.files.sections.traffic import traffic_of
from console.files.sections.workloads import workloads_of
from console.files.shapes import (
    BlackoutSection,
    PanelSection,
    SessionGateSection,
    StageSection,
    TargetFile,
    ThresholdGateSection,
    UndoSection,
    WindowSection,
)
from console.files.spelling import read_moment, read_time
from console.files.wayback import Call, ready_of, reconciler_of, undo_of
from console.model.freeze import Blackout, FreezeWindow, OneOff, Weekly
from console.model.systems import (
    SecretRef,
)
from console.model.target import Environment, FreezeRule, Gate, Panel, PanelKind, Prices, SessionGate, Stage, Target, ThresholdGate


def build(file: TargetFile, path: str, digest: str) -> Target:
    """Return the target that a file describes."""
    gates = tuple(_gate(gate) for gate in file.gates)
    return Target(
        name=file.name,
        title=file.title or file.name,
        environment=Environment(file.environment),
        sides=(file.sides[0], file.sides[1]),
        traffic=traffic_of(file.traffic),
        workloads=workloads_of(file.workloads),
        metrics=metrics_of(file.metrics) if file.metrics else None,
        pipeline=pipeline_of(file.pipeline) if file.pipeline else None,
        flag=flag_of(file.flag) if file.flag else None,
        gates=gates,
        panels=tuple(_panel(panel) for panel in file.panels),
        stages=tuple(_stage(stage, gates) for stage in file.stages),
        rollback=tuple(entry for entry in file.rollback if isinstance(entry, str)),
        undo=tuple(undo_of(entry) for entry in file.rollback if isinstance(entry, UndoSection)),
        ready=tuple(ready_of(section) for section in file.ready),
        reconcilers=tuple(reconciler_of(section) for section in file.reconcilers),
        alerts=alerts_of(file.alerts) if file.alerts else None,
        database=database_of(file.database) if file.database else None,
        dashboards=dashboards_of(file.dashboards),
        notify=channels_of(file.notify),
        rehearse=file.rehearse,
        freezes=tuple(_window(window, file.name) for window in file.freeze.windows),
        blackout=_blackout(file.freeze.blackout),
        freeze_rule=FreezeRule(file.freeze.in_flight),
        auto_rollback_after_s=file.after_a_fail.roll_back_after,
        return_if_lost_s=file.if_the_driver_is_lost.after if file.if_the_driver_is_lost.then != "hold" else None,
        prices=Prices(file.loss.currency, file.loss.per_session, file.loss.sessions_per_min) if file.loss else None,
        owner=file.owner or "",
        speed=file.speed,
        path=path,
        digest=digest,
        commands=_commands(file),
    )


def window_id(target: str, name: str) -> str:
    """Return the id of a freeze window that a target's file declares."""
    return f"file:{target}:{name}"


def _commands(file: TargetFile) -> tuple[str, ...]:
    """Return every command that the file would run, as a shell would show it."""
    undo = [entry for entry in file.rollback if isinstance(entry, UndoSection)]
    calls: list[Call | None] = list(commands_of(file.pipeline)) if file.pipeline else []
    calls += [call for step in undo for call in (step.run, step.check, step.snapshot.check if step.snapshot else None)]
    calls += [section.check for section in file.ready]
    calls += commands_of_database(file.database) if file.database else []
    calls += logins_of(file.traffic, file.workloads)
    calls += [call for each in file.reconcilers for part in (each.pause, each.resume) if part for call in (part.run, part.check)]
    commands = [secret.name for secret in _secrets(file) if secret.scheme == "cmd"]
    return tuple(dict.fromkeys((*(shlex.join(call) for call in calls if isinstance(call, tuple)), *commands)))


def _secrets(section: object) -> Iterator[SecretRef]:
    """Yield where every secret of a section, and of those in it, is found."""
    if isinstance(section, SecretRef):
        yield section
    elif isinstance(section, BaseModel):
        for _, value in section:
            yield from _secrets(value)
    elif isinstance(section, list | tuple):
        for value in section:
            yield from _secrets(value)


def _gate(section: SessionGateSection | ThresholdGateSection) -> Gate:
    if isinstance(section, ThresholdGateSection):
        return ThresholdGate(section.name, section.numerator, section.denominator, section.limit, section.min_count)
    return SessionGate(
        name=section.name,
        ok=section.ok,
        failed=section.failed,
        harm_to=section.must_see,
        frozen_rate_acts=section.frozen_rate_acts,
        resolved=section.counts == "sessions",
    )


def _stage(section: StageSection, gates: tuple[Gate, ...]) -> Stage:
    named = tuple(section.gates) if section.gates is not None else tuple(gate.name for gate in gates)
    return Stage(section.weight, section.wait, named, section.bake)


def _panel(section: PanelSection) -> Panel:
    kind = PanelKind(section.kind)
    return Panel(section.name, kind, section.numerator, section.denominator, section.quantile, section.unit or "")


def _window(section: WindowSection, target: str) -> FreezeWindow:
    span: OneOff | Weekly
    if section.days is not None:
        span = Weekly(frozenset(section.days), read_time(section.start), read_time(section.end))
    else:
        span = OneOff(read_moment(section.start, end=False), read_moment(section.end, end=True))
    return FreezeWindow(
        id=window_id(target, section.name),
        name=section.name,
        owner=section.owner or "",
        reason=section.reason or "",
        zone=section.zone,
        span=span,
        targets=(target,),
        origin="file",
    )


def _blackout(section: BlackoutSection | None) -> Blackout | None:
    if section is None:
        return None
    return Blackout(section.metric, section.peak_per_min, section.close_at, section.open_at)
