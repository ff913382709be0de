"""The `audit` commands: list, show, verify, export, anchor, pin, customers."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from console.app import Console, anchoring, auditing
from console.cli.output import plain, print_json, print_table
from console.cli.session import with_console
from console.cli.target import AsJson
from console.files.export import read_text
from console.model.audit import Anchor, AnchorPlace, AuditFilter, Record, RecordKind, VerifyReport
from console.model.clock import SystemClock, iso
from console.model.errors import BadFile, GateFailed, NotAllowed
from console.model.text import clean

app = typer.Typer(no_args_is_help=True, help="What was done, refused and found, by whom and why.")
Rollout = Annotated[str, typer.Option("--rollout", help="Only of this rollout.")]
Target = Annotated[str, typer.Option("--target", help="Only of this target.")]
Who = Annotated[str, typer.Option("--actor", help="Only by this person.")]
Kind = Annotated[list[str] | None, typer.Option("--kind", help="Only of this kind, as intent or refusal; may be repeated.")]
Text = Annotated[str, typer.Option("--text", help="Only with this text in them.")]


def _chosen(target: str, rollout: str, actor: str, kind: list[str] | None, text: str) -> AuditFilter:
    try:
        kinds = frozenset(RecordKind(word) for word in kind or ())
    except ValueError as error:
        raise BadFile(f"--kind: {error}", advice=f"Kinds are: {', '.join(sorted(RecordKind))}.") from error
    return AuditFilter(kinds=kinds, target=target, rollout=rollout, actor=actor, text=text)


def _row(record: Record) -> tuple[str, ...]:
    entry = record.entry
    return (
        str(record.seq),
        iso(entry.at),
        entry.actor.name,
        entry.kind.value,
        entry.verb,
        entry.target,
        entry.rollout,
        entry.result,
        entry.reason,
    )


def _object(record: Record) -> dict[str, object]:
    return {"seq": record.seq, "prev": record.prev, "hash": record.hash, "signed": record.signed, "key": record.key, **plain(record.entry)}


@app.command("list")
def list_records(
    *,
    target: Target = "",
    rollout: Rollout = "",
    actor: Who = "",
    kind: Kind = None,
    text: Text = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List records, newest first."""
    chosen = _chosen(target, rollout, actor, kind, text)

    async def work(console: Console) -> list[Record]:
        return list(await console.audit_page(chosen, None, limit))

    records = with_console(work)
    if as_json:
        print_json({"records": [_object(record) for record in records]})
        return
    print_table(("SEQ", "AT", "WHO", "KIND", "VERB", "TARGET", "ROLLOUT", "RESULT", "REASON"), map(_row, records))


@app.command()
def show(seq: Annotated[int, typer.Argument(help="The record's number.", min=1, max=2**62)], *, as_json: AsJson = False) -> None:
    """Show one record, whole."""

    async def work(console: Console) -> list[Record]:
        return list(await console.audit_page(AuditFilter(), seq + 1, 1))

    found = [record for record in with_console(work) if record.seq == seq]
    if not found:
        raise BadFile(f"there is no record {seq}")
    if as_json:
        print_json(_object(found[0]))
        return
    for key, value in _object(found[0]).items():
        print(f"{key:<10} {value}")
    print(f"{'body':<10} {found[0].body.decode()}")


def _print_report(report: VerifyReport, *, as_json: bool) -> None:
    if as_json:
        print_json({"ok": report.ok, **plain(report)})
    else:
        _print_facts(report)
    if report.ok:
        if not as_json:
            print("Every record holds.")
        return
    raise GateFailed(
        f"Record {report.first_bad} does not hold: {report.problem}.",
        means="The audit was changed outside the console from there on; what follows cannot be trusted.",
        advice="Keep this file as it is, and compare it with the last export or backup.",
    )


def _print_facts(report: VerifyReport) -> None:
    print(f"log {report.log_id}: {report.size} records, {report.bodies_checked} bodies checked, head {report.head[:16]}")
    print(f"tree root {report.root}")
    for label, count in report.signatures.items():
        print(f"signatures by {clean(label)}: {count}")
    print(f"unsigned records: {report.unsigned}; signed checkpoints that agree: {report.checkpoints}")
    print(f"intents without outcome: {len(report.open_intents)}{''.join(f' {step}' for step in report.open_intents[:20])}")
    if report.unanchored is None:
        print("unanchored tail: all of it; no anchor was given, and only one from outside shows a rewrite by a key holder or a cut-off end")
    else:
        print(f"anchors that agree: {report.anchors}; unanchored tail: {report.unanchored} records")


@app.command()
def verify(
    file: Annotated[Path | None, typer.Argument(help="An export or an evidence bundle; the console's own records when left out.")] = None,
    *,
    anchor: Annotated[
        list[Path] | None, typer.Option("--anchor", help="An anchor file from outside, not the remembered ones; may be repeated.")
    ] = None,
    pinned: Annotated[bool, typer.Option("--pinned", help="Hold an export against the checkpoints that were pinned here.")] = False,
    signatures: Annotated[bool, typer.Option(help="Check each signature; without it is quicker.")] = True,
    partial: Annotated[bool, typer.Option("--partial", help="The export was filtered: gaps in it are no fault.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check every record; exit code 1 and the first bad record when one does not hold."""
    outside = list(auditing.anchors_in(anchor or ()))
    if file is not None:
        if pinned:
            log_id = auditing.log_of(file)

            async def ask(console: Console) -> list[Anchor]:
                return list(await console.store.audit.pins(log_id))

            outside += with_console(ask)
        _print_report(auditing.verify_file(file, partial=partial, anchors=outside), as_json=as_json)
        return

    async def work(console: Console) -> VerifyReport:
        if outside:
            return await console.store.audit.verify(None, outside, signatures=signatures)
        return await anchoring.verify(console.store, signatures=signatures)

    _print_report(with_console(work), as_json=as_json)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write: JSON Lines that can be verified, unless another form is chosen.")],
    *,
    target: Target = "",
    rollout: Rollout = "",
    actor: Who = "",
    kind: Kind = None,
    text: Text = "",
    csv: Annotated[bool, typer.Option("--csv", help="As a table for spreadsheets.")] = False,
    html: Annotated[bool, typer.Option("--html", help="As one page for reading.")] = False,
    bundle: Annotated[str, typer.Option("--bundle", help="All evidence of this rollout, as one zip file.")] = "",
) -> None:
    """Write records, oldest first; a whole export can be verified later, a part by its proofs."""
    if csv + html + bool(bundle) > 1:
        raise BadFile("--csv, --html and --bundle exclude each other.")
    if bundle:
        _export_bundle(file, bundle)
        return
    chosen, form = _chosen(target, rollout, actor, kind, text), "csv" if csv else "html" if html else "jsonl"

    async def work(console: Console) -> int:
        return await auditing.export(console.store, file, chosen, form)

    print(f"{with_console(work)} records written to {file}.")
    if form == "jsonl" and chosen != AuditFilter():
        print(f"They are a part of the audit; check them with: release-console audit verify --partial {file}")


def _export_bundle(file: Path, rollout: str) -> None:
    async def work(console: Console) -> int:
        return await auditing.bundle(console.store, rollout, file, SystemClock().now())

    print(f"The evidence of {rollout} with {with_console(work)} records was written to {file}.")
    print(f"Check it with: release-console audit verify {file}, or with verify_audit.py from inside it.")


@app.command()
def anchor(
    *,
    to: Annotated[Path | None, typer.Option("--to", help="A file on another disk or computer; the anchor is added at its end.")] = None,
    git: Annotated[Path | None, typer.Option("--git", help="A folder in a git repository; the anchor is committed there.")] = None,
) -> None:
    """Keep a checkpoint outside of the records: only that shows a cut-off end, or a rewrite by somebody who has a key."""
    if (to is None) == (git is None):
        raise BadFile("Give one of --to FILE and --git FOLDER.")

    async def work(console: Console) -> AnchorPlace:
        return await console.audit_anchor(to or git or Path(), git=git is not None)

    made = with_console(work)
    print(f"Anchored at {made.size} records in {made.path}.")
    print(f"Check against it with: release-console audit verify{'' if git else f' --anchor {made.path}'}; the place is remembered.")


@app.command()
def pin(file: Annotated[Path, typer.Argument(help="An anchor file or a checkpoint of another console.")]) -> None:
    """Keep another console's checkpoints here; `audit verify EXPORT --pinned` holds its exports against them."""
    found = auditing.anchors_in([file])

    async def work(console: Console) -> None:
        for one in found:
            try:
                await console.store.audit.pin(one, console.actor, SystemClock().now())
            except ValueError as error:
                raise BadFile(f"{file}: {error}.") from error

    with_console(work)
    print(f"{len(found)} checkpoints pinned.")


@app.command()
def customers(
    rollout: Annotated[str, typer.Argument(help="The rollout.")],
    *,
    add: Annotated[Path | None, typer.Option("--add", help="A file with one customer id a line.")] = None,
    days: Annotated[int, typer.Option("--days", help="For how many days they are kept.")] = 30,
    forget: Annotated[bool, typer.Option("--forget", help="Delete them now.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
) -> None:
    """Show, keep or delete the ids of customers that a rollout hit; records hold a keyed hash of each only."""
    fresh = [] if add is None else [line.strip() for line in read_text(add).splitlines() if line.strip()]

    async def work(console: Console) -> list[str]:
        personal, now = console.store.personal, SystemClock().now()
        await console.store.journal.rollout(rollout)
        with suppress(NotAllowed):  # in a team an auditor reads them and deletes none; those whose time is over are not shown
            await personal.purge(now)
        if forget:
            return [f"{await personal.forget(rollout, console.actor, reason, now)} deleted."]
        if fresh:
            return [f"{await personal.note(rollout, fresh, days, console.actor, now)} kept for {days} days."]
        return list(await personal.of(rollout, now))

    for line in with_console(work):
        print(clean(line))
