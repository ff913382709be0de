"""How a quarantined version stands in its table, for the store at work and for the merge of what waited."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, insert, select, update

from console.model.clock import from_iso
from console.model.views import QuarantineView
from console.store.redact import redact_text
from console.store.rows import stamp
from console.store.schema import quarantines

_WORDS = ("target", "rollout", "version", "since", "who", "reason", "paused")


def values_of(target: str, row: QuarantineView) -> dict[str, str]:
    """Return what is written of a quarantine."""
    return {
        "target": target,
        "rollout": row.rollout,
        "version": row.version,
        "since": stamp(row.since),
        "who": row.by,
        "reason": redact_text(row.reason),
        "paused": json.dumps(sorted(row.paused)),
    }


def view_of(row: Mapping[Any, Any]) -> QuarantineView:
    """Return a quarantine as it was written. Raises KeyError, ValueError or TypeError for what is none."""
    paused = json.loads(row["paused"])
    if not isinstance(paused, list) or not all(isinstance(name, str) for name in paused):
        raise ValueError("what is paused is no list of names")
    return QuarantineView(
        version=row["version"],
        since=from_iso(row["since"]),
        by=row["who"],
        reason=row["reason"],
        rollout=row["rollout"],
        paused=tuple(paused),
        lifted=row.get("lifted_at") is not None,
    )


def put(conn: Connection, found: Mapping[str, Any]) -> bool:
    """Write a quarantine, or only what is paused for one that is known; False when it stands like that already."""
    values = {name: found[name] for name in _WORDS}
    view_of(values)
    same = [quarantines.c[name] == values[name] for name in ("target", "rollout", "version")]
    known = conn.execute(select(quarantines.c.paused).where(*same)).first()
    if known is not None and known.paused == values["paused"]:
        return False
    if known is None:
        conn.execute(insert(quarantines), values)
    else:
        conn.execute(update(quarantines).where(*same).values(paused=values["paused"]))
    return True


def overlay(rows: Sequence[QuarantineView], waiting: Sequence[QuarantineView]) -> list[QuarantineView]:
    """Return the rows of a target with those that wait for the database laid over them; one that is lifted stays so."""
    known = {(row.rollout, row.version): row for row in rows}
    for row in waiting:
        key = (row.rollout, row.version)
        known[key] = replace(known[key], paused=row.paused) if key in known else row
    return list(known.values())
