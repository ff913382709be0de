"""The `audit` commands: list, show, verify, export."""

from pathlib import Path
from typing import Annotated

import typer

from console.app import Console
from console.cli.output import plain, print_json, print_table
from console.cli.session import with_console
from console.cli.target import AsJson
from console.model.audit import AuditFilter, Record, RecordKind, VerifyReport
from console.model.clock import iso
from console.model.errors import BadFile, GateFailed

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
    return {"seq": record.seq, "prev": record.prev, "hash": record.hash, "signed": record.signed, **plain(record.entry)}


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
        print(f"log {report.log_id}: {report.size} records, {report.bodies_checked} bodies checked, head {report.head[:16]}")
        print(f"unsigned records: {report.unsigned}; intents without outcome: {len(report.open_intents)}")
    if report.ok:
        if not as_json:
            print("Every record holds.")
        return
    raise GateFailed(
        f"Record {report.first_bad} does not hold: {report.problem}.",
        means="The audit was changed outside the console from there on; what follows cannot be trusted.",
        advice="Keep this file as it is, and compare it with the last export or backup.",
    )


@app.command()
def verify(
    file: Annotated[Path | None, typer.Argument(help="An export; the console's own records when left out.")] = None,
    *,
    partial: Annotated[bool, typer.Option("--partial", help="The export was filtered: gaps in it are no fault.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check every record; exit code 1 and the first bad record when one does not hold."""
    if file is not None:
        from console.app import verify_file  # noqa: PLC0415  # needs no engine

        _print_report(verify_file(file, partial=partial), as_json=as_json)
        return

    async def work(console: Console) -> VerifyReport:
        return await console.audit_verify(None)

    _print_report(with_console(work), as_json=as_json)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write, as JSON Lines.")],
    *,
    target: Target = "",
    rollout: Rollout = "",
    actor: Who = "",
    kind: Kind = None,
    text: Text = "",
) -> None:
    """Write records as JSON Lines, oldest first; a whole export can be verified later."""
    chosen = _chosen(target, rollout, actor, kind, text)

    async def work(console: Console) -> int:
        return await console.audit_export(file, chosen)

    print(f"{with_console(work)} records written to {file}.")
    if chosen != AuditFilter():
        print(f"They are a part of the audit; check them with: release-console audit verify --partial {file}")
