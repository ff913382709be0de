"""Takes what looks like a secret out of a record before it is hashed."""

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_SECRET_KEY = re.compile(
    r"token|passw(or)?d|passphrase|secret|authori[sz]ation|api[-_]?key|access[-_]?key|private[-_]?key|credential|cookie", re.IGNORECASE
)
_PLAIN_KEY = re.compile(r"token$", re.IGNORECASE)
"""A number under a key such as `token` is the wheel's fencing token, which is no secret."""

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    (re.compile(r"(?i)\b(authorization\s*[:=]\s*)(?:(?:bearer|basic|token|digest)\s+)?[^\s\"',;]+"), r"\1" + MASK),
    (re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{4,}"), r"\1" + MASK),
    (re.compile(r"\b([Bb]asic\s+)(?=\S*[a-z][A-Z]|\S*[0-9=])[A-Za-z0-9+/]{8,}={0,2}"), r"\1" + MASK),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)[^/\s@\"'<>?#]+@"), r"\1" + MASK + "@"),
    (
        re.compile(
            r"(?i)([?&;][\w.%-]{0,40}?(?:token|secret|passw|pwd|auth|api[-_]?key|access[-_]?key|signature|credential)[\w.%-]{0,40}=)[^&\s#\"'<>]+"
        ),
        r"\1" + MASK,
    ),
    (
        re.compile(r"(?i)\b((?:password|passwd|passphrase|secret|api[-_]?key|access[-_]?key|token)\s*[=:]\s*)(?!\d+\b|\*\*\*)[^\s\"',;&]+"),
        r"\1" + MASK,
    ),
    (
        re.compile(
            r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}"
            r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"
        ),
        MASK,
    ),
)


_MAY_HOLD_ONE = re.compile(r"[:=]|-----BEGIN|bearer|basic|gh[pousr]_|github_pat_|glpat-|xox|AKIA|ASIA|eyJ", re.IGNORECASE)
"""Every pattern needs one of these, so that most texts are done with one look."""


def redact_text(text: str) -> str:
    """Return a text with bearer strings, passwords in URLs, token parameters and well-known kinds of token masked."""
    if not _MAY_HOLD_ONE.search(text):
        return text
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def redact(value: Any) -> Any:
    """Return a JSON value without what looks like a secret: by the name of its key, or by its shape."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {redact_text(str(key)): _under(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def _under(key: str, value: Any) -> Any:
    if not _SECRET_KEY.search(key) or value is None or isinstance(value, bool):
        return redact(value)
    if isinstance(value, int) and _PLAIN_KEY.search(key):
        return value
    return value if value == "" else MASK
