"""Signatures of records: Ed25519 (RFC 8032) keys, by which each person's records are told apart from a forger's."""

import base64
import binascii
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from console.model.audit import AuditKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEYRING, PRACTICE = "keyring", "practice"
"""Where a private key lies."""

ID_DIGITS = 32
SEED_BYTES = 32
SIGNATURE_BYTES = 64


def key_id(public: bytes) -> str:
    """Return the id of a public key: the beginning of its hash, so that nobody can put another key under the same id."""
    return sha256(public).hexdigest()[:ID_DIGITS]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key in memory, and the public half as the records keep it."""

    public: AuditKey
    _private: "Ed25519PrivateKey" = field(repr=False)

    @property
    def id(self) -> str:
        """Return the key's id."""
        return self.public.id

    def sign(self, content: bytes) -> bytes:
        """Return the signature over a body or the text of a note."""
        return self._private.sign(content)

    def seed(self) -> str:
        """Return what a keyring keeps of this key, as base64."""
        return base64.b64encode(self._private.private_bytes_raw()).decode()


def make_key(person: str, place: str, made_at: str) -> SigningKey:
    """Make a new key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    return _key(Ed25519PrivateKey.generate(), person, place, made_at)


def key_from(seed: str, person: str, place: str, made_at: str) -> SigningKey:
    """Return the key that a keyring kept. Raises ValueError when the text is no key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    try:
        raw = base64.b64decode(seed, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not a key: {error}") from error
    if len(raw) != SEED_BYTES:
        raise ValueError(f"not a key: {len(raw)} bytes, wanted {SEED_BYTES}")
    return _key(Ed25519PrivateKey.from_private_bytes(raw), person, place, made_at)


def _key(private: "Ed25519PrivateKey", person: str, place: str, made_at: str) -> SigningKey:
    public = private.public_key().public_bytes_raw()
    return SigningKey(AuditKey(key_id(public), public, person, place, made_at), private)


class Checker:
    """Checks signatures under known keys; loads the library when the first one is checked."""

    def __init__(self, keys: dict[str, AuditKey]) -> None:
        self.keys = keys
        self._loaded: dict[str, Ed25519PublicKey | None] = {}

    def holds(self, key: str, content: bytes, signature: bytes) -> bool:
        """Tell whether a signature by the key of this id covers the content; an unknown key's never does."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

        if key not in self._loaded:
            self._loaded[key] = _loaded(self.keys.get(key))
        public = self._loaded[key]
        if public is None:
            return False
        try:
            public.verify(signature, content)
        except (InvalidSignature, TypeError, ValueError):
            return False
        return True


def _loaded(key: AuditKey | None) -> "Ed25519PublicKey | None":
    """Return a public key ready to use; None when it is unknown, or filed under an id that is not its own."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    if key is None or key_id(key.public) != key.id:
        return None
    try:
        return Ed25519PublicKey.from_public_bytes(key.public)
    except ValueError:
        return None
