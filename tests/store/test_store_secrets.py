"""Secrets: a real keyring or none at all, and clear words when there is none."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import keyring
import keyring.backends.chainer
import keyring.backends.fail
import keyring.backends.null
import pytest
from clock import FakeClock
from keyring.backend import KeyringBackend
from keyring.errors import InitError, KeyringLocked

from console.model.errors import NotAllowed, SecretsUnavailable
from console.model.systems import SecretRef
from console.store.secrets import AGAIN_S, SERVICE, Secrets


class MemoryKeyring(KeyringBackend):
    """A keyring that keeps secrets in this process."""

    priority = 1  # type: ignore[assignment]
    name = "Memory"

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[(service, username)] = password


class PlaintextKeyring(MemoryKeyring):
    """Stands for keyrings.alt.file.PlaintextKeyring, by its name."""


class AskingKeyring(MemoryKeyring):
    """Fails as it was told to."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def get_password(self, service: str, username: str) -> str | None:
        raise self.error


class CountedKeyring(MemoryKeyring):
    """Counts how often it was asked, and says no while it is locked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.locked = True

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        if self.locked:
            raise KeyringLocked("no")
        return super().get_password(service, username)


class SilentKeyring(MemoryKeyring):
    """Waits for a person who does not come."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.person = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.set()
        self.person.wait(30)
        return "late"


def use(monkeypatch: pytest.MonkeyPatch, backend: KeyringBackend) -> None:
    monkeypatch.setattr(keyring, "get_keyring", lambda: backend)


def test_a_usable_keyring_keeps_and_gives_secrets(monkeypatch: pytest.MonkeyPatch):
    backend = MemoryKeyring()
    use(monkeypatch, backend)
    secrets = Secrets()
    secrets.put("shop", "s3cr3t")
    assert backend.kept == {(SERVICE, "shop"): "s3cr3t"}
    assert secrets.get("shop") == "s3cr3t"
    assert secrets.get("other") is None
    assert (secrets.state().usable, secrets.state().keyring) == (True, "Memory")


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        (keyring.backends.fail.Keyring(), "There is no keyring"),
        (keyring.backends.null.Keyring(), "switched off"),
        (PlaintextKeyring(), "in a file that others can read"),
    ],
)
def test_a_keyring_that_is_none_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, backend: KeyringBackend, words: str):
    use(monkeypatch, backend)
    state = Secrets().state()
    assert not state.usable
    assert words in state.problem
    assert state.advice
    for ask in (lambda: Secrets().get("shop"), lambda: Secrets().put("shop", "s3cr3t")):
        with pytest.raises(SecretsUnavailable, match=words) as caught:
            ask()
        assert "s3cr3t" not in str(caught.value)


def test_of_a_chain_the_keyring_that_is_none_is_passed_over(monkeypatch: pytest.MonkeyPatch):
    chain, good, plain = keyring.backends.chainer.ChainerBackend(), MemoryKeyring(), PlaintextKeyring()
    monkeypatch.setattr(keyring.backends.chainer.ChainerBackend, "backends", [plain, good])
    use(monkeypatch, chain)
    Secrets().put("shop", "s3cr3t")
    assert (plain.kept, list(good.kept.values())) == ({}, ["s3cr3t"])
    monkeypatch.setattr(keyring.backends.chainer.ChainerBackend, "backends", [plain])
    assert not Secrets().state().usable


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyringLocked("no"), "The keyring is locked"),
        (InitError("no"), "did not answer"),
        (AssertionError("s3cr3t"), "did not answer"),
        (OSError("gone"), "did not answer"),
    ],
)
def test_whatever_a_keyring_raises_is_said_in_words(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str):
    use(monkeypatch, AskingKeyring(error))
    with pytest.raises(SecretsUnavailable, match=words) as caught:
        Secrets().get("shop")
    assert "Unlock the keyring" in caught.value.advice
    assert "s3cr3t" not in str(caught.value)


def test_a_keyring_that_does_not_answer_does_not_hold_the_loop(monkeypatch: pytest.MonkeyPatch):
    backend = SilentKeyring()
    use(monkeypatch, backend)

    async def ask() -> int:
        task = asyncio.create_task(Secrets(timeout_s=0.2).get_async("shop"))
        turns = 0
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        with pytest.raises(SecretsUnavailable, match=r"has not answered for 0\.2 s"):
            await task
        return turns

    assert asyncio.run(ask()) > 10
    assert backend.asked.is_set()
    backend.person.set()


def test_a_secret_that_was_read_before_outlives_a_keyring_that_is_locked(monkeypatch: pytest.MonkeyPatch):
    kept, silent, ref = MemoryKeyring(), SilentKeyring(), SecretRef("keyring", "shop")
    kept.set_password(SERVICE, "shop", "s3cr3t")
    secrets = Secrets(timeout_s=0.2)

    async def ask() -> list[str]:
        use(monkeypatch, kept)
        got = [await secrets.resolve_async(ref)]
        use(monkeypatch, AskingKeyring(KeyringLocked("no")))
        got.append(await secrets.resolve_async(ref))
        use(monkeypatch, silent)
        got += [await secrets.resolve_async(ref) for _ in range(3)]
        with pytest.raises(SecretsUnavailable):
            await secrets.resolve_async(SecretRef("keyring", "other"))
        return got

    waiting = threading.active_count()
    assert asyncio.run(ask()) == ["s3cr3t"] * 5
    assert threading.active_count() <= waiting + 2
    silent.person.set()


async def _polled(secrets: Secrets, clock: FakeClock, *names: str, times: int) -> list[str]:
    """Ask for secrets four times a second, as the pollers of several targets do, and return what came of it each time."""
    came = []
    for _ in range(times):
        for name in names:
            try:
                came.append(await secrets.resolve_async(SecretRef("keyring", name)))
            except SecretsUnavailable as error:
                came.append(error.message)
        clock.advance(0.25)
    return came


@pytest.mark.anyio
async def test_pollers_ask_a_locked_keyring_every_five_seconds_for_all_of_its_secrets(
    monkeypatch: pytest.MonkeyPatch, fake_clock: FakeClock
):
    backend, secrets = CountedKeyring(), Secrets(clock=fake_clock)
    use(monkeypatch, backend)
    came = await _polled(secrets, fake_clock, "shop", "flags", times=80)  # 20 s of a keyring that stays locked
    assert set(came) == {"The keyring is locked."}
    assert backend.asked == 20 / AGAIN_S == 4


@pytest.mark.anyio
async def test_a_keyring_that_was_unlocked_is_used_within_five_seconds_and_then_at_each_poll(
    monkeypatch: pytest.MonkeyPatch, fake_clock: FakeClock
):
    backend, secrets = CountedKeyring(), Secrets(clock=fake_clock)
    use(monkeypatch, backend)
    backend.kept[(SERVICE, "shop")] = "s3cr3t"
    await _polled(secrets, fake_clock, "shop", times=1)
    backend.locked = False
    came = await _polled(secrets, fake_clock, "shop", times=20)
    assert came == ["The keyring is locked."] * 19 + ["s3cr3t"]
    await _polled(secrets, fake_clock, "shop", times=5)
    assert backend.asked == 1 + 1 + 5


@pytest.mark.anyio
async def test_a_secret_that_was_read_before_is_used_without_asking_a_locked_keyring_each_time(
    monkeypatch: pytest.MonkeyPatch, fake_clock: FakeClock
):
    backend, secrets = CountedKeyring(), Secrets(clock=fake_clock)
    use(monkeypatch, backend)
    backend.kept[(SERVICE, "shop")] = "s3cr3t"
    backend.locked = False
    await _polled(secrets, fake_clock, "shop", times=1)
    backend.locked, backend.asked = True, 0
    assert await _polled(secrets, fake_clock, "shop", times=40) == ["s3cr3t"] * 40
    assert backend.asked == 2


@pytest.mark.anyio
@pytest.mark.parametrize("wish", ["a move", "looking again", "setting a secret"])
async def test_what_a_person_does_asks_a_locked_keyring_at_once(monkeypatch: pytest.MonkeyPatch, fake_clock: FakeClock, wish: str):
    backend, secrets = CountedKeyring(), Secrets(clock=fake_clock)
    use(monkeypatch, backend)
    await _polled(secrets, fake_clock, "shop", times=2)
    backend.locked = False
    if wish == "a move":
        secrets.ask_anew()
    elif wish == "looking again":
        assert (await secrets.state_async()).usable
    else:
        await secrets.put_async("other", "0th3r")
    backend.kept[(SERVICE, "shop")] = "s3cr3t"
    assert await _polled(secrets, fake_clock, "shop", times=1) == ["s3cr3t"]


def test_a_wait_that_is_cancelled_in_the_instant_of_its_answer_ends(monkeypatch: pytest.MonkeyPatch):
    use(monkeypatch, MemoryKeyring())
    swallowed: list[str] = []

    async def poll(secrets: Secrets) -> None:
        while True:
            await secrets.get_async("shop")
            swallowed.append("went on")

    async def cancel_at(instant: int) -> None:
        task = asyncio.create_task(poll(Secrets()))
        for _ in range(instant):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=10)
        assert task.cancelled(), "a poller that does not end keeps the program from ending"

    async def cancel_often() -> None:
        for instant in range(150):
            await cancel_at(instant)

    asyncio.run(cancel_often())


def test_references_name_the_environment_a_keyring_or_a_trusted_command(monkeypatch: pytest.MonkeyPatch):
    backend = MemoryKeyring()
    use(monkeypatch, backend)
    backend.kept[(SERVICE, "shop")] = "from keyring"
    monkeypatch.setenv("SHOP_TOKEN", "from environment")
    secrets = Secrets()
    command = SecretRef("cmd", f"{sys.executable} -c \"print('from command')\"")
    assert secrets.resolve(SecretRef("keyring", "shop")) == "from keyring"
    assert secrets.resolve(SecretRef("env", "SHOP_TOKEN")) == "from environment"
    assert secrets.resolve(command, allow_commands=True) == "from command"
    assert asyncio.run(secrets.resolve_async(command, allow_commands=True)) == "from command"


def test_a_command_in_a_file_that_is_not_trusted_does_not_run(tmp_path: Path):
    mark = tmp_path / "ran"
    with pytest.raises(NotAllowed, match="not trusted"):
        Secrets().resolve(SecretRef("cmd", f"touch {mark}"))
    assert not mark.exists()


def test_a_command_gets_no_shell(tmp_path: Path):
    mark = tmp_path / "ran"
    assert Secrets().resolve(SecretRef("cmd", f"echo a; touch {mark}"), allow_commands=True) == f"a; touch {mark}"
    assert not mark.exists()


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        (SecretRef("env", "NOT_SET_ANYWHERE"), "env:NOT_SET_ANYWHERE is not there"),
        (SecretRef("file", "x"), "no place for secrets"),
        (SecretRef("cmd", f'{sys.executable} -c "raise SystemExit(3)"'), "ended with exit code 3"),
        (SecretRef("cmd", "no-such-program-anywhere"), "cannot be run"),
        (SecretRef("cmd", 'unbalanced "'), "cannot be run"),
        (SecretRef("cmd", ""), "cannot be run"),
        (SecretRef("cmd", f'{sys.executable} -c ""'), "from the command is not there"),
        (SecretRef("cmd", f'{sys.executable} -c "import time; time.sleep(60)"'), "did not end within 1 s"),
    ],
)
def test_a_reference_that_gives_nothing_is_said_in_words(ref: SecretRef, words: str):
    with pytest.raises(SecretsUnavailable, match=words):
        Secrets(timeout_s=1).resolve(ref, allow_commands=True)


def in_session(what: str, tmp_path: Path) -> list[str]:
    missing = [program for program in ("dbus-run-session", "gnome-keyring-daemon", "dbus-send") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} missing: sudo apt-get install -y gnome-keyring dbus dbus-bin")
    environment = {
        name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY", "PYTHON_KEYRING_BACKEND"}
    }
    environment |= {
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    child = [sys.executable, str(Path(__file__).with_name("keyring_child.py")), what]
    done = subprocess.run(["dbus-run-session", "--", *child], capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.keyring
def test_a_real_secret_service_keeps_secrets(tmp_path: Path):
    said = in_session("open", tmp_path)
    assert said[0].startswith("usable True SecretService")
    assert said[2:] == ["got s3cr3t None", "resolved s3cr3t"]
    assert not any(b"s3cr3t" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.keyring
def test_a_real_secret_service_that_is_locked_is_said_in_words_and_leaves_no_connection_open(tmp_path: Path):
    said = in_session("locked", tmp_path)
    assert said[2].startswith("got s3cr3t")
    assert said[-2].startswith("locked The keyring")
    assert "Unlock the keyring" in said[-2]
    assert said[-1] == "left open 0"
