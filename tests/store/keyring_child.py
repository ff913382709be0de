"""Talks to the keyring of the session bus it runs in: `keyring_child.py open|locked|none`; prints what it found, one line at a time."""

import asyncio
import gc
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent.parent)]

from console.model.errors import SecretsUnavailable  # noqa: E402
from console.model.systems import SecretRef  # noqa: E402
from console.store.secrets import Secrets  # noqa: E402

COLLECTION = "/org/freedesktop/secrets/collection/login"


def begin(password: str) -> None:
    """Start a GNOME Keyring on this bus and unlock its login collection."""
    command = ["gnome-keyring-daemon", "--unlock", "--components=secrets"]
    subprocess.run(command, input=password.encode(), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)


def lock() -> None:
    """Lock the login collection, as a desktop does when the person leaves."""
    call = ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets"]
    lock_call = [*call, "org.freedesktop.Secret.Service.Lock", f"array:objpath:{COLLECTION}"]
    subprocess.run(lock_call, check=True, stdout=subprocess.DEVNULL, timeout=20)


async def main(what: str) -> None:
    if what != "none":
        begin("practice")
    secrets = Secrets(timeout_s=5)
    state = await secrets.state_async()
    print("usable", state.usable, state.keyring)
    print("problem", state.problem)
    if what == "none":
        return
    await secrets.put_async("shop", "s3cr3t")
    print("got", await secrets.get_async("shop"), await secrets.get_async("other"))
    print("resolved", await secrets.resolve_async(SecretRef("keyring", "shop")))
    if what == "locked":
        lock()
        try:
            await secrets.get_async("shop")
        except SecretsUnavailable as error:
            print("locked", error.message, error.advice)
        print("left open", await left_open(secrets))


async def left_open(secrets: Secrets) -> int:
    """Return how many more descriptors are open after a locked keyring was asked ten times, without garbage being collected."""
    gc.disable()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        with suppress(SecretsUnavailable):
            await secrets.get_async("shop")
    return len(os.listdir("/proc/self/fd")) - before


asyncio.run(main(sys.argv[1]))
