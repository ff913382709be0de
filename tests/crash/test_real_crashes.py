"""A real console killed in its work on real systems recovers: no effect without an intent, nothing sent again blindly, no step lost."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from crash.ledger import Ledger, compared
from crash.real import RealCase, RealSite, all_real, live_real, real_site
from crash.teamrecords import TeamRecords
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream
from servers.haproxy_process import HaproxyServer
from servers.postgres_process import PostgresServer

from console.model.verbs import Verb

SOME = [
    RealCase("switch, haproxy", "after-send", 1, Verb.RESUME),
    RealCase("rollback, haproxy", "before-send", 1, Verb.ROLLBACK),
    RealCase("start: commands, flag, envoy", "after-send", 2, Verb.RESUME),
    RealCase("flag kill, http", "outcome-before-commit", 1, Verb.ROLLBACK),
    RealCase("way back: envoy, flag, http, command", "after-send", 3, Verb.ROLLBACK),
]
CASES = all_real() if os.environ.get("REAL_CRASHES") == "all" else SOME
SOME_OF_A_TEAM = [
    RealCase("switch, envoy", "intent-after-commit", 1, Verb.RESUME),
    RealCase("rollback, haproxy", "outcome-before-commit", 1, Verb.ROLLBACK),
]
TEAM_CASES = all_real() if os.environ.get("TEAM_CRASHES") == "all" else SOME_OF_A_TEAM


@pytest.fixture(scope="module")
def site(
    envoy_process: EnvoyServer,
    haproxy_process: HaproxyServer,
    upstream_processes: Mapping[str, Upstream],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RealSite]:
    with real_site(envoy_process, haproxy_process, upstream_processes, tmp_path_factory.mktemp("real")) as site:
        yield site


@pytest.fixture(scope="module")
def team_site(
    envoy_process: EnvoyServer,
    haproxy_process: HaproxyServer,
    upstream_processes: Mapping[str, Upstream],
    postgres_process: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RealSite]:
    folder = tmp_path_factory.mktemp("real-team")
    with real_site(envoy_process, haproxy_process, upstream_processes, folder, TeamRecords(postgres_process)) as site:
        yield site


@pytest.mark.anyio
@pytest.mark.envoy
@pytest.mark.haproxy
@pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_console_killed_at_a_hook_recovers(site: RealSite, case: RealCase) -> None:
    result = await live_real(site, case)
    assert result.problems == ()
    assert result.struck or case not in SOME, "the hook is reached"


@pytest.mark.anyio
@pytest.mark.envoy
@pytest.mark.haproxy
@pytest.mark.postgres
@pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")
@pytest.mark.parametrize("case", TEAM_CASES, ids=str)
async def test_a_console_killed_at_a_hook_recovers_with_the_records_in_a_teams_database(
    team_site: RealSite, postgres_server: PostgresServer, case: RealCase
) -> None:
    result = await live_real(team_site, case)
    assert result.problems == ()
    assert result.struck or case not in SOME_OF_A_TEAM, "the hook is reached"


class Journal:
    """A records file with one step, as far as a ledger looks into it."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        step = json.dumps({"kind": kind, "direction": "forward"})
        self._do("CREATE TABLE steps (number INTEGER PRIMARY KEY, id TEXT, step TEXT, state TEXT)")
        self._do("CREATE TABLE audit (kind TEXT, step TEXT)")
        self._do(f"INSERT INTO steps (id, step, state) VALUES ('R-1.0.1', '{step}', 'planned')")
        self.state("sent")
        self._do("INSERT INTO audit VALUES ('intent', 'R-1.0.1')")

    def state(self, state: str) -> None:
        self._do(f"UPDATE steps SET state = '{state}'")

    def _do(self, statement: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(statement)


def sent_once(ledger: Ledger, journal: Journal) -> None:
    ledger.saw("envoy", "green=5", "weight")
    journal.state("confirmed")


def sent_before_its_intent(ledger: Ledger, journal: Journal) -> None:
    journal.state("planned")
    ledger.saw("envoy", "green=5", "weight")
    journal.state("confirmed")


def sent_under_another_key(ledger: Ledger, journal: Journal) -> None:
    ledger.saw("envoy", "green=5", "weight", "R-1.0.2")
    journal.state("confirmed")


def sent_twice(ledger: Ledger, journal: Journal) -> None:
    ledger.saw("envoy", "green=5", "weight")
    sent_once(ledger, journal)


def sent_when_it_was_so(ledger: Ledger, journal: Journal) -> None:
    ledger.stands["envoy"] = "green=5"
    sent_once(ledger, journal)


def never_settled(ledger: Ledger, journal: Journal) -> None:
    ledger.saw("envoy", "green=5", "weight")


@pytest.mark.parametrize(
    ("does", "found"),
    [
        (sent_once, ""),
        (sent_before_its_intent, "without an intent"),
        (sent_under_another_key, "without an intent"),
        (sent_twice, "sent twice for one step"),
        (sent_when_it_was_so, "it was so already"),
        (never_settled, "is lost"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_ledger_finds_each_way_to_break_the_promise(tmp_path: Path, does: Callable[[Ledger, Journal], None], found: str) -> None:
    journal = Journal(tmp_path / "records.db", "weight")
    ledger = Ledger(records=journal.path)
    does(ledger, journal)
    wrong = compared(ledger)
    assert (found in " ".join(wrong)) if found else (wrong == [])
