"""The practice shop's commands: those that check a version and migrate the shop's database, and those that take a migration back.

Run as a script by its path, so it uses the standard library alone and none of our other modules.
"""

import argparse
import http.client
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

PAGES = (("GET", "/"), ("GET", "/product?id=2"), ("POST", "/cart?id=2"))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _ask(address: str, method: str, path: str) -> tuple[int, str]:
    """Return status and body of a request to `host:port`. Raises OSError when nobody answers."""
    connection = http.client.HTTPConnection(address, timeout=5.0)
    try:
        connection.request(method, path, headers={"cookie": "shop_session=pipeline"})
        answer = connection.getresponse()
        return answer.status, answer.read(100_000).decode("utf-8", "replace")
    finally:
        connection.close()


def _find(addresses: list[str], version: str) -> str | None:
    """Return the address at which `version` answers and says that it is healthy; None when it is at none of them."""
    for address in addresses:
        status, body = _ask(address, "GET", "/version")
        facts = json.loads(body) if status == 200 else {}
        _say(f"http://{address}/version: {status} {facts.get('version', 'no version')}, healthy: {facts.get('healthy', False)}")
        if facts.get("version") == version and facts.get("healthy"):
            return address
    return None


def check_pages(addresses: list[str], version: str) -> int:
    """Visit the version's pages, past the router, up to the cart; a checkout would count as a customer's."""
    address = _find(addresses, version)
    if address is None:
        _say(f"version {version} does not run here, or is not healthy")
        return 1
    worst = 0
    for method, path in PAGES:
        status, body = _ask(address, method, path)
        good = status == 200 and f"Version {version}" in body
        _say(f"{method} {path}: {status}, {len(body)} characters{'' if good else ', not as it should be'}")
        worst = max(worst, 0 if good else 1)
    return worst


def _open(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(database, timeout=5.0, isolation_level=None)


def _was_run(connection: sqlite3.Connection, name: str) -> bool:
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'migrations'").fetchone()
    return bool(known and connection.execute("SELECT 1 FROM migrations WHERE name = ?", (name,)).fetchone())


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def _execute(connection: sqlite3.Connection, script: Path) -> None:
    for statement in filter(None, (line.strip() for line in script.read_text(encoding="utf-8").split(";"))):
        _say(statement)
        touched = connection.execute(statement).rowcount
        _say(f"done{'' if touched < 0 else f', {touched} rows'}")


def snapshot_of(database: Path, script: Path) -> Path:
    """Return where the copy lies that is made before a migration."""
    return database.with_name(f"{database.stem}.before-{script.stem}{database.suffix}")


def _copy(connection: sqlite3.Connection, to: Path) -> None:
    """Copy the database as it stands; the copy is there whole or not at all."""
    half = to.with_suffix(".half")
    half.unlink(missing_ok=True)
    with closing(sqlite3.connect(half)) as copy:
        connection.backup(copy)
    half.replace(to)
    _say(f"a copy of the database lies in {to.name}")


def migrate(database: Path, script: Path) -> int:
    """Copy the database, then run a migration in one transaction, once: its name is kept in the database."""
    with closing(_open(database)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY)")
        if not _was_run(connection, script.stem):
            _copy(connection, snapshot_of(database, script))
        connection.execute("BEGIN IMMEDIATE")
        if _was_run(connection, script.stem):
            _say(f"{script.stem} has been run before; nothing to do")
            connection.execute("ROLLBACK")
            return 0
        _execute(connection, script)
        connection.execute("INSERT INTO migrations VALUES (?)", (script.stem,))
        connection.execute("COMMIT")
    _say("the migration is committed")
    return 0


def take_back(database: Path, script: Path) -> int:
    """Run a migration's way back (`NAME.down.sql` beside it) in one transaction, once."""
    with closing(_open(database)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        if not _was_run(connection, script.stem):
            _say(f"{script.stem} is not in the database; nothing to take back")
            connection.execute("ROLLBACK")
            return 0
        _execute(connection, script.with_suffix(".down.sql"))
        connection.execute("DELETE FROM migrations WHERE name = ?", (script.stem,))
        connection.execute("COMMIT")
    _say(f"{script.stem} is taken back")
    return 0


def is_back(database: Path, script: Path, column: str) -> int:
    """Return 0 when the schema itself lacks what a migration added, `TABLE.COLUMN`, and 1 while it is there."""
    table, _, name = column.partition(".")
    with closing(_open(database)) as connection:
        there, known = name in _columns(connection, table), _was_run(connection, script.stem)
    _say(f"the schema {'has' if there else 'does not have'} {column}, and {script.stem} is {'' if known else 'not '}in the database's list")
    return 1 if there or known else 0


def snapshot(database: Path, script: Path) -> int:
    """Return 0 and tell since when there is a copy from before a migration; while it has not been run, the database itself is that."""
    with closing(_open(database)) as connection:
        before = not _was_run(connection, script.stem)
    path = database if before else snapshot_of(database, script)
    if not path.exists():
        _say(f"there is no {path.name}")
        return 1
    _say(f"since: {datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec='seconds')}")
    _say(f"{script.stem} has not been run" if before else f"{path.name} is from before {script.stem}")
    return 0


def contract(database: Path) -> int:
    """Drop the column that version 5.1 pays with: the point of no return. Nothing takes this back."""
    with closing(_open(database)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        if "provider_token" in _columns(connection, "payment_methods"):
            connection.execute("ALTER TABLE payment_methods DROP COLUMN provider_token")
        connection.execute("COMMIT")
    _say("payment_methods has no provider_token any more: 5.1 cannot take payments")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("check", "ready"):
        commands.add_parser(name).add_argument("address", nargs="+")
    for name in ("migrate", "take-back", "is-back", "snapshot", "contract"):
        command = commands.add_parser(name)
        command.add_argument("database", type=Path)
        if name != "contract":
            command.add_argument("script", type=Path)
        if name == "is-back":
            command.add_argument("column")
    return parser.parse_args()


def _run(options: argparse.Namespace) -> int:
    version = os.environ.get("RELEASE_VERSION", "")
    work: dict[str, Callable[[], int]] = {
        "check": lambda: check_pages(options.address, version),
        "ready": lambda: 0 if _find(options.address, version) else 1,
        "migrate": lambda: migrate(options.database, options.script),
        "take-back": lambda: take_back(options.database, options.script),
        "is-back": lambda: is_back(options.database, options.script, options.column),
        "snapshot": lambda: snapshot(options.database, options.script),
        "contract": lambda: contract(options.database),
    }
    return work[options.command]()


def main() -> int:
    """Run one command and return its exit code; the version comes as RELEASE_VERSION.

    2 when it could not be told: as a check, that is neither done (0) nor not done (1).
    """
    options = _options()
    try:
        return _run(options)
    except (OSError, http.client.HTTPException, ValueError, sqlite3.Error) as error:
        _say(f"{type(error).__name__}: {error}")
        return 2 if options.command in {"is-back", "snapshot"} else 1


if __name__ == "__main__":
    sys.exit(main())
