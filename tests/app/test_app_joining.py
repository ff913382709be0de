"""A team's database is tried, chosen, filled and left from a running console."""

from datetime import UTC, datetime

import pytest
from servers.postgres_process import PASSWORD

from console.app import joining, team
from console.app.records import records_view
from console.files.folders import folders
from console.model.audit import AuditFilter, Entry, RecordKind
from console.model.clock import SystemClock
from console.model.errors import BadFile, NotAllowed, StoreError
from console.model.rollout import Actor
from console.store.sqlite import open_store

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = Actor("ann", "desk:1:aa")
COUNT = 250


class Drawer:
    """A keyring that is open, and whose secrets the process finds in its environment."""

    def __init__(self, monkeypatch):
        self.held, self._patch = {}, monkeypatch

    async def put_async(self, name, value):
        self.held[name] = value
        self._patch.setattr("console.store.secrets.Secrets.get", lambda _, asked: self.held.get(asked))


@pytest.fixture
def url(postgres_server, tmp_path, monkeypatch):
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RELEASE_CONSOLE_STORE", raising=False)
    monkeypatch.setenv("ADMIN_SECRET", PASSWORD)
    name = postgres_server.new_database()
    team.set_up(postgres_server.url(name), "env:ADMIN_SECRET")
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


async def fill(count=COUNT):
    store = open_store(folders().data, SystemClock())
    for number in range(count):
        await store.audit.append(Entry(RecordKind.TARGET, ANN, NOON, "arm", target="shop", reason=f"reason {number}"))
    await store.close()


async def test_a_try_says_who_answers_and_chooses_nothing(url):
    found = await joining.attempt(url, PASSWORD)
    assert (found.login, found.roles, found.environments) == ("postgres", ("admin",), ())
    assert found.identity.startswith("log ")
    assert found.may[0]
    assert found.protection == "does not leave this computer"
    assert (await team.shown())["login"] == ""


@pytest.mark.parametrize("broken", ["postgresql://ann@localhost:1/none", "postgresql://ann@localhost"])
async def test_what_cannot_be_reached_is_told_in_words_and_nothing_is_chosen(url, broken, monkeypatch):
    with pytest.raises((StoreError, BadFile)) as told:
        await joining.use(Drawer(monkeypatch), broken, PASSWORD)
    assert told.value.advice
    assert (await team.shown())["login"] == ""


async def test_a_wrong_password_is_not_kept(url, monkeypatch):
    drawer = Drawer(monkeypatch)
    with pytest.raises(StoreError, match="does not accept this login"):
        await joining.use(drawer, url.replace("postgres@", "nobody@"), "wrong")
    assert drawer.held == {}


async def test_a_chosen_database_holds_from_the_next_start_and_can_be_left(url, monkeypatch):
    own = open_store(folders().data, SystemClock())
    try:
        assert (await records_view(own, ANN, SystemClock())).from_next_start == ""
        drawer = Drawer(monkeypatch)
        await joining.use(drawer, url, PASSWORD)
        assert list(drawer.held.values()) == [PASSWORD]
        assert (await records_view(own, ANN, SystemClock())).from_next_start.endswith("as postgres")
        with pytest.raises(NotAllowed, match="in your own folder"):
            await joining.move(own, ANN, "too early")
    finally:
        await own.close()
    joined = await team.opened_any()
    try:
        assert joined.person == "postgres"
        await team.leave()
        assert (await records_view(joined, ANN, SystemClock())).from_next_start == "your own folder"
    finally:
        await joined.close()


async def test_a_move_that_was_stopped_goes_on_and_moves_nothing_twice(url, monkeypatch):
    await fill()
    await joining.use(Drawer(monkeypatch), url, PASSWORD)
    store = await team.opened_any()
    me = Actor("postgres", "desk:1:aa")
    try:
        assert (await records_view(store, me, SystemClock())).unmoved == COUNT
        seen = []

        def once(done, total):
            seen.append((done, total))
            return done < 100

        with pytest.raises(NotAllowed, match="was stopped") as told:
            await joining.move(store, me, "one history", once)
        assert seen == [(0, COUNT), (100, COUNT)]
        assert "100 of 250 are in the team's records" in told.value.means
        moved = await joining.move(store, me, "one history", lambda done, total: seen.append((done, total)) is None)
        assert moved.startswith("250 records, 0 rollouts")
        assert seen[2] == (100, COUNT)
        copies = [record for record in await store.audit.page(AuditFilter(target="shop"), None, 1000) if record.entry.verb == "moved: arm"]
        assert len(copies) == COUNT
        assert (await records_view(store, me, SystemClock())).unmoved == 0
    finally:
        await store.close()
