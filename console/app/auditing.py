"""What leaves the audit and comes back: exports, evidence bundles, anchors, and verifications of them."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from console.model.audit import Anchor, AuditFilter, Entry, Record, RecordKind, VerifyReport
from console.model.clock import iso
from console.model.document import Part
from console.model.errors import BadFile
from console.model.rollout import Actor
from console.model.stores import Store

if TYPE_CHECKING:
    from console.files.bundle import Evidence

FORMS = ("jsonl", "csv", "html")


async def export(store: Store, path: Path, chosen: AuditFilter, form: str = "jsonl") -> int:
    """Write records as JSON Lines that can be verified, as CSV, or as a page of HTML; returns how many."""
    head = await store.audit.export_head(chosen)
    count = 0

    def records() -> Iterator[Record]:
        nonlocal count
        for part in store.audit.parts(chosen, head):
            if isinstance(part, Record):
                count += 1
                yield part

    def write() -> int:
        from console.files.atomic import write_whole  # noqa: PLC0415
        from console.files.documents import HEAD, csv_lines, html_lines, record_cells  # noqa: PLC0415
        from console.files.export import write_export  # noqa: PLC0415

        if form == "jsonl":
            return write_export(path, store.audit.parts(chosen, head), head)
        if form == "csv":
            write_whole(path, csv_lines(HEAD, map(record_cells, records())))
        else:
            write_whole(path, html_lines(f"Audit of log {head.log_id}", [Part("Records", (), HEAD, map(record_cells, records()))]))
        return count

    return await asyncio.to_thread(write)


async def bundle(store: Store, rollout: str, path: Path, now: datetime) -> int:
    """Write the evidence of a rollout as one file, and return how many records it holds. Raises BadFile when there is none of that id."""
    from console.files.bundle import write_bundle  # noqa: PLC0415

    evidence = await _evidence(store, rollout, now)
    await asyncio.to_thread(write_bundle, path, evidence)
    return len(evidence.records)


async def report(store: Store, rollout: str, now: datetime) -> tuple[Part, ...]:
    """Return the evidence of a rollout as a document. Raises BadFile when there is none of that id."""
    from console.files.bundle import document  # noqa: PLC0415

    evidence = await _evidence(store, rollout, now)
    return await asyncio.to_thread(lambda: tuple(document(evidence)))


async def _evidence(store: Store, rollout: str, now: datetime) -> "Evidence":
    from console.files.bundle import Evidence  # noqa: PLC0415

    found = await store.journal.rollout(rollout)
    chosen = AuditFilter(rollout=rollout)
    head = await store.audit.export_head(chosen)
    samples = await store.samples.of(rollout)
    parts = await asyncio.to_thread(lambda: [part for part in store.audit.parts(chosen, head) if isinstance(part, Record)])
    consistency = await store.audit.consistency(parts[-1].seq if parts else 0)
    return Evidence(found, iso(now), head, parts, samples, consistency, await asyncio.to_thread(verifier))


def verifier() -> bytes:
    """Return the verifier that shares no code with the program, as a bundle carries it."""
    here = Path(__file__).parent.parent
    for folder in (here / "_resources", here.parent / "resources"):
        if (folder / "verify_audit.py").is_file():
            return (folder / "verify_audit.py").read_bytes()
    raise BadFile("The program's files are not complete: verify_audit.py is missing.", advice="Install it anew.")


async def anchor(store: Store, actor: Actor, now: datetime, *, file: Path | None = None, git: Path | None = None) -> tuple[Anchor, Path]:
    """Keep a checkpoint of the audit in a file or a git repository outside; that it was done is the last record that it covers."""
    from console.files import anchors  # noqa: PLC0415

    where = file or git
    if where is None:
        raise BadFile("An anchor needs a place outside of the records.", advice="Give --to FILE or --git FOLDER.")
    head = await store.audit.export_head(AuditFilter())
    place = where if git is None else git / f"audit-anchor-{head.log_id}.jsonl"
    start = await asyncio.to_thread(anchors.covered, place, head.log_id)
    await store.audit.append(Entry(RecordKind.CONSOLE, actor, now, "anchor the audit", result="anchored", detail={"where": str(where)}))
    made = await store.audit.anchor(start)
    if git is None:
        await asyncio.to_thread(anchors.append_anchor, place, made)
    else:
        await asyncio.to_thread(anchors.commit_anchor, git, made)
    return made, place


def anchors_in(paths: Sequence[Path]) -> tuple[Anchor, ...]:
    """Return the anchors of files. Raises BadFile."""
    from console.files.anchors import read_anchors  # noqa: PLC0415

    return tuple(found for path in paths for found in read_anchors(path))


def verify_file(
    path: Path,
    *,
    partial: bool = False,
    anchors: Sequence[Anchor] = (),
    progress: Callable[[int, int], bool] | None = None,
) -> VerifyReport:
    """Check an exported audit, or an evidence bundle, without a store; `partial` takes gaps for what a filter left out. Raises BadFile."""
    from zipfile import is_zipfile  # noqa: PLC0415

    from console.files.bundle import read_bundle  # noqa: PLC0415
    from console.files.export import read_export  # noqa: PLC0415
    from console.store.exported import verify_export  # noqa: PLC0415

    if is_zipfile(path):
        return verify_export(read_bundle(path), partial=True, progress=progress)
    return verify_export(read_export(path), partial=partial, progress=progress, anchors=anchors)


def log_of(path: Path) -> str:
    """Return which log an export is of; "" when its first line does not say."""
    from console.files.export import read_export  # noqa: PLC0415

    try:
        return str(json.loads(next(iter(read_export(path)), "")).get("log", ""))
    except (ValueError, AttributeError):
        return ""
