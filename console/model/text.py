"""Remote text made safe to show: bounded, on one line, with nothing in it that acts."""

import re
import unicodedata

LINE_LIMIT = 200
"""Characters of remote text that a message may quote."""

_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor moves
    r"|\x1b[PX^_\]][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC and other strings: window titles, links
    r"|\x1b[ -/]*[0-~]"  # two-character escapes
)
_BREAKS = re.compile(r"[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029 ]+")
_ACTING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean(text: str, limit: int = LINE_LIMIT) -> str:
    """Return remote text as one line of at most `limit` characters in which nothing acts.

    Terminal escapes are removed, white space is one space, and every control, bidirectional, invisible or unassigned character is
    written out (U+202E becomes `\\u202e`), so that a reader sees that it was there. Cut text ends in an ellipsis.
    """
    if limit < 1:
        return ""
    head = text[: limit * 8 + 1024]
    cut = len(head) < len(text)
    shown = _BREAKS.sub(" ", _ANSI.sub("", head)).strip()
    if not (shown.isascii() and shown.isprintable()):
        shown = "".join(map(_visible, shown))
    if cut or len(shown) > limit:
        return shown[: limit - 1].rstrip() + "…"
    return shown


def clean_bytes(data: bytes, limit: int = LINE_LIMIT) -> str:
    """Return bytes that should be UTF-8 as `clean` text; what is not UTF-8 is written out as `\\xff`."""
    return clean(data[: limit * 32 + 4096].decode("utf-8", errors="backslashreplace"), limit)


def without(text: str, secret: str) -> str:
    """Return text with a secret replaced by `***`, for remote text that may echo what we sent."""
    return text.replace(secret, "***") if secret else text


def _visible(char: str) -> str:
    if char.isascii() and char.isprintable():
        return char
    if unicodedata.category(char) not in _ACTING:
        return char
    point = ord(char)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
