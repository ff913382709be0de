"""The practice shop's pipeline: the commands that check a version, migrate the shop's database, and check again.

Run as a script by its path, so it uses the standard library alone and none of our other modules.
"""

import argparse
import http.client
import json
import os
import sqlite3
import sys
from contextlib import closing
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


def migrate(database: Path, script: Path) -> int:
    """Run a migration in one transaction, once: its name is kept in the database."""
    with closing(sqlite3.connect(database, timeout=5.0, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY)")
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT 1 FROM migrations WHERE name = ?", (script.stem,)).fetchone():
            _say(f"{script.stem} has been run before; nothing to do")
            connection.execute("ROLLBACK")
            return 0
        for statement in filter(None, (line.strip() for line in script.read_text(encoding="utf-8").split(";"))):
            _say(statement)
            touched = connection.execute(statement).rowcount
            _say(f"done{'' if touched < 0 else f', {touched} rows'}")
        connection.execute("INSERT INTO migrations VALUES (?)", (script.stem,))
        connection.execute("COMMIT")
    _say("the migration is committed")
    return 0


def main() -> int:
    """Run one stage and return its exit code; the version comes as RELEASE_VERSION."""
    parser = argparse.ArgumentParser()
    stages = parser.add_subparsers(dest="stage", required=True)
    for name in ("check", "ready"):
        stages.add_parser(name).add_argument("address", nargs="+")
    migration = stages.add_parser("migrate")
    migration.add_argument("database", type=Path)
    migration.add_argument("script", type=Path)
    options = parser.parse_args()
    version = os.environ.get("RELEASE_VERSION", "")
    try:
        if options.stage == "check":
            return check_pages(options.address, version)
        if options.stage == "ready":
            return 0 if _find(options.address, version) else 1
        return migrate(options.database, options.script)
    except (OSError, http.client.HTTPException, ValueError, sqlite3.Error) as error:
        _say(f"{type(error).__name__}: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
