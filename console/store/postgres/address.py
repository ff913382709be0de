"""Where a team's database is: the address that a person gives, and what is added so that no connection waits for ever."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from console.model.errors import BadFile

_SCHEMES = ("postgresql", "postgres")
_KNOWN = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey", "host", "hostaddr", "passfile", "channel_binding"})
_HERE = ("localhost", "127.", "::1")
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
        where = f"{self.host}:{self.port}" if self.host else f"a socket of this computer, port {self.port}"
        return f"{self.database} on {where} as {self.login}"

    @property
    def is_here(self) -> bool:
        """Tell whether the server is this computer, so that nobody can listen in between."""
        place = self.options.get("hostaddr") or self.options.get("host") or self.host
        return not place or place.startswith(("/", *_HERE))

    @property
    def parameters(self) -> dict[str, str | int]:
        """Return libpq's parameters; off this computer the connection is encrypted unless the address says how it is protected."""
        tls = {} if self.is_here or "sslmode" in self.options else {"sslmode": "require"}
        fixed: dict[str, str | int] = {"dbname": self.database, "user": self.login, "port": self.port, "application_name": _NAME}
        if self.host:
            fixed["host"] = self.host
        return {**fixed, **_ALIVE, **tls, **self.options}


_ALIVE: dict[str, str | int] = {
    "connect_timeout": 3,
    "keepalives": 1,
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}


def address_of(text: str) -> Address:
    """Return the address that a text names. Raises BadFile for one that is none, that holds a password, or options that we do not know."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port or 5432
    except ValueError:  # its text quotes what it cannot read, which may be a part of a password
        raise BadFile("This is no address of a database.", means="It was not used, and is not shown.", advice=_ADVICE) from None
    if parts.password is not None:
        raise BadFile("The address of the team's database holds a password.", means="It was not used.", advice=_ADVICE)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - _KNOWN)
    if "password" in options or unknown:
        raise BadFile(f"The address of the team's database has {', '.join(unknown)}, which we do not use.", advice=_ADVICE)
    login, database = unquote(parts.username or ""), unquote(parts.path.removeprefix("/"))
    if parts.scheme not in _SCHEMES or not login or not database or "/" in database:
        raise BadFile("The address of the team's database names no login and database.", advice=_ADVICE)
    return Address(unquote(parts.hostname or ""), port, database, login, options)
