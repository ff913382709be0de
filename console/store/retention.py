"""Deletes what is past its retention: samples of rollouts that are over. Never the audit, and nothing that a rollout on its way needs."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from console.model.audit import Entry, RecordKind
from console.model.rollout import Actor
from console.store.rows import stamp
from console.store.schema import rollouts, samples
from console.store.trail import append_to

AT_ONCE = 10_000
"""How many samples one transaction deletes, so that it keeps nobody waiting who wants to write."""


def forget(conn: Connection, before: datetime, actor: Actor, at: datetime, at_once: int = AT_ONCE) -> int:
    """Delete samples from before an instant of rollouts that are over, with a record, in the open transaction; returns how many.

    As many as `at_once`: there may be more then.
    """
    over = select(rollouts.c.id).where(rollouts.c.over == 1)
    old = select(samples.c.number).where(samples.c.at < stamp(before), samples.c.rollout.in_(over)).limit(at_once)
    count = conn.execute(delete(samples).where(samples.c.number.in_(old))).rowcount
    detail = {"samples": count, "before": stamp(before)}
    append_to(conn, Entry(RecordKind.SETTING, actor, at, "retention", result="deleted", detail=detail))
    return count
