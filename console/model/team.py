"""Where the records are kept, and who shares them."""

from dataclasses import dataclass
from datetime import datetime

from console.model.stores import ConsoleSeen


@dataclass(frozen=True, slots=True)
class RecordsView:
    """What holds the records now: one's own folder, or a team's database (`team`), reached as `login`.

    `identity` is what was pinned of the database at its first use. `problem` says in words why it does not answer, "" while it does; `at`
    is when that was looked at. `roles` and `environments` are what the database gives the login; empty where it was not read, or where
    one person has all rights. `consoles` are the processes that were heard of lately, this one among them.
    """

    team: bool
    place: str
    login: str
    at: datetime
    identity: str = ""
    problem: str = ""
    roles: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    """What each of the roles does, in words."""
    consoles: tuple[ConsoleSeen, ...] = ()
    waiting: int | None = 0
    """How many records wait in this computer's journal until the database takes them; None while that cannot be read."""
    unmoved: int = 0
    """How many records of one's own folder are not in the team's database, because its history was never moved there."""
    from_next_start: str = ""
    """Where records will be kept from the next start on, where another place was chosen; "" where they stay."""
    protection: str = ""
    """How the connection to a team's database is protected on its way, in words."""

    def cannot_drive(self, environment: str) -> str:
        """Return in words why this login may not move anything forward in an environment; "" where it may, or where it is not known."""
        if not self.team or not self.roles:
            return ""
        if not {"operator", "admin"} & set(self.roles):
            return f"your role here is {' and '.join(self.roles)}: this needs an operator"
        if self.environments and environment not in self.environments:
            return f"your role reaches {', '.join(self.environments)} only"
        return ""


@dataclass(frozen=True, slots=True)
class TeamTried:
    """A team's database as it answered to one login: nothing was written, and nothing was chosen.

    `identity` is what would be pinned of it; `roles` and `environments` are what it gives the login, `may` the roles in words.
    """

    place: str
    login: str
    identity: str
    roles: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    protection: str = ""
    """How the connection is protected on its way, in words."""
