"""Documents for people: titled parts of text and tables, as self-contained HTML, and as CSV that no spreadsheet runs."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from console.files.export import csv_line
from console.model.audit import Record
from console.model.clock import iso
from console.model.document import Part

HEAD = ("seq", "at", "who", "kind", "verb", "target", "rollout", "result", "reason", "signed by", "hash")
_STYLE = (
    "body{font:14px/1.45 system-ui,sans-serif;margin:2rem;color:#1b1f24;background:#fff}"
    "h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #d0d7de;padding:.3rem .5rem;text-align:left;vertical-align:top;"
    "overflow-wrap:anywhere}th{background:#f3f5f7}td:last-child{font-family:ui-monospace,monospace}"
)


def record_cells(record: Record) -> tuple[str, ...]:
    """Return a record as cells under HEAD."""
    entry = record.entry
    told = (entry.actor.name, entry.kind.value, entry.verb, entry.target, entry.rollout, entry.result, entry.reason)
    return (str(record.seq), iso(entry.at), *told, record.key[:8] if record.signed else "unsigned", record.hash)


def csv_lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table as CSV, each cell guarded against being run."""
    yield csv_line(head)
    for row in rows:
        yield csv_line(row)


def html_lines(title: str, parts: Iterable[Part]) -> Iterator[str]:
    """Yield a page that loads nothing from anywhere, runs nothing, and shows every text as text."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<title>{escape(title)}</title><style>{_STYLE}</style></head>\n'
    yield f"<body><h1>{escape(title)}</h1>\n"
    for part in parts:
        yield f"<h2>{escape(part.title)}</h2>\n"
        for line in part.lines:
            yield f"<p>{escape(line)}</p>\n"
        if part.head:
            yield from _table(part)
    yield "</body></html>\n"


def _table(part: Part) -> Iterator[str]:
    yield "<table><thead><tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in part.head) + "</tr></thead><tbody>\n"
    for row in part.rows:
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n"
    yield "</tbody></table>\n"
