"""The keys with which this console signs: a person's from the keyring, loaded beside the writer, and the practice shop's own."""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, bindparam, insert, select

from console.model.audit import AuditKey
from console.model.clock import Clock, iso
from console.model.errors import ConsoleError, SecretsUnavailable
from console.store.schema import audit_keys, rollouts, targets
from console.store.signing import KEYRING, PRACTICE, SigningKey, key_from, make_key

KEYS = "keys"
"""Under this name a connection that writes carries the store's keys in its `info`."""

_PRACTICE = select(targets.c.practice).where(targets.c.name == bindparam("target"))
_log = logging.getLogger(__name__)
_USUAL_S, _URGENT_S, _PATIENT_S = 0.8, 0.3, 20.0
"""How long after it was asked the keyring may keep a write waiting; and who makes a key may keep a person waiting."""
_AGAIN_S = 60.0
_NO_KEYRING = "no keyring was asked for the key"
_SILENT = "the keyring has not answered: it is locked, or waits for a person"


class Keyring(Protocol):
    """Where a person's key lies; both calls may wait for a person, and raise SecretsUnavailable."""

    def get(self, name: str) -> str | None:
        """Return a secret, None when there is none of that name."""
        ...

    def put(self, name: str, value: str) -> None:
        """Store a secret."""
        ...


def keyring_name(key: str) -> str:
    """Return the name under which a keyring keeps a key."""
    return f"audit-key {key}"


def read_keys(conn: Connection) -> tuple[AuditKey, ...]:
    """Return every key that ever signed here, the newest first."""
    rows = conn.execute(select(audit_keys).order_by(audit_keys.c.made_at.desc(), audit_keys.c.id))
    return tuple(_key_of(row.id, row.public, row.person, row.place, row.made_at) for row in rows)


def _key_of(key: str, public: str, person: str, place: str, made_at: str) -> AuditKey:
    """Return a key; one whose public half is not hex was changed, and can check nothing."""
    try:
        return AuditKey(key, bytes.fromhex(public), person, place, made_at)
    except ValueError:
        return AuditKey(key, b"", person, place, made_at)


def file_key(conn: Connection, key: AuditKey) -> None:
    """Write the public half of a key into the transaction that is open, once."""
    if conn.execute(select(audit_keys.c.id).where(audit_keys.c.id == key.id)).first() is None:
        row = {"id": key.id, "public": key.public.hex(), "person": key.person, "place": key.place, "made_at": key.made_at}
        conn.execute(insert(audit_keys), row)


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs, and in which keyring their key lies; None: there is none to ask, so that records are not signed."""

    person: str = ""
    keyring: Keyring | None = None


class Keys:
    """The keys of one open store. `enrol` records a key that was just made, and returns then.

    Once a person's key exists in a store, forward moves need it; before that, and for practice targets always, they do not.
    """

    def __init__(self, signer: Signer, practice: Path, clock: Clock) -> None:
        self._keyring = signer.keyring
        self._practice_file = practice
        self._person = signer.person
        self._clock = clock
        self._practice: SigningKey | None = None
        self._practised: set[str] = set()
        self._known: tuple[AuditKey, ...] = ()
        self._asked: Future[None] | None = None
        self._asked_at = 0.0
        self._guard = threading.Lock()
        self._why = _NO_KEYRING
        self.mine: SigningKey | None = None
        """The person's key, once it was loaded."""
        self.enrol: Callable[[SigningKey], None] = lambda _: None

    def begin(self, known: Sequence[AuditKey]) -> None:
        """Take in which keys a store knows, and begin to load the person's where there is one."""
        self._known = tuple(key for key in known if key.place == KEYRING)
        if self._known:
            self.ask(make=False)

    @property
    def why(self) -> str:
        """Return in words why the person's key is not loaded."""
        return self._why

    @property
    def practice_loaded(self) -> SigningKey | None:
        """Return the practice shop's key where it was used already."""
        return self._practice

    def now(self) -> datetime:
        """Return the instant."""
        return self._clock.now()

    @property
    def needed(self) -> bool:
        """Tell whether forward moves need a signature: a person's key exists in this store."""
        return bool(self._known)

    def ask(self, *, make: bool) -> None:
        """Begin to load the person's key in a thread that nobody waits for; `make` one where there is none. Not twice at once."""
        with self._guard:
            if self._keyring is None or self.mine is not None or (self._asked is not None and not self._asked.done()):
                return
            asked: Future[None] = Future()
            self._asked = asked
            self._asked_at = self._clock.elapsed()
            self._why = _SILENT
        threading.Thread(target=self._load, args=(asked, self._keyring, make), name="audit-key", daemon=True).start()

    def again(self) -> None:
        """Ask once more when the keyring said no a while ago; a person may have unlocked it since."""
        failed = self._asked is not None and self._asked.done() and self.mine is None
        if failed and self.needed and self._clock.elapsed() - self._asked_at >= _AGAIN_S:
            self.ask(make=True)

    async def settled(self, *, urgent: bool = False, patient: bool = False) -> None:
        """Wait for a key that is being loaded, for a moment that is counted from when the keyring was asked.

        What goes back waits less. `patient` waits as long as a person needs to unlock the keyring.
        """
        asked = self._asked
        if asked is None or asked.done():
            return
        allowed_s = _URGENT_S if urgent else _PATIENT_S if patient else _USUAL_S
        left_s = self._asked_at + allowed_s - self._clock.elapsed()
        if left_s > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await asyncio.shield(asyncio.wrap_future(asked))

    def cannot_sign(self, *, practice: bool) -> str:
        """Return in words why a forward move cannot be recorded with a signature; "" when it can, or needs none."""
        if practice or self.mine is not None or not self.needed:
            return ""
        return self._why

    def of(self, conn: Connection, target: str, rollout: str) -> SigningKey | None:
        """Return the key for a record of a target or rollout: the practice shop's own, else the person's; None when it is not loaded."""
        return self.practice(conn) if self.is_practice(conn, target, rollout) else self.mine

    def is_practice(self, conn: Connection, target: str, rollout: str = "") -> bool:
        """Tell whether a target, or that of a rollout, is the practice shop's, also after it was dropped."""
        name = target
        if not name and rollout:
            name = str(conn.execute(select(rollouts.c.target).where(rollouts.c.id == rollout)).scalar() or "")
        if not name:
            return False
        found = conn.execute(_PRACTICE, {"target": name}).scalar()
        if found is None:
            return name in self._practised
        (self._practised.add if found else self._practised.discard)(name)
        return bool(found)

    def practice(self, conn: Connection) -> SigningKey | None:
        """Return the practice shop's key, made at its first use; None when its file can be neither read nor written."""
        if self._practice is None:
            try:
                self._practice = _practice_key(self._practice_file, iso(self._clock.now()))
            except (OSError, ValueError) as error:
                _log.warning("the practice key cannot be used: %s", error)
                return None
        file_key(conn, self._practice.public)
        return self._practice

    def _load(self, asked: "Future[None]", keyring: Keyring, make: bool) -> None:
        """Ask the keyring; the door of the thread that does it."""
        try:
            key = self._kept(keyring)
            if key is None and make:
                key = make_key(self._person, KEYRING, iso(self._clock.now()))
                keyring.put(keyring_name(key.id), key.seed())
                self.enrol(key)
                self._known = (key.public, *self._known)
            self._why = "the keyring does not hold the key of these records" if key is None else ""
            self.mine = key
        except SecretsUnavailable as error:
            self._why = error.message
            _log.warning("records are not signed: %s", error)
        except ConsoleError as error:
            self._why = error.message
            _log.warning("a new key could not be recorded: %s", error)
        finally:
            asked.set_result(None)

    def _kept(self, keyring: Keyring) -> SigningKey | None:
        for known in self._known:
            seed = keyring.get(keyring_name(known.id))
            try:
                key = None if seed is None else key_from(seed, known.person, known.place, known.made_at)
            except ValueError as error:
                _log.warning("the keyring's key %s cannot be used: %s", known.id, error)
                continue
            if key is not None and key.id == known.id:
                return key
        return None


def _practice_key(path: Path, made_at: str) -> SigningKey:
    """Return the key that a file holds, made with the file when there is none. Raises OSError, ValueError."""
    if path.exists():
        seed, _, made = path.read_text(encoding="ascii").strip().rpartition("\n")[2].partition(" ")
        return key_from(seed, "practice shop", PRACTICE, made)
    key = make_key("practice shop", PRACTICE, made_at)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"# signs records of the practice shop only, and proves nothing about real targets\n{key.seed()} {made_at}\n")
    return key
