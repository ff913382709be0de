"""The address of a team's database: what it says when it is none, and what it never shows."""

import socket

import pytest

from console.model.errors import BadFile
from console.store.postgres import connecting
from console.store.postgres.address import address_of


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
