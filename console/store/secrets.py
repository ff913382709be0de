"""Secrets: in the OS keyring only, or named by the environment or a trusted command."""

import asyncio
import logging
import os
import shlex
import subprocess
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from console.model.clock import Clock, SystemClock
from console.model.desk import SecretsState
from console.model.errors import NotAllowed, SecretsUnavailable
from console.model.systems import SecretRef

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "release-console"
_LINUX_ADVICE = "Install and unlock a keyring (GNOME Keyring, KWallet or KeePassXC), or name the secret as env: in the target file."
_UNLOCK = "Unlock the keyring and try again; traffic goes back without it."
_MEANS = "Its secrets cannot be read now."
_LONGEST = 16_384
_KNOWN_WAIT_S = 1.0
AGAIN_S = 5.0
"""A keyring that was found locked is asked no sooner for what is read again and again: each asking may put a prompt before a person."""

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class _Locked(SecretsUnavailable):
    """The keyring is locked, which holds for every secret in it."""


class Secrets:
    """The OS keyring. Its calls block, and a locked one may wait for a person: use the async functions on a loop."""

    def __init__(self, *, timeout_s: float = 20.0, clock: Clock | None = None) -> None:
        self._timeout_s = timeout_s
        self._clock = clock or SystemClock()
        self._known: dict[SecretRef, str] = {}
        self._asked: dict[SecretRef, Future[str]] = {}
        self._locked_at: float | None = None
        """When the keyring was found locked, on the clock that only runs forward; None when it was not, or a person wants to know anew."""

    def ask_anew(self) -> None:
        """Ask a keyring that was found locked at once when a secret is needed next: a person moves, or looks again."""
        self._locked_at = None

    def state(self) -> SecretsState:
        """Tell whether there is a keyring that keeps secrets from others; never raises."""
        try:
            backend = _backend()
        except SecretsUnavailable as error:
            return SecretsState(usable=False, keyring="none", problem=error.message, advice=error.advice)
        return SecretsState(usable=True, keyring=str(backend.name))

    def get(self, name: str) -> str | None:
        """Return a secret, None when there is none of that name; asks whatever was found before. Raises SecretsUnavailable."""
        backend = _backend()
        return self._noted(lambda: backend.get_password(SERVICE, name))

    def put(self, name: str, value: str) -> None:
        """Store a secret. Raises SecretsUnavailable."""
        backend = _backend()
        self._noted(lambda: backend.set_password(SERVICE, name, value))

    def resolve(self, ref: SecretRef, *, allow_commands: bool = False) -> str:
        """Return the secret that a reference names. Raises SecretsUnavailable, and NotAllowed for a command in a file not trusted.

        A keyring that was found locked is not asked again for `AGAIN_S`, unless `ask_anew` was called.
        """
        if ref.scheme == "env":
            value = os.environ.get(ref.name, "")
        elif ref.scheme == "keyring":
            if self._locked_lately():
                raise _locked()
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
        """Return `state` without blocking the loop; a keyring that does not answer counts as locked. Whoever looks wants to know anew."""
        self.ask_anew()
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
        if known is not None and ref.scheme == "keyring" and self._locked_lately():
            return known
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

    def _locked_lately(self) -> bool:
        found = self._locked_at
        return found is not None and self._clock.elapsed() - found < AGAIN_S

    def _noted(self, ask: Callable[[], _T]) -> _T:
        """Ask the keyring, and note whether it was locked."""
        try:
            answer = _asked(ask)
        except _Locked:
            self._locked_at = self._clock.elapsed()
            raise
        self._locked_at = None
        return answer

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
        _hang_up(error)
        kind = type(error).__name__
        if "Locked" in kind or "Dismissed" in kind:
            raise _locked() from error
        what = f"The keyring did not answer ({kind})."
        raise SecretsUnavailable(what, means=_MEANS, advice=_UNLOCK) from error


def _hang_up(error: Exception) -> None:
    """Close the connection to the session bus that keyring's Secret Service backend leaves open when it finds the keyring locked."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_globals.get("__name__") == "keyring.backends.SecretService" and "bus" in frame.f_locals:
            with suppress(OSError):
                frame.f_locals["bus"].close()


def _locked() -> _Locked:
    return _Locked("The keyring is locked.", means=_MEANS, advice=_UNLOCK)


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
