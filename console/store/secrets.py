"""Secrets: in the OS keyring only, or named by the environment or a trusted command."""

import asyncio
import logging
import os
import shlex
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from console.model.desk import SecretsState
from console.model.errors import NotAllowed, SecretsUnavailable
from console.model.target import SecretRef

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "release-console"
_LINUX_ADVICE = "Install and unlock a keyring (GNOME Keyring, KWallet or KeePassXC), or name the secret as env: in the target file."
_UNLOCK = "Unlock the keyring and try again; traffic goes back without it."
_LONGEST = 16_384
_KNOWN_WAIT_S = 1.0
_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Secrets:
    """The OS keyring. Its calls block, and a locked one may wait for a person: use the async functions on a loop."""

    def __init__(self, *, timeout_s: float = 20.0) -> None:
        self._timeout_s = timeout_s
        self._known: dict[SecretRef, str] = {}
        self._asked: dict[SecretRef, Future[str]] = {}

    def state(self) -> SecretsState:
        """Tell whether there is a keyring that keeps secrets from others; never raises."""
        try:
            backend = _backend()
        except SecretsUnavailable as error:
            return SecretsState(usable=False, keyring="none", problem=error.message, advice=error.advice)
        return SecretsState(usable=True, keyring=str(backend.name))

    def get(self, name: str) -> str | None:
        """Return a secret, None when there is none of that name. Raises SecretsUnavailable."""
        backend = _backend()
        return _asked(lambda: backend.get_password(SERVICE, name))

    def put(self, name: str, value: str) -> None:
        """Store a secret. Raises SecretsUnavailable."""
        backend = _backend()
        _asked(lambda: backend.set_password(SERVICE, name, value))

    def resolve(self, ref: SecretRef, *, allow_commands: bool = False) -> str:
        """Return the secret that a reference names. Raises SecretsUnavailable, and NotAllowed for a command in a file not trusted."""
        if ref.scheme == "env":
            value = os.environ.get(ref.name, "")
        elif ref.scheme == "keyring":
            value = self.get(ref.name) or ""
        elif ref.scheme == "cmd":
            value = self._run(ref.name, allowed=allow_commands)
        else:
            raise SecretsUnavailable(f"{ref.scheme}: is no place for secrets.", advice="Use keyring:NAME, env:NAME or cmd:COMMAND.")
        if not value:
            raise SecretsUnavailable(
                f"The secret {_shown(ref)} is not there.",
                means="The system that needs it cannot be asked.",
                advice="Set the variable." if ref.scheme == "env" else "Store it in Settings, under Secrets.",
            )
        return value

    async def state_async(self) -> SecretsState:
        """Return `state` without blocking the loop; a keyring that does not answer counts as locked."""
        try:
            return await self._in_thread(self.state)
        except SecretsUnavailable as error:
            return SecretsState(usable=False, keyring="", problem=error.message, advice=error.advice)

    async def get_async(self, name: str) -> str | None:
        """Return `get` without blocking the loop."""
        return await self._in_thread(lambda: self.get(name))

    async def put_async(self, name: str, value: str) -> None:
        """Do `put` without blocking the loop."""
        await self._in_thread(lambda: self.put(name, value))

    async def resolve_async(self, ref: SecretRef, *, allow_commands: bool = False) -> str:
        """Return `resolve` without blocking the loop.

        A secret that was read before is returned again when its place does not answer within a second, so that a keyring that was
        locked meanwhile does not hold up a way back.
        """
        known = self._known.get(ref)
        asked = self._asked.get(ref)
        if asked is None or asked.done():
            asked = self._asked[ref] = _in_daemon(lambda: self.resolve(ref, allow_commands=allow_commands))
        try:
            self._known[ref] = await _answer(asked, self._timeout_s if known is None else min(self._timeout_s, _KNOWN_WAIT_S))
        except SecretsUnavailable as error:
            if known is None:
                raise
            _log.warning("using %s as it was read before: %s", _shown(ref), error.message)
        return self._known[ref]

    async def _in_thread(self, ask: Callable[[], _T]) -> _T:
        return await _answer(_in_daemon(ask), self._timeout_s)

    def _run(self, command: str, *, allowed: bool) -> str:
        if not allowed:
            raise NotAllowed(
                "This target file takes a secret from a command, and it is not trusted.",
                means="The command was not run.",
                advice="Read the command and trust the file: `target trust NAME`.",
            )
        try:
            words = shlex.split(command)
            done = subprocess.run(words, capture_output=True, timeout=self._timeout_s, check=True, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired as error:
            raise _failed(f"did not end within {self._timeout_s:g} s") from error
        except subprocess.CalledProcessError as error:
            raise _failed(f"ended with exit code {error.returncode}") from error
        except (OSError, ValueError, IndexError) as error:
            raise _failed(f"cannot be run ({error})") from error
        return done.stdout[:_LONGEST].decode("utf-8", "replace").rstrip("\r\n")


def _shown(ref: SecretRef) -> str:
    return "from the command" if ref.scheme == "cmd" else f"{ref.scheme}:{ref.name}"


def _failed(how: str) -> SecretsUnavailable:
    return SecretsUnavailable(
        f"The command that gives a secret {how}.", advice="Run it by hand to see why, and mend it in the target file."
    )


def _backend() -> "KeyringBackend":
    """Return the keyring in use. Raises SecretsUnavailable when there is none, or one that keeps secrets in plain text."""
    import keyring  # noqa: PLC0415
    from keyring.errors import KeyringError  # noqa: PLC0415

    try:
        backend = keyring.get_keyring()
        chosen = _chosen(backend)
    except (KeyringError, OSError, RuntimeError) as error:
        raise SecretsUnavailable(f"The keyring cannot be used ({error}).", advice=_LINUX_ADVICE) from error
    module = type(chosen).__module__
    if module.startswith("keyring.backends.fail"):
        raise SecretsUnavailable("There is no keyring on this computer.", means="Secrets cannot be kept.", advice=_LINUX_ADVICE)
    if module.startswith("keyring.backends.null"):
        raise SecretsUnavailable("The keyring is switched off (null).", means="Secrets cannot be kept.", advice="Choose a real keyring.")
    if _plain(chosen):
        raise SecretsUnavailable(
            f"The keyring {type(chosen).__name__} keeps secrets in a file that others can read.",
            means="No secret is stored there.",
            advice="Choose the keyring of your system (`keyring --list-backends` shows them).",
        )
    return chosen


def _chosen(backend: "KeyringBackend") -> "KeyringBackend":
    """Return the first backend of a chain that keeps secrets from others, else the backend itself."""
    if not type(backend).__module__.endswith("backends.chainer"):
        return backend
    members = list(getattr(backend, "backends", ()))
    return next((member for member in members if not _plain(member)), members[0] if members else backend)


def _plain(backend: "KeyringBackend") -> bool:
    """Tell whether a backend leaves secrets readable: the file keyrings of keyrings.alt, by plain text or by a password they ask for."""
    kind = type(backend)
    return kind.__module__.startswith("keyrings.alt") or "plaintext" in kind.__name__.lower()


def _asked(ask: Callable[[], _T]) -> _T:
    """Ask the keyring, and say in words why it did not answer; the door to backends, which raise whatever their systems do."""
    try:
        return ask()
    except Exception as error:
        kind = type(error).__name__
        locked = "Locked" in kind or "Dismissed" in kind
        what = "The keyring is locked." if locked else f"The keyring did not answer ({kind})."
        raise SecretsUnavailable(what, means="Its secrets cannot be read now.", advice=_UNLOCK) from error


async def _answer(asked: "Future[_T]", timeout_s: float) -> _T:
    try:
        async with asyncio.timeout(timeout_s):
            return await asyncio.shield(asyncio.wrap_future(asked))
    except TimeoutError as error:
        raise SecretsUnavailable(
            f"The keyring has not answered for {timeout_s:g} s: it is locked, or waits for a person.", advice=_UNLOCK
        ) from error


def _in_daemon(ask: Callable[[], _T]) -> "Future[_T]":
    """Run a call in a thread that nobody waits for at exit: a keyring may keep it waiting for a person for ever."""
    done: Future[_T] = Future()

    def run() -> None:
        try:
            result = ask()
        except BaseException as error:  # noqa: BLE001
            done.set_exception(error)
        else:
            done.set_result(result)

    threading.Thread(target=run, name="secrets", daemon=True).start()
    return done
