"""The practice shop's database, which both versions share: products, carts, checkout sessions and orders in SQLite."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

SCHEMA = """
CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, cents INTEGER NOT NULL);
CREATE TABLE payment_methods (id INTEGER PRIMARY KEY, name TEXT NOT NULL, provider_token TEXT NOT NULL);
CREATE TABLE carts (session TEXT PRIMARY KEY, product INTEGER NOT NULL, touched REAL NOT NULL);
CREATE TABLE checkouts (
    session TEXT PRIMARY KEY, side TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('open', 'ok', 'failed')),
    method INTEGER NOT NULL, cents INTEGER NOT NULL, touched REAL NOT NULL
);
CREATE INDEX checkouts_open ON checkouts (state, side, touched);
CREATE TABLE orders (id INTEGER PRIMARY KEY, session TEXT NOT NULL, cents INTEGER NOT NULL, side TEXT NOT NULL);
INSERT INTO products VALUES (1, 'Blue mug', 1250), (2, 'Green kettle', 3750), (3, 'Tea for a month', 2900), (4, 'Tray', 7100);
INSERT INTO payment_methods VALUES (1, 'card', 'tok-card'), (2, 'wallet', 'tok-wallet'), (3, 'bank transfer', 'tok-bank');
"""
KEEP_S = 900.0
KEEP_ORDERS = 20_000


def create(path: Path) -> None:
    """Make a new, empty shop database in write-ahead mode, so that both versions and a migration can use it at once."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript(SCHEMA)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout session as the database has it."""

    state: str
    cents: int
    method: int


class Ledger:
    """One side's connection to the shop database. A checkout session belongs to the side that served its last step, and ends once."""

    def __init__(self, path: Path, side: str) -> None:
        self._side = side
        self._database = sqlite3.connect(path, timeout=2.0, isolation_level=None)
        # A practice shop may lose its orders with the power; it must not make the disk wait.
        self._database.execute("PRAGMA synchronous=OFF")

    def product(self, number: int) -> tuple[str, int] | None:
        """Return a product's name and its price in cents."""
        row = self._database.execute("SELECT name, cents FROM products WHERE id = ?", (number,)).fetchone()
        return None if row is None else (row[0], row[1])

    def put_in_cart(self, session: str, product: int) -> None:
        """Remember what a customer chose."""
        self._database.execute("INSERT OR REPLACE INTO carts VALUES (?, ?, ?)", (session, product, time.monotonic()))

    def start_checkout(self, session: str, method: int) -> bool:
        """Open a checkout session for the cart; False when the cart is empty or the session was opened before."""
        found = self._database.execute(
            "INSERT OR IGNORE INTO checkouts "
            "SELECT session, ?, 'open', ?, cents, ? FROM carts JOIN products ON id = product WHERE session = ?",
            (self._side, method, time.monotonic(), session),
        )
        return found.rowcount == 1

    def take_over(self, session: str) -> Checkout | None:
        """Make an open session this side's own before its payment, and return it; None when there is no such session."""
        self._database.execute(
            "UPDATE checkouts SET side = ?, touched = ? WHERE session = ? AND state = 'open'", (self._side, time.monotonic(), session)
        )
        return self.checkout(session)

    def checkout(self, session: str) -> Checkout | None:
        """Return a checkout session, None when there is none."""
        row = self._database.execute("SELECT state, cents, method FROM checkouts WHERE session = ?", (session,)).fetchone()
        return None if row is None else Checkout(*row)

    def token(self, method: int) -> str:
        """Return what the provider knows a payment method by, as version 5.1 sends it."""
        return str(self._database.execute("SELECT provider_token FROM payment_methods WHERE id = ?", (method,)).fetchone()[0])

    def reference(self, method: int) -> str | None:
        """Return the payment method's `payment_ref`, "" where the migration left it empty; None while there is no such column."""
        columns = {row[1] for row in self._database.execute("PRAGMA table_info(payment_methods)")}
        if "payment_ref" not in columns:
            return None
        return self._database.execute("SELECT payment_ref FROM payment_methods WHERE id = ?", (method,)).fetchone()[0] or ""

    def finish(self, session: str, *, paid: bool) -> bool:
        """End an open session, with its order when it was paid; False when it had ended before."""
        self._database.execute("BEGIN IMMEDIATE")
        state = "ok" if paid else "failed"
        found = self._database.execute("UPDATE checkouts SET state = ? WHERE session = ? AND state = 'open'", (state, session))
        ended = found.rowcount == 1
        if ended and paid:
            self._database.execute(
                "INSERT INTO orders (session, cents, side) SELECT session, cents, side FROM checkouts WHERE session = ?", (session,)
            )
        self._database.execute("COMMIT")
        return ended

    def time_out(self, after_s: float) -> int:
        """End this side's sessions in which nothing happened for `after_s` seconds, and return how many there were."""
        limit = time.monotonic() - after_s
        return self._database.execute(
            "UPDATE checkouts SET state = 'failed' WHERE state = 'open' AND side = ? AND touched <= ?", (self._side, limit)
        ).rowcount

    def prune(self) -> None:
        """Forget what is long over, so that a shop that runs for days stays small."""
        limit = time.monotonic() - KEEP_S
        self._database.execute("DELETE FROM checkouts WHERE state <> 'open' AND touched <= ?", (limit,))
        self._database.execute("DELETE FROM carts WHERE touched <= ?", (limit,))
        self._database.execute("DELETE FROM orders WHERE id <= (SELECT max(id) FROM orders) - ?", (KEEP_ORDERS,))

    def close(self) -> None:
        """Let the database go."""
        self._database.close()
