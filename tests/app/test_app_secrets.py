"""A keyring that was found locked: pollers leave it alone for a while, a person's move asks it at once."""

import keyring
import pytest
from keyring.errors import KeyringLocked

from console.app import opened
from console.model.commands import Command
from console.model.errors import ConsoleError, SecretsUnavailable
from console.model.systems import SecretRef
from console.model.verbs import Verb
from console.store.secrets import Secrets

pytestmark = pytest.mark.anyio


class LockedKeyring:
    """Counts how often it was asked, and stays locked; no KeyringBackend, for the library would offer it to every test."""

    name = "Locked"

    def __init__(self) -> None:
        self.asked = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        raise KeyringLocked("no")


async def poll(secrets: Secrets) -> None:
    with pytest.raises(SecretsUnavailable, match="is locked"):
        await secrets.resolve_async(SecretRef("keyring", "shop"))


@pytest.mark.parametrize("does", ["roll back", "retry a row", "rehearse", "look again"])
async def test_what_a_person_does_in_a_console_asks_a_locked_keyring_at_once(monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    locked = LockedKeyring()
    monkeypatch.setattr(keyring, "get_keyring", lambda: locked)
    async with opened(watch=()) as console:
        await poll(console._secrets)
        await poll(console._secrets)
        assert locked.asked == 1
        moves = {
            "roll back": lambda: console.act(Command(Verb.ROLLBACK, "shop", console.actor, "customers call")),
            "retry a row": lambda: console.move_step("R-1", 1, "retry", "unlocked"),
            "rehearse": lambda: console.rehearse("shop", "practice"),
        }
        if does in moves:
            with pytest.raises(ConsoleError):  # there is no such target, which does not matter here
                await moves[does]()
        else:
            await console.secrets()
        await poll(console._secrets)
        assert locked.asked == 2
