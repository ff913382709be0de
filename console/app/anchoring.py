"""Anchors of the audit outside of the records: their places are remembered, and a verification holds the records against them."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from console.app import auditing
from console.files.folders import folders
from console.model.audit import Anchor, AnchorPlace, AuditFilter, Entry, RecordKind, VerifyReport
from console.model.errors import BadFile
from console.model.rollout import Actor
from console.model.stores import Store

PLACES = "audit anchors"
"""The setting in a person's own folder: paths as JSON, each with whether it is a folder in a git repository."""


async def places(store: Store) -> tuple[AnchorPlace, ...]:
    """Return where anchors are kept, and what each place holds of this log now."""
    log_id = await _log_id(store)
    return tuple([(await _look(path, log_id, git=git))[0] for path, git in await _known(store)])


async def keep(store: Store, actor: Actor, now: datetime, path: Path, *, git: bool = False) -> AnchorPlace:
    """Add an anchor to a file, or commit it to a folder's git repository, and remember the place.

    Raises BadFile for a place that cannot be written or that lies beside the records, where it would prove nothing.
    """
    where = await asyncio.to_thread(path.resolve)
    if where.is_relative_to(await asyncio.to_thread(folders().data.resolve)):
        raise BadFile(
            f"{where} lies beside the records.",
            means="Whoever can rewrite the records could rewrite the anchor too.",
            advice="Choose a place on another disk or computer, or in a git repository that others pull.",
        )
    await auditing.anchor(store, actor, now, file=None if git else where, git=where if git else None)
    known = await _known(store)
    if (str(where), git) not in known:
        await _remember(store, [*known, (str(where), git)])
    return (await _look(str(where), await _log_id(store), git=git))[0]


async def forget(store: Store, actor: Actor, now: datetime, path: str) -> None:
    """Hold the records against a place no longer; it is on record, and what lies there stays."""
    entry = Entry(RecordKind.CONSOLE, actor, now, "forget anchors", result="forgotten", detail={"where": path})
    await store.audit.append(entry)
    await _remember(store, [known for known in await _known(store) if known[0] != path])


async def verify(store: Store, progress: Callable[[int, int], bool] | None = None, *, signatures: bool = True) -> VerifyReport:
    """Check every record, also against the anchors of every place that can be read; `places` says which cannot."""
    log_id = await _log_id(store)
    found = [anchor for path, git in await _known(store) for anchor in (await _look(path, log_id, git=git))[1]]
    return await store.audit.verify(progress, found, signatures=signatures)


async def _log_id(store: Store) -> str:
    return (await store.audit.export_head(AuditFilter())).log_id


async def _known(store: Store) -> list[tuple[str, bool]]:
    try:
        return [(str(place["path"]), bool(place["git"])) for place in json.loads(await store.settings.get(PLACES, "[]"))]
    except (ValueError, TypeError, KeyError):
        return []


async def _remember(store: Store, known: Sequence[tuple[str, bool]]) -> None:
    await store.settings.put(PLACES, json.dumps([{"path": path, "git": git} for path, git in known]))


async def _look(path: str, log_id: str, *, git: bool) -> tuple[AnchorPlace, tuple[Anchor, ...]]:
    from console.files.anchors import size_of  # noqa: PLC0415

    file = Path(path, f"audit-anchor-{log_id}.jsonl") if git else Path(path)
    try:
        found = await asyncio.to_thread(auditing.anchors_in, (file,))
    except BadFile as error:
        return AnchorPlace(path, git, problem=error.message), ()
    mine = tuple(anchor for anchor in found if size_of(anchor)[0] == log_id)
    if not mine:
        return AnchorPlace(path, git, problem=f"It holds no anchor of this log, {log_id}."), ()
    return AnchorPlace(path, git, len(mine), max(size_of(anchor)[1] for anchor in mine)), mine
