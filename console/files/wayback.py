"""The declared steps of the way back between a target file and the target: read and written."""

from typing import Any

from console.files.sections.argocd import argocd_of, written_argocd
from console.files.shapes import CallSection, ReadySection, ReconcilerSection, UndoSection
from console.files.spelling import write_span
from console.model.systems import ArgoCdUndo, CommandUndo, HttpUndo, MigrationUndo, SecretRef, UndoSpec
from console.model.target import ReadyCheck, Reconciler, Reversibility, Snapshot, UndoKind, UndoStep

Call = str | tuple[str, ...]
"""An address, or the words of a command."""

LOOK_S = 5.0
"""A question waits no longer for its answer where the file gives no time of its own."""


def _spec(run: Call, check: Call, timeout_s: float, token: SecretRef | None) -> UndoSpec:
    """Return how something is done and verified; both by an address, or both by a command."""
    if isinstance(check, str):
        return HttpUndo(run if isinstance(run, str) else "", check, timeout_s, token)
    return CommandUndo(run if isinstance(run, tuple) else (), check, ".", timeout_s)


def undo_of(section: UndoSection) -> UndoStep:
    """Return a declared step."""
    snapshot = None
    if section.snapshot is not None:
        snapshot = Snapshot(_spec("", section.snapshot.check, LOOK_S, section.token), section.snapshot.max_age)
    return UndoStep(
        name=section.name,
        kind=UndoKind(section.kind),
        spec=_step_spec(section),
        after=tuple(section.after),
        deadline_s=section.timeout,
        predicted_s=section.expected,
        reversibility=Reversibility(section.reversibility),
        loses=section.loses or "",
        snapshot=snapshot,
        instructions=section.instructions or "",
        from_stage=section.from_stage or 0,
    )


def _step_spec(section: UndoSection) -> UndoSpec | None:
    if section.argocd is not None:
        return argocd_of(section.argocd, section.argocd.do, section.timeout, section.token)
    if section.migration is not None:
        return MigrationUndo(section.migration, section.timeout)
    return None if section.check is None else _spec(section.run or "", section.check, section.timeout, section.token)


def ready_of(section: ReadySection) -> ReadyCheck:
    """Return a declared check of readiness."""
    if section.argocd is not None:
        return ReadyCheck(section.name, argocd_of(section.argocd, "healthy", section.timeout, section.token), section.closes, section.then)
    return ReadyCheck(section.name, _spec("", section.check or "", section.timeout, section.token), section.closes, section.then)


def reconciler_of(section: ReconcilerSection) -> Reconciler:
    """Return a declared reconciler."""

    def spec(part: CallSection | None, action: str) -> UndoSpec:
        if section.argocd is not None:
            return argocd_of(section.argocd, action, section.timeout, section.token)
        return _spec(part.run, part.check, section.timeout, section.token) if part is not None else _spec("", "", section.timeout, None)

    return Reconciler(section.name, spec(section.pause, "pause"), spec(section.resume, "resume"))


def written_undo(step: UndoStep) -> dict[str, Any]:
    """Return a declared step as the file spells it."""
    spec, snapshot = step.spec, step.snapshot
    runs = isinstance(spec, HttpUndo | CommandUndo) and bool(spec.run)
    signed = step.reversibility is Reversibility.LOSSY and snapshot is None
    section: dict[str, Any] = {
        "name": step.name,
        "kind": step.kind.value,
        **({} if spec is None else _way(spec, run=step.reversibility is not Reversibility.ONE_WAY or runs)),
        "after": list(step.after),
        "timeout": write_span(step.deadline_s),
        "expected": write_span(step.predicted_s),
        "from_stage": step.from_stage or None,
        "class": step.reversibility.value,
        "loses": step.loses or None,
        "snapshot": snapshot and {**_way(snapshot.check, run=False), "max_age": write_span(snapshot.max_age_s)},
        "no_way_back": "signed" if signed else None,
        "instructions": step.instructions or None,
        "token": _token(spec),
    }
    return {key: value for key, value in section.items() if value is not None}


def written_ready(check: ReadyCheck) -> dict[str, Any]:
    """Return a check of readiness as the file spells it."""
    section = {
        "name": check.name,
        **_way(check.spec, run=False),
        "closes": check.closes,
        "then": None if check.then_s is None else write_span(check.then_s),
        "timeout": write_span(check.spec.timeout_s),
        "token": _token(check.spec),
    }
    return {key: value for key, value in section.items() if value is not None}


def written_reconciler(each: Reconciler) -> dict[str, Any]:
    """Return a reconciler as the file spells it."""
    argocd = isinstance(each.pause, ArgoCdUndo)
    section = {
        "name": each.name,
        **(_way(each.pause, run=True) if argocd else {"pause": _way(each.pause, run=True), "resume": _way(each.resume, run=True)}),
        "timeout": write_span(each.pause.timeout_s),
        "token": _token(each.pause),
    }
    return {key: value for key, value in section.items() if value is not None}


def _way(spec: UndoSpec, *, run: bool) -> dict[str, Any]:
    if isinstance(spec, ArgoCdUndo):
        return {"argocd": written_argocd(spec)}
    if isinstance(spec, MigrationUndo):
        return {"migration": spec.migration}
    return {"run": _words(spec.run), "check": _words(spec.check)} if run else {"check": _words(spec.check)}


def _words(call: Call) -> str | list[str]:
    return call if isinstance(call, str) else list(call)


def _token(spec: UndoSpec | None) -> str | None:
    if not isinstance(spec, HttpUndo | ArgoCdUndo) or spec.token is None:
        return None
    return f"{spec.token.scheme}:{spec.token.name}"
