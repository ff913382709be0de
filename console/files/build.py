"""From a checked target file to the target that the program works with."""

import shlex

from console.files.shapes import (
    BlackoutSection,
    EnvoySection,
    FlagSection,
    HaproxySection,
    MetricsSection,
    PanelSection,
    PipelineSection,
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
    CommandPipeline,
    CommandStage,
    EnvoyTraffic,
    HaproxyTraffic,
    HttpFlag,
    HttpWorkloads,
    OpenMetricsSource,
    TrafficSpec,
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
        traffic=_traffic(file.traffic),
        workloads=HttpWorkloads(file.workloads.urls, file.workloads.timeout),
        metrics=_metrics(file.metrics),
        pipeline=_pipeline(file.pipeline),
        flag=_flag(file.flag),
        gates=gates,
        panels=tuple(_panel(panel) for panel in file.panels),
        stages=tuple(_stage(stage, gates) for stage in file.stages),
        rollback=tuple(entry for entry in file.rollback if isinstance(entry, str)),
        undo=tuple(undo_of(entry) for entry in file.rollback if isinstance(entry, UndoSection)),
        ready=tuple(ready_of(section) for section in file.ready),
        reconcilers=tuple(reconciler_of(section) for section in file.reconcilers),
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
    calls: list[Call | None] = [tuple(stage.run) for stage in file.pipeline.stages] if file.pipeline else []
    calls += [call for step in undo for call in (step.run, step.check, step.snapshot.check if step.snapshot else None)]
    calls += [section.check for section in file.ready]
    calls += [call for each in file.reconcilers for part in (each.pause, each.resume) for call in (part.run, part.check)]
    secrets = [section.token for section in (file.metrics, file.flag, *undo, *file.ready, *file.reconcilers) if section is not None]
    commands = [secret.name for secret in secrets if secret is not None and secret.scheme == "cmd"]
    return tuple(dict.fromkeys((*(shlex.join(call) for call in calls if isinstance(call, tuple)), *commands)))


def _traffic(section: EnvoySection | HaproxySection) -> TrafficSpec:
    if isinstance(section, EnvoySection):
        return EnvoyTraffic(section.admin, section.runtime_prefix, section.clusters, section.timeout)
    servers = {side: tuple(names) for side, names in section.servers.items()}
    return HaproxyTraffic(section.address, section.backend, servers, section.timeout)


def _metrics(section: MetricsSection | None) -> OpenMetricsSource | None:
    return None if section is None else OpenMetricsSource(section.urls, section.poll, section.timeout, section.token)


def _pipeline(section: PipelineSection | None) -> CommandPipeline | None:
    if section is None:
        return None
    stages = (CommandStage(stage.name, tuple(stage.run), stage.timeout) for stage in section.stages)
    return CommandPipeline(tuple(stages), section.folder)


def _flag(section: FlagSection | None) -> HttpFlag | None:
    if section is None:
        return None
    return HttpFlag(section.url, section.name, section.timeout, section.token, section.raise_at_start)


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
