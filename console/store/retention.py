"""Deletes what is past its retention: samples of rollouts that are over. Never the audit, and nothing that a rollout on its way needs."""

from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from console.model.audit import Entry, RecordKind
from console.model.rollout import Actor
from console.store.rows import stamp
from console.store.schema import rollouts, samples
from console.store.trail import append_to


def forget(conn: Connection, before: datetime, actor: Actor, at: datetime) -> int:
    """Delete the samples from before an instant of rollouts that are over, with a record, in the open transaction; returns how many."""
    over = select(rollouts.c.id).where(rollouts.c.over == 1)
    old = (samples.c.at < stamp(before), samples.c.rollout.in_(over))
    count = int(conn.execute(select(func.count()).select_from(samples).where(*old)).scalar_one())
    if count:
        conn.execute(delete(samples).where(*old))
    detail = {"samples": count, "before": stamp(before)}
    append_to(conn, Entry(RecordKind.SETTING, actor, at, "retention", result="deleted", detail=detail))
    return count
