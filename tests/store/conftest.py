"""What the store's tests share: a clock that is set by hand, people, plans, and an open store, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.postgres_process import PostgresServer
from store_kit import HandClock, settle_now
from team_kit import Team, copied, make_bare_template, make_template

from console.store.database import Patience
from console.store.sqlite import SqliteStore, open_store


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a module's tests on both stores when it says so, except those that are about one file."""
    both = getattr(metafunc.module, "BOTH_STORES", False) and "store" in metafunc.fixturenames
    if both and metafunc.definition.get_closest_marker("one_file") is None:
        metafunc.parametrize("kind", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", "sqlite")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="session")
def team_template(postgres_process: PostgresServer) -> str:
    """A database that is set up, with people in every role, for each test to copy."""
    return make_template(postgres_process)


@pytest.fixture(scope="session")
def bare_template(postgres_process: PostgresServer, team_template: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database that is set up and whose log is empty; its people are those of the other template."""
    return make_bare_template(postgres_process, tmp_path_factory.mktemp("bare"))


@pytest.fixture
def team(postgres_server: PostgresServer, team_template: str) -> Iterator[Team]:
    """A team's database of its own for one test."""
    made = Team(postgres_server, copied(postgres_server, team_template))
    yield made
    made.close()


@pytest.fixture
def store(kind: str, folder: Path, clock: HandClock, request: pytest.FixtureRequest) -> Iterator[SqliteStore]:
    if kind == "postgres":
        made: Team = request.getfixturevalue("team")
        yield made.open("ann", folder, clock)
        return
    opened = open_store(folder, clock, Patience(usual_s=0.2, urgent_s=0.1))
    yield opened
    settle_now(opened.close())
