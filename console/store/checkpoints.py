"""Signed checkpoints of the log in the C2SP form: a note (c2sp.org/signed-note) whose text is a tree head (c2sp.org/tlog-checkpoint)."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from console.model.audit import AuditKey
from console.store.signing import Checker, SigningKey

_ORIGIN = "release-console/"
_ED25519 = b"\x01"
_LONGEST = 16_384
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_SIGNATURE = re.compile(r"— (\S+) ([A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head as read from a note. Nothing is sure of it before a signature was checked; `note` is the whole note."""

    log_id: str
    size: int
    root: bytes
    text: str
    signatures: tuple[tuple[str, bytes], ...]
    note: str


def origin(log_id: str) -> str:
    """Return the first line of a log's checkpoints, which is also the name of its keys."""
    return _ORIGIN + log_id


def note_key_id(name: str, public: bytes) -> bytes:
    """Return the four bytes by which a note names a key."""
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def vkey(log_id: str, key: AuditKey) -> str:
    """Return a key as other tools for notes take it: `name+id+base64`."""
    name = origin(log_id)
    return f"{name}+{note_key_id(name, key.public).hex()}+{base64.b64encode(_ED25519 + key.public).decode()}"


def head_text(log_id: str, size: int, root: bytes) -> str:
    """Return the text of a checkpoint, what its signature covers."""
    return f"{origin(log_id)}\n{size}\n{base64.b64encode(root).decode()}\n"


def signed_note(log_id: str, size: int, root: bytes, key: SigningKey | None) -> str:
    """Return a checkpoint as a note; without a key it has no signature line, and only its place outside the records speaks for it."""
    text = head_text(log_id, size, root)
    if key is None:
        return f"{text}\n"
    name = origin(log_id)
    signature = note_key_id(name, key.public.public) + key.sign(text.encode())
    return f"{text}\n— {name} {base64.b64encode(signature).decode()}\n"


def read_note(note: str) -> Checkpoint:
    """Return the checkpoint that a note holds. Raises ValueError in words when it holds none."""
    if len(note) > _LONGEST or any(char < " " and char != "\n" for char in note):
        raise ValueError("the note is too long or holds control characters")
    text, gap, tail = note.rpartition("\n\n")
    if not gap:
        raise ValueError("the note has no blank line before its signatures")
    text += "\n"
    lines = text.split("\n")
    if len(lines) < 4 or not all(lines[:-1]) or not lines[0].startswith(_ORIGIN):
        raise ValueError("the note is no checkpoint of this program's records")
    if not _SIZE.fullmatch(lines[1]):
        raise ValueError(f"the checkpoint's size is {lines[1][:40]!r}")
    return Checkpoint(lines[0].removeprefix(_ORIGIN), int(lines[1]), _root(lines[2]), text, tuple(_signatures(tail)), note)


def _root(line: str) -> bytes:
    try:
        root = base64.b64decode(line, validate=True)
    except binascii.Error as error:
        raise ValueError(f"the checkpoint's root is no base64 ({error})") from error
    if len(root) != 32:
        raise ValueError(f"the checkpoint's root has {len(root)} bytes, wanted 32")
    return root


def _signatures(tail: str) -> Iterable[tuple[str, bytes]]:
    for line in tail.splitlines():
        found = _SIGNATURE.fullmatch(line)
        if found is None:
            raise ValueError("the note has a line that is no signature")
        try:
            yield found[1], base64.b64decode(found[2], validate=True)
        except binascii.Error as error:
            raise ValueError(f"a signature of the note is no base64 ({error})") from error


def signer_of(checkpoint: Checkpoint, keys: Mapping[str, AuditKey], checker: Checker) -> str:
    """Return the id of the key that signed a checkpoint.

    Raises ValueError when no known key did, or when one that is named did not: such a note is worth nothing.
    """
    name, held = origin(checkpoint.log_id), ""
    named = {note_key_id(name, key.public): key.id for key in keys.values()}
    for said, content in checkpoint.signatures:
        key = named.get(content[:4]) if said == name else None
        if key is None:
            continue
        if not checker.holds(key, checkpoint.text.encode(), content[4:]):
            raise ValueError("its signature does not hold")
        held = key
    if not held:
        raise ValueError("no known key signed it")
    return held
