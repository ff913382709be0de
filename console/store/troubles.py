"""Turns the database's errors into words that tell a person what to do."""

import sqlite3

from sqlalchemy.exc import DBAPIError

from console.model.errors import CannotRecord, StoreError

_GOING_ON = "Forward moves are off until records can be written; rollback still works and uses the emergency journal."

_CAUSES: tuple[tuple[str, str, str], ...] = (
    ("SQLITE_FULL", "The disk is full", "Free some space on the disk that holds the data folder; then try again."),
    ("SQLITE_IOERR", "The disk did not take it", "Check the disk, its free space and its quota; then try again."),
    ("SQLITE_READONLY", "The records file is read-only", "Make the data folder and its files writable for you; then try again."),
    ("SQLITE_PERM", "The records file is not ours to write", "Give yourself the right to write the data folder; then try again."),
    ("SQLITE_AUTH", "The records file is not ours to write", "Give yourself the right to write the data folder; then try again."),
    ("SQLITE_CANTOPEN", "The records file cannot be opened", "Check that the data folder exists and is yours; then try again."),
    ("SQLITE_NOTADB", "The records file is not a database", "Put back a copy of records.db, or move it away to begin a new one."),
    ("SQLITE_CORRUPT", "The records file is damaged", "Put back a copy of records.db; `audit verify` says how far it can be trusted."),
    ("SQLITE_BUSY", "Another program is writing the records", "Wait for it or close it; then try again."),
    ("SQLITE_LOCKED", "Another program is writing the records", "Wait for it or close it; then try again."),
)


def error_name(error: DBAPIError | sqlite3.Error) -> str:
    """Return SQLite's own name of an error, such as `SQLITE_FULL`; "" when it has none."""
    source = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(source, "sqlite_errorname", ""))


def is_busy(error: DBAPIError | sqlite3.Error) -> bool:
    """Tell whether another program was writing."""
    return error_name(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _cause(error: DBAPIError | sqlite3.Error) -> tuple[str, str]:
    name = error_name(error)
    for start, cause, advice in _CAUSES:
        if name.startswith(start):
            return cause, advice
    source = error.orig if isinstance(error, DBAPIError) else error
    return f"The database said: {source}", "Run `audit verify`; if that finds nothing, start the console again."


def cannot_record(error: DBAPIError | sqlite3.Error) -> CannotRecord:
    """Return what to raise when a write failed."""
    cause, advice = _cause(error)
    return CannotRecord(f"Cannot record. {cause}.", means=_GOING_ON, advice=advice)


def cannot_read(error: DBAPIError | sqlite3.Error) -> StoreError:
    """Return what to raise when a read failed."""
    cause, advice = _cause(error)
    return StoreError(f"Cannot read the records. {cause}.", means="What is on screen may be old.", advice=advice)


def waiting(seconds: float) -> CannotRecord:
    """Return what to raise when another program kept the records for too long."""
    return CannotRecord(
        f"Cannot record: waiting for journal. Another program has been writing the records for {seconds:g} s.",
        means=_GOING_ON,
        advice="Wait for it or close it; then try again.",
    )


def newer(found: int, known: int) -> CannotRecord:
    """Return what to raise when the file was written by a newer program."""
    return CannotRecord(
        f"Cannot record. The records were written by a newer version of this program (format {found}; this one knows {known}).",
        means=_GOING_ON,
        advice="Install the newer version, or choose another data folder.",
    )
