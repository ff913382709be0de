"""One strict JSON loader for everything that comes from outside."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from console.model.errors import Malformed
from console.model.text import clean

DEPTH_LIMIT = 64
DIGITS_LIMIT = 18


def load_json(body: bytes, system: str) -> Any:
    """Return the value of a JSON reply, as RFC 8259 has it and no looser.

    Raises Malformed, naming `system`, for NaN and infinities, numbers too large to be exact, duplicate keys, lone surrogates, nesting
    deeper than `DEPTH_LIMIT` and text that is not UTF-8: Python's own loader takes or crashes on each of them.
    """
    try:
        value = _DECODER.decode(_text(body))
        _check(value)
    except (ValueError, RecursionError) as error:
        reason = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise malformed(system, f"The reply is not strict JSON: {clean(reason, 120)}") from None
    return value


def malformed(system: str, why: str) -> Malformed:
    """Return the error for a reply of `system` that is not what its protocol says."""
    return Malformed(
        f"{system} answered something unexpected. {why}",
        means="Nothing in this answer was used.",
        advice="Check that the address leads to the right system and version, not to a login page or a proxy.",
    )


def field(value: Any, name: str, kind: type | tuple[type, ...], system: str) -> Any:
    """Return a field of a JSON object.

    Raises Malformed when `value` is no object, the field is missing, or it is not of the wanted kind; a boolean is never a number.
    """
    if not isinstance(value, Mapping):
        raise malformed(system, "An object was expected.")
    found = value.get(name)
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(found, kinds) or (isinstance(found, bool) and bool not in kinds):
        raise malformed(system, f"Field {name!r} is missing or of the wrong kind.")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number in JSON")


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > DIGITS_LIMIT:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)


def _decimal(text: str) -> float:
    number = float(text) if len(text) <= 400 else math.inf
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return made


def _check(value: Any) -> None:
    todo: list[tuple[Any, int]] = [(value, 1)]
    while todo:
        item, depth = todo.pop()
        if isinstance(item, str):
            if not item.isascii():
                _no_surrogate(item)
        elif isinstance(item, dict | list):
            if depth > DEPTH_LIMIT:
                raise ValueError(f"nested deeper than {DEPTH_LIMIT}")
            inner = [*item.keys(), *item.values()] if isinstance(item, dict) else item
            todo.extend((each, depth + 1) for each in inner)


def _no_surrogate(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("a lone surrogate stands in a string") from None


def _text(body: bytes) -> str:
    """Return the text; Python's loader, not its decoder, refuses a byte order mark."""
    text = body.decode("utf-8")
    if text.startswith("\ufeff"):
        raise ValueError("it begins with a byte order mark")
    return text


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_int=_whole, parse_float=_decimal, object_pairs_hook=_object)
