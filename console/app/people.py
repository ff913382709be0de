"""Who acts: the person at this computer."""

import getpass
from contextlib import suppress

from console.model.errors import ConsoleError
from console.model.stores import Store

OPERATOR = "operator"


def person() -> str:
    """Return the name of whoever uses this computer's account, `unknown` where the system cannot tell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


async def operator(store: Store) -> str:
    """Return the name under which this person acts: the login of a team's database, else the one from the settings, else the account's."""
    if store.person:
        return store.person
    with suppress(ConsoleError):
        return await store.settings.get(OPERATOR, "") or person()
    return person()
