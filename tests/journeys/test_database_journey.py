"""A release with a migration on a real Envoy, PostgreSQL and Alembic: before traffic, once, taken back, and killed on both ways."""

import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from journeys.kit import Shell, Traffic, let_leases_run_out, records, target_text
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream
from servers.postgres_process import PostgresServer
from servers.shop_database import MIGRATOR, MIGRATOR_PASSWORD, WATCHER_PASSWORD, ShopDatabase, alembic_folder, shop_database

pytestmark = [pytest.mark.envoy, pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")]

ALL = os.environ.get("DATABASE_CRASHES", "") == "all"
FORWARD = ["before-send:1", "after-send:1"] if ALL else ["after-send:1"]
BACK = ["before-send:2", "after-send:2"] if ALL else ["before-send:2"]
"""The first step forward is the migration; on the way back it comes after the traffic. With `all` also the other side of each effect."""


@dataclass
class Site:
    """A home whose console knows a shop with a database, armed and trusted."""

    shell: Shell
    database: ShopDatabase

    @property
    def revision(self) -> str:
        row = self.database.admin.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else ""

    @property
    def columns(self) -> list[str]:
        asked = "SELECT attname::text FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0 AND NOT attisdropped"
        return [str(row[0]) for row in self.database.admin.execute(asked).fetchall()]

    def rollouts(self) -> list[str]:
        connection = records(self.shell.home)
        found = [str(row[0]) for row in connection.execute("SELECT id FROM rollouts ORDER BY started_at")]
        connection.close()
        return found

    def steps(self, rollout: str) -> list[str]:
        """Return what is recorded of each step that was sent, in order."""
        connection = records(self.shell.home)
        found = connection.execute("SELECT state FROM steps WHERE rollout = ? ORDER BY number", (rollout,)).fetchall()
        connection.close()
        return [str(row[0]) for row in found]

    def start(self, crash_at: str = "") -> int:
        planned = self.shell("release", "plan", "shop", "--version", "18.0.0", "--json")
        assert planned.code == 0, planned
        said = self.shell("release", "start", str(planned.document["plan_hash"]), "--reason", "a quiet Tuesday", crash_at=crash_at)
        assert said.code in {0, -signal.SIGKILL}, said
        return said.code


def section(database: ShopDatabase, argv: tuple[str, ...], folder: Path) -> str:
    command = ", ".join(argv)
    return f"""
database:
  provider: postgres
  address: {database.address}
  password: env:SHOP_WATCHER
  tool: alembic
  base: "0041"
  poll: 1 s
  migrator: {{login: {MIGRATOR}, password: env:SHOP_MIGRATOR}}
  migrations:
    - name: payment ref
      revision: "0042"
      phase: expand
      run: [{command}, upgrade, "0042"]
      undo: [{command}, downgrade, "0041"]
      folder: {folder}
      tables: [orders]
      columns: [{{column: orders.payment_ref, type: text, max_null: 1 %}}]
    - {{name: drop note, revision: "0043", phase: contract}}
"""


ROLLBACK = """rollback:
  - traffic
  - {name: schema, kind: migration, migration: payment ref, timeout: 30 s}
"""


@pytest.fixture
def site(
    envoy_server: EnvoyServer,
    postgres_server: PostgresServer,
    upstreams: Mapping[str, Upstream],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:
    home, migrations = tmp_path / "home", tmp_path / "alembic"
    home.mkdir()
    monkeypatch.setenv("SHOP_WATCHER", WATCHER_PASSWORD)
    monkeypatch.setenv("SHOP_MIGRATOR", MIGRATOR_PASSWORD)
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(home))
    with shop_database(postgres_server) as database:
        database.admin.execute("CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY)")
        database.admin.execute("INSERT INTO alembic_version VALUES ('0041')")
        database.admin.execute(f"ALTER TABLE alembic_version OWNER TO {MIGRATOR}; GRANT SELECT ON alembic_version TO watcher")
        argv = alembic_folder(migrations, "ALTER TABLE orders ADD payment_ref text DEFAULT 'none'")
        text = target_text(envoy_server.admin, upstreams, section(database, argv, migrations)).replace("rollback: [traffic]\n", ROLLBACK)
        (home / "shop.yaml").write_text(text, encoding="utf-8")
        shell = Shell(home)
        for words in (("add", str(home / "shop.yaml")), ("arm", "shop"), ("trust", "shop", "--yes")):
            said = shell("target", *words)
            assert said.code == 0, said
        with Traffic(upstreams):
            yield Site(shell, database)


def test_a_release_migrates_before_traffic_and_its_way_back_takes_the_migration_back(site: Site) -> None:
    before = site.shell("target", "status", "shop")
    assert "alembic: At 0041; 2 migrations pending." in before.out
    assert "pending  0042: expand: pending" in before.out
    assert "pending  0043: contract, one-way: pending" in before.out
    assert "identity " in before.out
    assert site.start() == 0
    assert (site.revision, "payment_ref" in site.columns) == ("0042", True)
    status = site.shell("target", "status", "shop", "--json")
    found = status.document["schema"]
    assert isinstance(found, dict)
    assert found["words"] == "At 0042; 1 migration pending."
    back = site.shell("rollback", "shop", "--reason", "payments fail")
    assert back.code == 0, back
    assert (site.revision, "payment_ref" in site.columns) == ("0041", False)
    assert site.shell("audit", "verify").code == 0
    for said in (before, status, back):
        assert WATCHER_PASSWORD not in said.out + said.err
        assert MIGRATOR_PASSWORD not in said.out + said.err


def test_nothing_starts_into_a_table_that_somebody_has_kept_locked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with site.database.idle():
        planned = site.shell("release", "plan", "shop", "--version", "18.0.0", "--json")
        assert planned.code == 0
        site.database.admin.execute("SELECT pg_sleep(5.5)")  # until the transaction is old enough to be in the way
        said = site.shell("release", "start", str(planned.document["plan_hash"]), "--reason", "now")
    assert said.code == 3
    assert "An idle transaction of postgres (cart-worker) has held a lock on orders for" in said.err
    assert site.revision == "0041"


@pytest.mark.parametrize("point", FORWARD)
def test_a_console_that_is_killed_while_it_migrates_leaves_nothing_unseen(site: Site, point: str) -> None:
    assert site.start(point) == -signal.SIGKILL
    revision = site.revision
    assert revision == ("0042" if point.startswith("after-send") else "0041")
    let_leases_run_out(site.shell.home)
    (left,) = site.rollouts()
    assert site.steps(left) == ["sent"]
    resumed = site.shell("release", "resume", left, "--reason", "looked")
    assert resumed.code == 0, resumed
    assert site.revision == "0042"
    assert site.steps(left)[0] == ("confirmed" if revision == "0042" else "failed"), "what was left open is read back, then run again"
    assert site.shell("audit", "verify").code == 0


@pytest.mark.parametrize("point", BACK)
def test_a_way_back_that_is_killed_at_its_migration_goes_through(site: Site, point: str) -> None:
    assert site.start() == 0
    said = site.shell("rollback", "shop", "--reason", "payments fail", crash_at=point)
    assert said.code == -signal.SIGKILL, said
    let_leases_run_out(site.shell.home)
    again = site.shell("rollback", "shop", "--reason", "after the crash")
    assert again.code in {0, 3}, again  # 3 where everything was read back to be done: there is nothing left to take back
    assert (site.revision, "payment_ref" in site.columns) == ("0041", False)
    assert {state for each in site.rollouts() for state in site.steps(each)} <= {"confirmed", "unknown", "failed"}, "no step is lost"
    assert site.shell("audit", "verify").code == 0
