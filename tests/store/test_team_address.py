"""A team's database that is not reached: what its address never shows, and that nothing waits for it or meets an error without words."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from console.model.errors import BadFile, CannotRecord
from console.store.database import Patience
from console.store.postgres import connecting
from console.store.postgres.address import address_of
from console.store.postgres.connecting import Door
from console.store.postgres.mirror import Mirror
from console.store.postgres.server import PostgresServer


@pytest.mark.parametrize("password", ["se/cret", "cret", "12se", "se?cret=1", "se#cret"])
def test_no_part_of_a_password_in_an_address_is_shown(password: str) -> None:
    with pytest.raises(BadFile) as told:
        address_of(f"postgresql://ana:{password}@db.internal/records")
    whole = str(told.value)
    assert "cret" not in whole
    assert "12se" not in whole
    assert told.value.__cause__ is None


def test_an_address_without_a_password_is_shown_without_one() -> None:
    assert str(address_of("postgresql://ana@db.internal/records")) == "records on db.internal:5432 as ana"


def test_a_connection_that_takes_too_long_is_cut_off_by_its_own_socket() -> None:
    ours, theirs = socket.socketpair()

    class Raw:
        """As much of a connection as its deadline uses."""

        def fileno(self) -> int:
            return ours.fileno()

    with ours, theirs, connecting.within(Raw(), 0.01):  # type: ignore[arg-type]
        theirs.settimeout(5)
        assert theirs.recv(1) == b"", "cut off, so that whoever waits on it is let go"


@pytest.mark.anyio
@pytest.mark.parametrize("error", [psycopg.OperationalError("the connection is lost"), TimeoutError("no connection within 0.5 s")])
async def test_an_error_of_the_driver_itself_is_one_in_words_so_that_a_way_back_goes_to_the_journal(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = PostgresServer(
        Door(address_of("postgresql://ana@127.0.0.1:1/records"), str), Patience(), lambda *_: None, Mirror(tmp_path, "")
    )

    @contextmanager
    def broken(_: int) -> Iterator[None]:
        raise error
        yield

    monkeypatch.setattr(server, "_begun", broken)
    monkeypatch.setattr(server._follower, "stop", lambda: None)
    try:
        with pytest.raises(CannotRecord, match="does not answer"):
            await server.write(lambda _: None)
        assert server.lost is not None
    finally:
        await server.close()
