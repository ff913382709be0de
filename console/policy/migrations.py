"""Which declared migrations are applied, from the rows of the tool's own table."""

from collections.abc import Sequence

from console.model.database import Applied, HistoryRow, Migration, MigrationSeen, MigrationTool, PostgresDatabase


def applied(database: PostgresDatabase, rows: Sequence[HistoryRow]) -> tuple[MigrationSeen, ...]:
    """Return how each declared migration stands, in the file's order; what the table does not tell for sure is unknown."""
    if database.tool is MigrationTool.ALEMBIC:
        return _by_alembic(database, rows)
    if database.tool is MigrationTool.FLYWAY:
        return tuple(_by_flyway(each, rows) for each in database.migrations)
    return tuple(_by_django(each, rows) for each in database.migrations)


def current(tool: MigrationTool, rows: Sequence[HistoryRow]) -> str:
    """Return where a schema stands, in words; "" when nothing was ever applied."""
    if tool is MigrationTool.ALEMBIC:
        return ", ".join(sorted(row.revision for row in rows))
    good = [row for row in rows if row.ok and row.revision and not _is_undo(row)]
    last = max(good, key=lambda row: row.rank, default=None)
    return "" if last is None else f"{last.revision} {last.description}".strip()


def _by_alembic(database: PostgresDatabase, rows: Sequence[HistoryRow]) -> tuple[MigrationSeen, ...]:
    """Alembic keeps only where it stands: what comes before that in the file is applied, what comes after it is not."""
    heads, order = {row.revision for row in rows}, [each.revision for each in database.migrations]
    known = [order.index(head) for head in heads if head in order]
    if not known and heads and database.base not in heads:
        there = ", ".join(sorted(heads))
        detail = f"the table says {there}, which is neither `base` nor a migration of the file"
        return tuple(_seen(each, Applied.UNKNOWN, detail=detail) for each in database.migrations)
    reached = max(known, default=-1)
    return tuple(_seen(each, Applied.YES if number <= reached else Applied.NO) for number, each in enumerate(database.migrations))


def _by_flyway(each: Migration, rows: Sequence[HistoryRow]) -> MigrationSeen:
    """The newest row of a version decides; a baseline stands for every version up to its own."""
    wanted = _version(each.revision)
    own = [row for row in rows if row.revision and _version(row.revision) == wanted]
    last = max(own, key=lambda row: row.rank, default=None)
    if last is None:
        base = [row for row in rows if row.kind == "BASELINE" and row.ok and _version(row.revision) >= wanted]
        return _seen(each, Applied.YES, base[0], f"covered by the baseline {base[0].revision}") if base else _seen(each, Applied.NO)
    if not last.ok:
        what = "its undo failed" if _is_undo(last) else "it failed"
        return _seen(each, Applied.FAILED, last, f"{what}: `flyway repair` clears the row once the schema is put right")
    if _is_undo(last):
        return _seen(each, Applied.NO, detail="it was taken back")
    if each.checksum is not None and last.checksum is not None and each.checksum != last.checksum:
        return _seen(each, Applied.YES, last, f"another file than the declared one was applied: checksum {last.checksum}")
    return _seen(each, Applied.YES, last)


def _by_django(each: Migration, rows: Sequence[HistoryRow]) -> MigrationSeen:
    row = next((row for row in rows if row.revision == each.revision), None)
    return _seen(each, Applied.NO) if row is None else _seen(each, Applied.YES, row)


def _seen(each: Migration, how: Applied, row: HistoryRow | None = None, detail: str = "") -> MigrationSeen:
    return MigrationSeen(each.name, each.revision, each.phase, how, None if row is None else row.at, detail)


def _is_undo(row: HistoryRow) -> bool:
    return row.kind.startswith(("UNDO", "DELETE"))


def _version(text: str) -> tuple[int, ...]:
    """Return a Flyway version as numbers, without zeros at its end: 1, 1.0 and 01 are the same."""
    parts = [int(part) if part.isascii() and part.isdigit() else -1 for part in text.replace("_", ".").split(".")]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)
