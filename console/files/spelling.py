"""How single values are spelled in our files: spans of time, weights, shares, local times and where a secret is found."""

import re
from datetime import datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from urllib.parse import parse_qsl, urlsplit

from console.model.errors import BadFile
from console.model.postgres import address_of
from console.model.systems import SecretRef

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS = {"ms": Decimal("0.001"), "s": Decimal(1), "min": Decimal(60), "h": Decimal(3600), "d": Decimal(86_400)}
_NUMBER = r"\d{1,15}(?:\.\d{1,400})?(?:[eE][+-]?\d{1,2})?"
_SPAN = re.compile(rf"({_NUMBER})\s*(ms|s|min|h|d)(?:\s+|$)", re.ASCII)
_PLAIN = re.compile(rf"-?{_NUMBER}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SECRET_KEYS = re.compile(r"token|secret|passw|api_?key|auth|signature|credential", re.IGNORECASE)


class Misspelled(ValueError):
    """A value that does not read as wanted; `wanted` says how it should look, `hide` keeps what was found out of messages."""

    def __init__(self, wanted: str, *, hide: bool = False) -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.hide = hide


def read_span(text: str) -> float:
    """Return the seconds of a span such as `45 s`, `15 min` or `1 h 30 min`."""
    total, at, text = Decimal(0), 0, text.strip()
    while at < len(text):
        part = _SPAN.match(text, at)
        if part is None:
            raise Misspelled("a span of time such as 45 s, 15 min or 2 h")
        total += Decimal(part[1]) * _UNITS[part[2]]
        at = part.end()
    if not text or total > 366 * 86_400:
        raise Misspelled("a span of time such as 45 s, 15 min or 2 h, at most a year")
    return float(total)


def write_span(seconds: float) -> str:
    """Return a span as `read_span` reads it, in the largest unit that leaves a whole number."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds and seconds % size == 0:
            return f"{int(seconds // size)} {unit}"
    return f"{_digits(seconds)} s"


def read_number(text: str) -> float:
    """Return a finite decimal number; no infinity, no NaN, no octal, no underscores."""
    if not _PLAIN.fullmatch(text.strip()):
        raise Misspelled("a number")
    return float(Decimal(text.strip()))


def read_share(text: str) -> float:
    """Return a share from 0 to 1, written as `5 %` or `0.05`."""
    text = text.strip()
    try:
        share = Decimal(text[:-1].strip()) / 100 if text.endswith("%") else Decimal(text)
    except InvalidOperation as error:
        raise Misspelled("a share such as 5 % or 0.05") from error
    if not share.is_finite() or not 0 <= share <= 1:
        raise Misspelled("a share from 0 % to 100 %, such as 5 % or 0.05")
    return float(share)


def write_share(share: float) -> str:
    """Return a share as `read_share` reads it, in per cent."""
    return f"{_digits(Decimal(repr(share)) * 100)} %"


def read_weight(text: str) -> int:
    """Return a weight in whole per cent from 1 to 100, written as `5 %` or `5`."""
    digits = text.strip().removesuffix("%").strip()
    if not re.fullmatch(r"\d{1,3}", digits, re.ASCII) or not 1 <= int(digits) <= 100:
        raise Misspelled("a whole weight from 1 % to 100 %")
    return int(digits)


def read_limit(text: str) -> float:
    """Return a threshold: a share in per cent, or a plain number."""
    if text.strip().endswith("%"):
        return read_share(text)
    try:
        return read_number(text)
    except Misspelled as error:
        raise Misspelled("a number, or a share such as 5 %") from error


def write_number(number: float) -> str:
    """Return a number as `read_number` reads it, without an exponent."""
    return _digits(number)


def read_harm(text: str) -> float:
    """Return the success share that must be seen, as a part of normal: `total failure`, or `80 %`."""
    if text.strip().lower() == "total failure":
        return 0.0
    wanted = "total failure, or a share of normal under 100 %"
    try:
        share = read_share(text)
    except Misspelled as error:
        raise Misspelled(wanted) from error
    if share >= 1:
        raise Misspelled(wanted)
    return share


def read_time(text: str) -> time:
    """Return a local time of day such as `22:00`; `24:00` is midnight."""
    if not re.fullmatch(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?", text.strip(), re.ASCII):
        raise Misspelled("a local time such as 22:00")
    try:
        return time.fromisoformat("00:00" if text.strip() == "24:00" else text.strip())
    except ValueError as error:
        raise Misspelled("a local time such as 22:00") from error


def read_moment(text: str, *, end: bool) -> datetime:
    """Return a local date and time such as `2026-11-26 18:00`; a day alone is taken whole: an `end` then is the midnight after it."""
    wanted = "a local date and time such as 2026-11-26 18:00"
    text = text.strip()
    whole_day = re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII)
    if not whole_day and not re.fullmatch(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?", text, re.ASCII):
        raise Misspelled(wanted)
    try:
        moment = datetime.fromisoformat(text)
        return moment + timedelta(days=1) if whole_day and end else moment
    except (ValueError, OverflowError) as error:
        raise Misspelled(wanted) from error


def read_day(text: str) -> int:
    """Return the number of a day of the week, Monday 0."""
    day = text.strip().lower()
    for names in (DAYS, _LONG_DAYS):
        if day in names:
            return names.index(day)
    raise Misspelled("days such as mon, tue or fri")


def read_url(text: str) -> str:
    """Return an http or https address without a user, a password or anything that looks like a secret in it."""
    wanted = "an http:// or https:// address"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Misspelled(wanted, hide="@" in text) from error
    if parts.username is not None or parts.password is not None:
        raise Misspelled("an address without a user or password: give the secret as `token`", hide=True)
    if any(_SECRET_KEYS.search(key) for key, _ in parse_qsl(parts.query, keep_blank_values=True)):
        raise Misspelled("an address without a secret in it: give the secret as `token`", hide=True)
    if parts.scheme not in {"http", "https"} or not host or port == 0 or re.search(r"\s", text) or _CONTROL.search(text) or parts.fragment:
        raise Misspelled(wanted, hide="@" in text)
    return text


def read_database(text: str) -> str:
    """Return the address of a database; what was written instead may hold a password, so it is never shown."""
    text = text.strip()
    try:
        address_of(text, "the database")
    except BadFile as error:
        wanted = f"postgresql://LOGIN@HOST/DATABASE, with the password apart from it: {error.message.rstrip('.')}"
        raise Misspelled(wanted, hide="@" in text) from error
    if _CONTROL.search(text) or re.search(r"\s", text):
        raise Misspelled("an address of one word: postgresql://LOGIN@HOST/DATABASE", hide=True)
    return text


def read_secret(text: str) -> SecretRef:
    """Return where a secret is found. What was written instead may be the secret itself, so it is never shown."""
    scheme, _, name = text.strip().partition(":")
    if scheme not in {"keyring", "env", "cmd"} or not name.strip() or len(name) > 500 or _CONTROL.search(name):
        raise Misspelled("where the secret is found: keyring:NAME, env:NAME or cmd:COMMAND", hide=True)
    return SecretRef(scheme, name.strip())


def read_text(text: str, limit: int = 300) -> str:
    """Return a text of one line, without control characters."""
    if len(text) > limit or _CONTROL.search(text) or not text.strip():
        raise Misspelled(f"a text of one line, at most {limit} characters")
    return text.strip()


def _digits(number: float | Decimal) -> str:
    """Return a number in plain digits that reads back as exactly the same float."""
    exact = number if isinstance(number, Decimal) else Decimal(repr(number))
    text = f"{exact:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
