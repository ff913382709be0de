"""The way to a team's database: encrypted, and the server proves who it is, on a real PostgreSQL with certificates of a test's own."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from servers.postgres_process import ADMIN, PASSWORD, PostgresServer
from store_kit import entry
from team_kit import Team

from console.model.clock import SystemClock
from console.model.errors import BadFile, CannotRecord, StoreError
from console.store.postgres.address import Address, address_of
from console.store.postgres.setup import connected
from console.store.postgres.store import PostgresStore, open_team
from console.store.sqlite import open_store

NAME = "db.release.example"


@dataclass(frozen=True)
class Authority:
    """Who signs certificates; `file` is its own one."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    file: Path

    @classmethod
    def make(cls, folder: Path, named: str) -> "Authority":
        name, key = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, named)]), ec.generate_private_key(ec.SECP256R1())
        made = cls(name, key, folder / f"{named}.crt")
        made.file.write_bytes(made.signed(named, key, authority=True))
        return made

    def signed(self, named: str, key: ec.EllipticCurvePrivateKey, *, authority: bool = False) -> bytes:
        now = datetime.now(UTC)
        subject = self.name if authority else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, named)])
        begun = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        begun = begun.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
        begun = begun.not_valid_after(now + timedelta(days=1)).add_extension(x509.BasicConstraints(authority, None), critical=True)
        begun = begun.add_extension(x509.SubjectAlternativeName([x509.DNSName(named)]), critical=False)
        return begun.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path, "authority")


@pytest.fixture
def secured(team: Team, authority: Authority) -> Iterator[Team]:
    """A team's database on a server with a certificate for NAME."""
    cluster, key = team.server.folder / "cluster", ec.generate_private_key(ec.SECP256R1())
    (cluster / "server.crt").write_bytes(authority.signed(NAME, key))
    (cluster / "server.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for name in ("server.crt", "server.key"):
        (cluster / name).chmod(0o600)
        if os.getuid() == 0:
            shutil.chown(cluster / name, ADMIN, ADMIN)
    switch(team.server, "SET ssl = on")
    yield team
    switch(team.server, "RESET ssl")


def switch(server: PostgresServer, setting: str) -> None:
    """Change a setting; it counts for the next connection once the server says so."""
    with server.admin() as conn:
        conn.execute(f"ALTER SYSTEM {setting}")
        conn.execute("SELECT pg_reload_conf()")
    wanted = "on" if "on" in setting else "off"
    while True:
        with server.admin() as conn:
            if conn.execute("SHOW ssl").fetchone() == (wanted,):
                return


def away(team: Team, options: str = "", host: str = NAME) -> str:
    """Return the address of a team's database as if it were on another computer."""
    return f"postgresql://ann@{host}:{team.server.port}/{team.database}?hostaddr=127.0.0.1{options}"


@pytest.fixture(autouse=True)
def _no_authorities_of_the_person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)


def encrypted(address: Address) -> bool:
    with connected(address, PASSWORD) as raw:
        found = raw.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    return found == (True,)


@pytest.fixture
def opened_stores(team: Team) -> Iterator[list[PostgresStore]]:
    yield (made := [])
    team.stores += made


@pytest.mark.postgres
@pytest.mark.anyio
async def test_records_are_kept_over_a_line_on_which_the_server_has_proved_its_name(
    secured: Team, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened_stores: list[PostgresStore]
):
    url = away(secured, f"&sslmode=verify-full&sslrootcert={authority.file}")
    monkeypatch.setenv("TLS_SECRET", PASSWORD)
    store = open_team(
        open_store(tmp_path / "ann", SystemClock()), url, SystemClock(), lambda ref: os.environ[ref.name], place="env:TLS_SECRET"
    )
    opened_stores.append(store)
    assert store.trouble == ""
    await store.audit.append(entry("over an encrypted line"))
    assert encrypted(store.address)
    assert store.address.protection == "encrypted; the server proves its certificate and its name"


@pytest.mark.postgres
def test_off_this_computer_the_authorities_of_the_system_count_where_none_is_named(
    secured: Team, authority: Authority, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    address = address_of(away(secured))
    assert address.mode == "verify-full"
    assert encrypted(address)


def refused(team: Team, options: str = "", host: str = NAME) -> str:
    with pytest.raises(StoreError) as told:
        connected(address_of(away(team, options, host)), PASSWORD)
    assert PASSWORD not in str(told.value)
    return str(told.value)


@pytest.mark.postgres
def test_a_server_that_does_not_prove_who_it_is_gets_no_password_and_that_is_said_in_words(
    secured: Team, authority: Authority, tmp_path: Path
):
    another = Authority.make(tmp_path, "another")
    assert "certificate cannot be checked" in refused(secured, f"&sslrootcert={another.file}")
    assert "certificate cannot be checked" in refused(secured)
    assert "is for another name" in refused(secured, f"&sslrootcert={authority.file}", host="other.example")
    assert "no file with the authorities" in refused(secured, f"&sslrootcert={tmp_path / 'nothing.crt'}")


@pytest.mark.postgres
def test_a_server_that_does_not_encrypt_is_refused_off_this_computer(team: Team, authority: Authority):
    assert "does not encrypt" in refused(team, f"&sslrootcert={authority.file}")
    assert not encrypted(address_of(away(team, "&sslmode=disable")))


@pytest.mark.postgres
@pytest.mark.anyio
async def test_a_console_whose_server_has_a_certificate_of_somebody_else_writes_nothing_and_says_why(
    secured: Team, tmp_path: Path, opened_stores: list[PostgresStore]
):
    another = Authority.make(tmp_path, "another")
    url = away(secured, f"&sslrootcert={another.file}")
    store = open_team(open_store(tmp_path / "ann", SystemClock()), url, SystemClock(), lambda _: PASSWORD, place="env:X")
    opened_stores.append(store)
    assert "certificate cannot be checked" in store.trouble
    assert "rollback still works" in store.trouble
    with pytest.raises(CannotRecord, match="certificate cannot be checked"):
        await store.audit.append(entry("to somebody else"))


@pytest.mark.parametrize(
    ("url", "mode", "words"),
    [
        ("postgresql://ann@localhost/team", "", "does not leave this computer"),
        ("postgresql://ann@127.8.0.1/team", "", "does not leave this computer"),
        ("postgresql://ann@[::1]/team", "", "does not leave this computer"),
        ("postgresql://ann@/team?host=/run/postgresql", "", "does not leave this computer"),
        ("postgresql://ann@localhost.evil.example/team", "verify-full", "the server proves"),
        ("postgresql://ann@127.evil.example/team", "verify-full", "the server proves"),
        ("postgresql://ann@[::1234]/team", "verify-full", "the server proves"),
        ("postgresql://ann@localhost,db.example/team", "verify-full", "the server proves"),
        ("postgresql://ann@localhost/team?hostaddr=10.0.0.1", "verify-full", "the server proves"),
        ("postgresql://ann@db.example/team", "verify-full", "the server proves its certificate and its name"),
        ("postgresql://ann@db.example/team?sslmode=require", "require", "NOT PROVED"),
        ("postgresql://ann@db.example/team?sslmode=prefer", "prefer", "NOT SURE TO BE ENCRYPTED"),
        ("postgresql://ann@db.example/team?sslmode=verify-ca", "verify-ca", "its certificate, but not its name"),
    ],
)
def test_an_address_off_this_computer_is_safe_by_default_and_plainly_told_where_it_is_not(url: str, mode: str, words: str):
    address = address_of(url)
    assert (address.mode, words in address.protection) == (mode, True), address.protection


@pytest.mark.parametrize(("options", "words"), [("sslmode=on", "an sslmode that there is not"), ("host=evil.example", "names two hosts")])
def test_an_address_that_says_two_things_or_nothing_known_is_refused(options: str, words: str):
    with pytest.raises(BadFile, match=words):
        address_of(f"postgresql://ann@db.example/team?{options}")


def test_the_environment_does_not_weaken_what_the_address_asks_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGSSLMODE", "disable")
    assert psycopg.conninfo.make_conninfo(**address_of("postgresql://ann@db.example/team").parameters).count("sslmode=verify-full") == 1
