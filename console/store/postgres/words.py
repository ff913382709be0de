"""Turns PostgreSQL's errors into words that tell a person what to do."""

from psycopg import Error
from sqlalchemy.exc import DBAPIError

from console.model.errors import CannotRecord, ConsoleError, NotAllowed, StaleWrite, StoreError
from console.store.postgres.address import Address

GOING_ON = "Forward moves are off until records can be written; rollback still works and uses this computer's own journal."
AGAIN = "Check the network and the server; the console goes on by itself when it answers."

NOT_PERMITTED = "RC001"
"""SQLSTATE of what our own rules in the database refuse; the message is in words already."""
STALE = "RC002"

_SETUP = "Ask its administrator whether you are of the team; a database is set up with `release-console team setup`."
_ROOT = "Name the file with your authority's certificate in the address: ?sslmode=verify-full&sslrootcert=FILE."
_PLAIN = "Only over a line that nobody else can reach: ?sslmode=disable in the address."

_CAUSES: tuple[tuple[str, str, str], ...] = (
    ("53100", "The server's disk is full", "Free some space on the database server; then try again."),
    ("53300", "The server has no connection left", "Close other programs that use it, or raise max_connections."),
    ("57P0", "The server is stopping or starting", AGAIN),
    ("25006", "The server is read-only: a standby, or one that is being moved", "Connect to the primary server."),
    ("28", "The server does not accept this login", "Check the login and its password: `release-console team show` names both places."),
    ("25P03", "The server ended a transaction that stood still for too long", AGAIN),
    ("3D000", "There is no such database", "Ask for its name, or set it up: `release-console team setup`."),
    ("3F000", "It holds no records of ours, or none that this login may see", _SETUP),
    ("42P01", "It holds no records of ours that this login may see, or those of another version", _SETUP),
    (
        "TLS-NAME",
        "The server's certificate is for another name",
        "Connect by the name that it has; if that is this one, somebody is in between.",
    ),
    ("TLS-NONE", "The server does not encrypt", f"Let its administrator set ssl = on. {_PLAIN}"),
    ("TLS-ROOT", "There is no file with the authorities that the server's certificate is checked with", _ROOT),
    (
        "TLS-CERT",
        "The server's certificate cannot be checked",
        f"{_ROOT} If it should have been known, find out who answers there before you go on.",
    ),
    ("XX001", "The server found its data damaged", "Restore a backup; `audit verify` says how far it can be trusted."),
)


_TOLD_BY_TEXT = (
    ("does not match host name", "TLS-NAME"),
    ("server does not support SSL", "TLS-NONE"),
    ("root certificate file", "TLS-ROOT"),
    ("certificate verify failed", "TLS-CERT"),
    ("authentication failed", "28"),
    ("no pg_hba.conf entry", "28"),
    ("permission denied for database", "28"),
    ("no password supplied", "28"),
    ("does not exist", "3D000"),
)
"""What a server says before there is a session comes without a code."""
_GONE = ("08", "25006", "28", "3D", "3F", "42P01", "53", "57P", "58", "XX")


def code_of(error: BaseException) -> str:
    """Return the SQLSTATE of an error, "" when the server did not say one."""
    source = error.orig if isinstance(error, DBAPIError) else error
    return str(source.sqlstate or "") if isinstance(source, Error) else ""


def said(error: BaseException) -> str:
    """Return the first line of what was said, without the library's own decoration."""
    source = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(source, Error) and source.diag.message_primary:
        return str(source.diag.message_primary)
    return str(source).strip().partition("\n")[0] or type(source).__name__


def is_waiting(error: BaseException) -> bool:
    """Tell whether another console kept its turn for too long."""
    return code_of(error) in {"55P03", "57014", "40P01"}


def is_refusal(error: BaseException) -> bool:
    """Tell whether the server understood and said no to this person."""
    return code_of(error) in {NOT_PERMITTED, STALE, "42501", "23514", "23505"}


def is_gone(error: BaseException) -> bool:
    """Tell whether the server, or what we need of it, is not to be had: nothing should wait for it any more."""
    return code_of(error).startswith(_GONE) or not code_of(error)


def refusal(error: BaseException, address: Address) -> ConsoleError:
    """Return what to raise when the database refused a move."""
    if code_of(error) in {STALE, "23505"}:
        return StaleWrite(f"Somebody else was first: {said(error)}.", means="Nothing was written.", advice="Look at it as it is now.")
    return NotAllowed(
        f"The team's database refuses it: {said(error)}.",
        means="Nothing was written.",
        advice=f"`release-console team roles` shows what {address.login} may do; an administrator of the team can change it.",
    )


def cannot_record(error: BaseException, address: Address) -> CannotRecord:
    """Return what to raise when a write failed for another reason than a refusal."""
    if is_waiting(error):
        return CannotRecord(
            "Cannot record: waiting for journal. Another console has been writing the team's records.",
            means=GOING_ON,
            advice="Wait for it, then try again.",
        )
    cause, advice = cause_of(error)
    return CannotRecord(f"Cannot record in the team's database, {address}. {cause}.", means=GOING_ON, advice=advice)


def cannot_read(error: BaseException, address: Address) -> StoreError:
    """Return what to raise when a read failed."""
    if isinstance(error, CannotRecord):  # in words already
        told = error.message.replace("Cannot record in", "Cannot read", 1)
        return StoreError(told, means="What is on screen may be old.", advice=error.advice)
    cause, advice = cause_of(error)
    return StoreError(f"Cannot read the team's database, {address}. {cause}.", means="What is on screen may be old.", advice=advice)


def cause_of(error: BaseException) -> tuple[str, str]:
    """Return a cause and an advice in words."""
    code = code_of(error) or next((found for text, found in _TOLD_BY_TEXT if text in str(error)), "")
    for start, cause, advice in _CAUSES:
        if code.startswith(start):
            return cause, advice
    if isinstance(error, ConsoleError):
        return error.message.rstrip("."), error.advice or AGAIN
    return (f"It says: {said(error)}", AGAIN) if code else (f"It does not answer ({said(error)})", AGAIN)


def another(found: str, pinned: str, address: Address) -> CannotRecord:
    """Return what to raise when the database reached is not the one that was pinned (I11)."""
    return CannotRecord(
        f"The database reached, {address}, is not the team's: it is {found}, and {pinned} was pinned.",
        means="Nothing was written to it. " + GOING_ON,
        advice="If it was restored or moved on purpose, pin it anew: `release-console team trust`. If not, find out who answers there.",
    )


def too_new(found: int, known: int) -> CannotRecord:
    """Return what to raise when a newer program has taken the database over."""
    return CannotRecord(
        f"Cannot record. The team's database was brought to format {found} by a newer version; this one knows {known}.",
        means=GOING_ON,
        advice="Install the newer version.",
    )


def too_old(found: int, known: int) -> CannotRecord:
    """Return what to raise when the database waits for its administrator to bring it forward."""
    return CannotRecord(
        f"Cannot record. The team's database has format {found}, and this version needs {known}.",
        means=GOING_ON,
        advice="Run `release-console team setup` as the database's administrator; it keeps all records.",
    )


def waiting(seconds: float) -> CannotRecord:
    """Return what to raise when other consoles kept the turn for too long."""
    return CannotRecord(
        f"Cannot record: waiting for journal. Other consoles have been writing the team's records for {seconds:g} s.",
        means=GOING_ON,
        advice="Wait for them, then try again.",
    )
