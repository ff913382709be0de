"""A real GNOME Keyring on a session bus of its own, that can be unlocked, filled and locked."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAMS = ("dbus-daemon", "gnome-keyring-daemon", "dbus-send")
_LOGIN = "/org/freedesktop/secrets/collection/login"


@dataclass
class KeyringServer:
    """A secret service; `environment` is what a process needs to reach it."""

    environment: dict[str, str]
    bus: "subprocess.Popen[str]"

    def lock(self) -> None:
        """Lock the login collection, as a desktop does when the person leaves."""
        call = ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets"]
        lock = [*call, "org.freedesktop.Secret.Service.Lock", f"array:objpath:{_LOGIN}"]
        environment = {**os.environ, **self.environment}
        subprocess.run(lock, check=True, stdout=subprocess.DEVNULL, timeout=20, env=environment)


def boot_keyring(folder: Path) -> KeyringServer:
    """Start a bus and a keyring on it, unlocked and empty."""
    bus = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1", f"--address=unix:dir={folder}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert bus.stdout is not None
    own = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"), str(folder))
    environment = {**own, "DBUS_SESSION_BUS_ADDRESS": bus.stdout.readline().strip()}
    unlock = ["gnome-keyring-daemon", "--unlock", "--components=secrets"]
    quiet = subprocess.DEVNULL
    subprocess.run(unlock, input=b"practice", check=True, stdout=quiet, stderr=quiet, timeout=20, env={**os.environ, **environment})
    return KeyringServer(environment, bus)


@pytest.fixture
def keyring_server(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyringServer]:
    """A real keyring that this test and the processes it starts reach, and no screen on which it could ask a person.

    In this process it is named: which keyrings there are is looked up once, maybe by a test that had none.
    """
    import keyring.core
    from keyring.backends.SecretService import Keyring

    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} missing: sudo apt-get install -y gnome-keyring dbus dbus-bin")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "PYTHON_KEYRING_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    server = boot_keyring(tmp_path_factory.mktemp("k"))
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(keyring.core, "_keyring_backend", Keyring())
    yield server
    server.bus.terminate()
    server.bus.communicate(timeout=20)
    for thread in threading.enumerate():
        if thread.name in {"secrets", "audit-key"}:
            thread.join(20)  # whoever still waits for the keyring hears now that it is gone
