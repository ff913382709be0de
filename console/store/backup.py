"""Backups: a whole, verified copy of the records in one file, whatever they are kept in, and back again."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Table, create_engine, event, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from console.model.audit import VerifyReport
from console.model.errors import BadFile, GateFailed, StoreError
from console.store import posix, schema
from console.store.schema import about, metadata
from console.store.sqlite import RECORDS
from console.store.verifying import verify_on

PEOPLE = "people"
"""The row of `about` in which a team's backup lists its people."""
_PORTION = 2000
_OF_THE_DATABASE = {"log", "schema"}


def back_up(source: Connection, path: Path, people: str = "") -> VerifyReport:
    """Write everything of a snapshot into a new file, verify the copy, and return what that found.

    Raises BadFile when the file is there already or cannot be written, GateFailed when the copy does not verify; then no file is left.
    """
    if path.exists():
        raise BadFile(f"{path} is there already.", means="Nothing was written.", advice="Name another file.")
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with _opened(part) as conn, conn.begin():
            _copy(source, conn, people)
        report = verified(part)
        if not report.ok:
            raise _not_whole(report, part)
        part.replace(path)
    except (OSError, DBAPIError, sqlite3.Error) as error:
        raise BadFile(
            f"{path} cannot be written: {error}.", means="There is no backup.", advice="Check the folder and its disk."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return report


def _copy(source: Connection, conn: Connection, people: str) -> None:
    rows = [(str(row.key), str(row.value)) for row in source.execute(select(about))]
    schema.create(conn, dict(rows)["log"])
    kept = [{"key": key, "value": value} for key, value in rows if key not in _OF_THE_DATABASE]
    if people:
        kept.append({"key": PEOPLE, "value": people})
    if kept:
        conn.execute(insert(about), kept)
    for table in metadata.sorted_tables:
        if table is not about:
            for rows_of in portions(source, table):
                conn.execute(insert(table), rows_of)


def portions(source: Connection, table: Table) -> Iterator[list[dict[str, object]]]:
    """Yield a table's rows in the order of its key, some at a time."""
    found = source.execution_options(yield_per=_PORTION).execute(select(table).order_by(*table.primary_key.columns))
    for rows in found.mappings().partitions():
        yield [dict(row) for row in rows]


def verified(path: Path) -> VerifyReport:
    """Verify a backup as it lies there. Raises BadFile when it is none, or one of a newer version."""
    try:
        with opened_backup(path) as conn:
            return verify_on(conn, None, (), signatures=False)
    except (DBAPIError, sqlite3.Error) as error:
        raise BadFile(f"{path} is no backup of ours ({error}).", advice="Name a file that `team backup` wrote.") from error


@contextmanager
def opened_backup(path: Path) -> Iterator[Connection]:
    """Open a backup to read it. Raises BadFile when it is none, or one of another version."""
    if not path.is_file():
        raise BadFile(f"There is no file {path}.", advice="Name a file that `team backup` wrote.")
    with _opened(path) as conn:
        found = int(conn.exec_driver_sql("PRAGMA user_version").scalar_one())
        if found != schema.SCHEMA_VERSION:
            raise BadFile(
                f"{path} has format {found}, and this version knows {schema.SCHEMA_VERSION}.", advice="Use the version that wrote it."
            )
        yield conn


@contextmanager
def _opened(path: Path) -> Iterator[Connection]:
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(path, isolation_level=None), poolclass=NullPool)
    event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN"))
    with engine.connect() as conn:
        yield conn


def restore_file(path: Path, folder: Path, *, replace: bool) -> VerifyReport:
    """Put a backup back as the records of a folder; what was there is kept beside it.

    Raises BadFile when there are records and `replace` is not asked for, GateFailed when the backup does not verify.
    """
    report = verified(path)
    if not report.ok:
        raise _not_whole(report, path)
    there = folder / RECORDS
    if there.exists() and not replace:
        raise BadFile(
            f"There are records in {folder} already.",
            means="Nothing was changed.",
            advice="With --replace they are kept beside the restored ones.",
        )
    try:
        posix.make_private(folder)
        _fold_in(there)
        if there.exists():
            there.replace(folder / f"{RECORDS}.before-restore")
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(there)) as target:
            source.backup(target)
            target.execute("DELETE FROM about WHERE key = ?", (PEOPLE,))
            target.commit()
        posix.protect(there)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"The backup cannot be put back: {error}.", means="Look at the data folder.", advice="Try again.") from error
    return report


def _fold_in(records: Path) -> None:
    """Bring what is only in the write-ahead log into the file, so that the file alone is whole. Raises sqlite3.Error when it is in use."""
    if records.exists():
        with closing(sqlite3.connect(records, timeout=1.0, isolation_level=None)) as raw:
            if raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                raise sqlite3.OperationalError("another program has the records open")
            raw.execute("PRAGMA journal_mode = DELETE")


def people_of(conn: Connection) -> list[dict[str, object]]:
    """Return the people that a team's backup lists."""
    text = conn.execute(select(about.c.value).where(about.c.key == PEOPLE)).scalar()
    return list(json.loads(text)) if text else []


def _not_whole(report: VerifyReport, path: Path) -> GateFailed:
    return GateFailed(
        f"Record {report.first_bad} of {path} does not hold: {report.problem}.",
        means="It was not used; the records it came from are as they were.",
        advice="Run `audit verify` on the records, and use an older backup.",
    )
