"""Reads from a PostgreSQL that never keeps anybody waiting: a thread of its own for each question, and a deadline over all of it."""

import asyncio
import math
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import psycopg

from console.model.errors import ConsoleError, Refused, Unreachable
from console.model.postgres import Address
from console.model.text import clean

T = TypeVar("T")

Raw = psycopg.Connection[tuple[Any, ...]]
Password = Callable[[], Awaitable[str]]

STATEMENT_MS, LOCK_MS = 2000, 300
"""No single question works, or waits for a lock, for longer."""

_SESSION = (
    f"-c default_transaction_read_only=on -c statement_timeout={STATEMENT_MS} -c lock_timeout={LOCK_MS} "
    "-c idle_in_transaction_session_timeout=5000 -c client_min_messages=error"
)

UNREAD = "What its schema looks like is not known now."
_AGAIN = "Check the network and the server; it is asked again by itself."

_CAUSES: tuple[tuple[str, str, str], ...] = (
    ("28", "does not accept this login", "Check the login, and where its password is found, in the target's file."),
    ("3D000", "does not exist on this server", "Check the database's name in the target's file."),
    ("42501", "does not let this login read that", "Let its administrator grant SELECT to it."),
    ("53300", "has no connection left", "Close other programs that use it, or raise max_connections."),
    ("57P0", "is stopping or starting", _AGAIN),
    ("57014", "took too long over a question", "It is asked again by itself; look what keeps the server busy."),
    ("55P03", "keeps a lock on what was asked for", "It is asked again by itself; look who holds it."),
    ("POOLER", "stands behind a pooler that takes no options", "Connect to the server itself, or set ignore_startup_parameters = options."),
    ("TLS-NAME", "shows a certificate for another name", "Connect by the name that it has; if that is this one, somebody is in between."),
    ("TLS-NONE", "does not encrypt", "Let its administrator set ssl = on; over a line that nobody else reaches: ?sslmode=disable."),
    ("TLS", "shows a certificate that cannot be checked", "Name the file of your authority: ?sslmode=verify-full&sslrootcert=FILE."),
)

_TOLD_BY_TEXT = (
    ("unsupported startup parameter", "POOLER"),
    ("does not match host name", "TLS-NAME"),
    ("server does not support SSL", "TLS-NONE"),
    ("root certificate file", "TLS"),
    ("certificate verify failed", "TLS"),
    ("authentication failed", "28"),
    ("no pg_hba.conf entry", "28"),
    ("no password supplied", "28"),
    ("permission denied for database", "28"),
    ("is not permitted to log in", "28"),
    ("does not exist", "3D000"),
    ("too many clients", "53300"),
    ("connection slots are reserved", "53300"),
    ("the database system is", "57P0"),
)
"""What a server says before there is a session comes without a code."""


class PostgresClient:
    """Connects as an address says for each question, and lets go after it: nothing is held open on somebody's database."""

    def __init__(self, address: Address, password: Password | None, timeout_s: float) -> None:
        self._address, self._password, self._timeout_s = address, password, timeout_s

    @property
    def place(self) -> str:
        """Return which database it is, in words."""
        return self._address.place

    async def ask(self, question: Callable[[Raw], T]) -> T:
        """Return what a question gives, asked in a thread on a connection of its own that can change nothing.

        Raises Unreachable, Refused, SecretsUnavailable, and what the question raises of our own errors.
        """
        asked = _Asked(question)
        try:
            async with asyncio.timeout(self._timeout_s):
                password = await self._password() if self._password is not None else None
                loop = asyncio.get_running_loop()
                answer: asyncio.Future[T] = loop.create_future()
                work = (asked, self._parameters(password), loop, answer)
                threading.Thread(target=_work, args=work, name="schema", daemon=True).start()
                return await answer
        except TimeoutError:
            message = f"The database {self.place} did not answer in {self._timeout_s:g} s."
            raise Unreachable(message, sent=False, means=UNREAD, advice=_AGAIN) from None
        except psycopg.Error as error:
            raise worded(error, self._address) from None
        except OSError as error:
            why = error.strerror or type(error).__name__
            message = f"The database {self.place} cannot be reached: {why}."
            raise Unreachable(message, sent=False, means=UNREAD, advice=_AGAIN) from None
        finally:
            asked.cut()

    def _parameters(self, password: str | None) -> dict[str, Any]:
        limit = max(2, math.ceil(self._timeout_s))
        return {**self._address.parameters, "password": password, "options": _SESSION, "connect_timeout": limit}


class _Asked:
    """One question under way, which can be broken off from another thread."""

    def __init__(self, question: Callable[[Raw], Any]) -> None:
        self._question = question
        self._guard = threading.Lock()
        self._line: socket.socket | None = None
        self._over = False

    def run(self, parameters: dict[str, Any]) -> Any:
        raw: Raw = psycopg.connect(**parameters, autocommit=True)
        try:
            with self._guard:
                if self._over:
                    return None
                self._line = socket.socket(fileno=socket.dup(raw.fileno()))  # os.dup knows no sockets on Windows
            return self._question(raw)
        finally:
            self._let_go()
            with suppress(psycopg.Error, OSError):
                raw.close()

    def cut(self) -> None:
        """Break the connection off where nobody waits for the answer any more."""
        with self._guard:
            self._over = True
            if self._line is not None:
                with suppress(OSError):
                    self._line.shutdown(socket.SHUT_RDWR)

    def _let_go(self) -> None:
        with self._guard:
            if self._line is not None:
                self._line.close()
                self._line = None


def _work(asked: _Asked, parameters: dict[str, Any], loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[Any]") -> None:
    """Ask in a thread that nobody has to wait for: a name server may keep it for long. Hands every error on."""
    outcome: tuple[Any, BaseException | None]
    try:
        outcome = asked.run(parameters), None
    except BaseException as error:  # noqa: BLE001
        outcome = None, error
    with suppress(RuntimeError):  # the loop is closed: nobody is there any more
        loop.call_soon_threadsafe(_hand_over, answer, *outcome)


def _hand_over(answer: "asyncio.Future[Any]", found: Any, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(found)
    else:
        answer.set_exception(error)


def worded(error: psycopg.Error, address: Address) -> ConsoleError:
    """Return an error of PostgreSQL in words that tell a person what to do; nothing in it is a password."""
    told_by_text = next((found for text, found in _TOLD_BY_TEXT if text in str(error)), "")
    code = error.sqlstate if error.sqlstate and told_by_text != "POOLER" else told_by_text
    told = f" It says: {said(error)}." if code else ""
    for start, cause, advice in _CAUSES:
        if code.startswith(start):
            return Refused(f"The database {address} {cause}.{told}", means=UNREAD, advice=advice)
    if code:
        return Refused(f"The database {address} refused a question.{told}", means=UNREAD, advice="Look what it complains of.")
    return Unreachable(f"The database {address} cannot be reached: {said(error)}.", sent=False, means=UNREAD, advice=_AGAIN)


def said(error: psycopg.Error) -> str:
    """Return the first line of what was said, as remote text that is safe to show."""
    text = str(error.diag.message_primary or "") or str(error).strip()
    lines = [line for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else type(error).__name__
    return clean(first.rpartition("FATAL: ")[2].rpartition("failed: ")[2]).rstrip(".")
