"""Keeps alerts silenced that a rollout is expected to raise, from its start to its end and no longer."""

import asyncio
import logging
from datetime import timedelta

from console.engine.state import LiveRollout, LiveTarget, Quiet
from console.engine.surroundings import Surroundings
from console.model.alerts import SilenceWanted
from console.model.audit import Entry, RecordKind
from console.model.errors import ConsoleError
from console.model.plan import PlanKind
from console.model.views import Notice

LOG = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often it is looked whether a silence has to begin or to end."""

LEASE_S = 600.0
"""A silence ends by itself after this, whatever becomes of the console; while its rollout is on its way it is made to last longer."""

RENEW_S = 400.0
"""With less than this left a silence is made to last longer."""

LEAVE_S = 2.0
"""A console that closes waits no longer for a silence to end; it then ends by itself."""

LOUD = frozenset({PlanKind.FLAG, PlanKind.REHEARSAL, PlanKind.RECONCILERS, PlanKind.WORKLOADS})
"""Plans that move no traffic: nothing is silenced for them."""


def watched(live: LiveTarget) -> bool:
    """Tell whether the target's file says that alerts are silenced."""
    return live.connections.alerts is not None and live.target.alerts is not None and bool(live.target.alerts.silence)


async def keep(around: Surroundings, live: LiveTarget) -> Notice | None:
    """Begin, renew or end the silence of the rollout that this console drives or takes back; return what a person should notice.

    Raises RemoteError or OutcomeUnknown where that was told before; it is tried again at the next look.
    """
    quiet, record = live.quiet, live.rollout
    if quiet is not None and (record is None or record.id != quiet.rollout or record.rollout.phase.over):
        await _end(around, live, quiet)
    elif record is not None and _needs(live, record) and _is_due(around, quiet):
        return await _begin(around, live, record)
    return None


async def leave(around: Surroundings, live: LiveTarget) -> None:
    """End the silence of a rollout that is over before the console closes; what cannot be ended now ends by itself."""
    if live.quiet is None or live.rollout is None or not live.rollout.rollout.phase.over:
        return
    try:
        async with asyncio.timeout(LEAVE_S):
            await _end(around, live, live.quiet)
    except (ConsoleError, TimeoutError) as error:
        LOG.warning("the silence for %s was left to end by itself: %s", live.name, error)


def _needs(live: LiveTarget, record: LiveRollout) -> bool:
    """Tell whether a rollout is on its way here: under a wheel of this console, or going back by it."""
    here = record.mine or record.backward is not None
    return here and live.row.armed and not record.rollout.phase.over and record.rollout.plan.kind not in LOUD


def _is_due(around: Surroundings, quiet: Quiet | None) -> bool:
    return quiet is None or quiet.held is None or (quiet.held.until - around.clock.now()).total_seconds() < RENEW_S


async def _begin(around: Surroundings, live: LiveTarget, record: LiveRollout) -> Notice | None:
    """Silence, or let last longer. The first failure is recorded and told; nothing of the rollout waits for it."""
    spec, alerts = live.target.alerts, live.connections.alerts
    if spec is None or alerts is None:
        return None
    wanted = _wanted(around, live, record, spec.match, spec.silence)
    quiet = live.quiet
    if quiet is None:
        detail = {"matchers": wanted.matchers, "until": wanted.until.isoformat()}
        if await around.note(_entry(around, live, record.id, RecordKind.INTENT, "silence alerts", detail)) is not None:
            return None  # nothing is changed out there that could not be recorded first
        quiet = live.quiet = Quiet(record.id)
    begins = quiet.held is None
    try:
        quiet.held = await alerts.silence(wanted)
    except ConsoleError as error:
        if quiet.failed or not begins:
            raise
        quiet.failed = True
        await around.note(_entry(around, live, record.id, RecordKind.OUTCOME, "silence alerts", {"failed": error.message}))
        text = f"{error.message} People may be called for what the rollout does; it goes on."
        return Notice(around.clock.now(), "unknown", f"{live.target.title}: alerts are not silenced", text, live.name, record.id)
    if begins:
        detail = {"silence": quiet.held.id, "until": wanted.until.isoformat()}
        await around.note(_entry(around, live, record.id, RecordKind.OUTCOME, "silence alerts", detail))
    return None


def _wanted(around: Surroundings, live: LiveTarget, record: LiveRollout, *matchers: str) -> SilenceWanted:
    plan = record.rollout.plan
    return SilenceWanted(
        matchers=", ".join(each.strip().rstrip(",") for each in matchers),
        until=around.clock.now() + timedelta(seconds=LEASE_S),
        comment=f"release-console: {plan.kind.value} {record.id} of {plan.release or plan.stable_version} on {live.name}",
        author=record.rollout.started_by.name,
    )


async def _end(around: Surroundings, live: LiveTarget, quiet: Quiet) -> None:
    held, alerts = quiet.held, live.connections.alerts
    if held is None or alerts is None:
        live.quiet = None
        return
    detail = {"silence": held.id}
    if held.until > around.clock.now():
        if not quiet.ending:
            quiet.ending = True
            await around.note(_entry(around, live, quiet.rollout, RecordKind.INTENT, "end silence", detail))
        await alerts.end_silence(held.id)
        detail["ended"] = "here"
    else:
        detail["ended"] = "by itself"
    if live.quiet is quiet:
        live.quiet = None
    await around.note(_entry(around, live, quiet.rollout, RecordKind.OUTCOME, "end silence", detail))


def _entry(around: Surroundings, live: LiveTarget, rollout: str, kind: RecordKind, verb: str, detail: dict[str, str]) -> Entry:
    result = "sent" if kind is RecordKind.INTENT else "failed" if "failed" in detail else "confirmed"
    step = f"{rollout}.{verb.replace(' ', '-')}"
    return Entry(
        kind, around.actor, around.clock.now(), verb, target=live.name, rollout=rollout, result=result, detail={"step": step, **detail}
    )
