"""Where a PostgreSQL database is: the address that a person gives, and what is added so that it is protected and never waits for ever."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from console.model.errors import BadFile

_SCHEMES = ("postgresql", "postgres")
_KNOWN = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey", "host", "hostaddr", "passfile", "channel_binding"})
_CHECKED = {"verify-ca": "its certificate, but not its name", "verify-full": "its certificate and its name"}
_MODES = ("disable", "allow", "prefer", "require", *_CHECKED)
_NAME = "release-console"
_ADVICE = "Give it as postgresql://LOGIN@HOST/DATABASE; the password comes from the keyring, env: or ~/.pgpass."


@dataclass(frozen=True, slots=True)
class Address:
    """A database and the login of the person who uses it; a password is never part of it."""

    host: str
    port: int
    database: str
    login: str
    options: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.place} as {self.login}"

    @property
    def place(self) -> str:
        """Return which database it is, whoever logs in."""
        return f"{self.database} on {self.host}:{self.port}" if self.host else f"{self.database} on a socket here, port {self.port}"

    @property
    def is_here(self) -> bool:
        """Tell whether the server is this computer, so that nobody can listen in between."""
        return all(map(_is_here, f"{self.host},{self.options.get('hostaddr', '')}".split(",")))

    @property
    def mode(self) -> str:
        """Return libpq's `sslmode`; off this computer the server proves who it is unless the address says otherwise; "" is libpq's own."""
        return self.options.get("sslmode", "" if self.is_here else "verify-full")

    @property
    def protection(self) -> str:
        """Return in words how the connection is protected on its way, plainly where it is not."""
        if self.mode in _CHECKED:
            return f"encrypted; the server proves {_CHECKED[self.mode]}"
        if self.is_here:
            return "does not leave this computer"
        if self.mode == "require":
            return "encrypted, but NOT PROVED: whoever sits in between can read it and change it (sslmode=require)"
        return f"NOT SURE TO BE ENCRYPTED: whoever sits in between can read it and change it (sslmode={self.mode})"

    @property
    def parameters(self) -> dict[str, str | int]:
        """Return libpq's parameters."""
        fixed: dict[str, str | int] = {"dbname": self.database, "user": self.login, "port": self.port, "application_name": _NAME}
        if self.host:
            fixed["host"] = self.host
        if self.mode:
            fixed["sslmode"] = self.mode
        return {**fixed, **_ALIVE, **self._roots(), **self.options}

    def _roots(self) -> dict[str, str | int]:
        """Return which authorities count where neither the address nor libpq's own places name some: those that this computer trusts."""
        own = Path(os.environ.get("APPDATA", ""), "postgresql") if os.name == "nt" else Path.home() / ".postgresql"
        if self.mode not in _CHECKED or "PGSSLROOTCERT" in os.environ or (own / "root.crt").exists():
            return {}
        import ssl  # noqa: PLC0415  # long to load, and every start reads this module

        return {"sslrootcert": ssl.get_default_verify_paths().cafile or "system"}  # libpq's own "system" knows no folder in most wheels


def _is_here(host: str) -> bool:
    try:
        return host in {"", "localhost"} or host.startswith("/") or ip_address(host).is_loopback
    except ValueError:  # a name: it may lead anywhere
        return False


_ALIVE: dict[str, str | int] = {
    "connect_timeout": 3,
    "keepalives": 1,
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}


def address_of(text: str, what: str = "the team's database", advice: str = _ADVICE) -> Address:
    """Return the address that a text names. Raises BadFile for one that is none, that holds a password, or options that we do not know."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port or 5432
    except ValueError:  # its text quotes what it cannot read, which may be a part of a password
        raise BadFile("This is no address of a database.", means="It was not used, and is not shown.", advice=advice) from None
    if parts.password is not None:
        raise BadFile(f"The address of {what} holds a password.", means="It was not used.", advice=advice)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - _KNOWN)
    if "password" in options or unknown:
        raise BadFile(f"The address of {what} has {', '.join(unknown)}, which we do not use.", advice=advice)
    if options.get("sslmode", "require") not in _MODES:
        raise BadFile(f"The address of {what} has an sslmode that there is not.", advice=f"It is one of {', '.join(_MODES)}.")
    login, database = unquote(parts.username or ""), unquote(parts.path.removeprefix("/"))
    if parts.scheme not in _SCHEMES or not login or not database or "/" in database:
        raise BadFile(f"The address of {what} names no login and database.", advice=advice)
    host, named = unquote(parts.hostname or ""), options.pop("host", "")
    if host and named and host != named:
        raise BadFile(f"The address of {what} names two hosts, {host} and {named}.", means="It was not used.", advice=advice)
    return Address(host or named, port, database, login, options)
