"""What an HTTP status that is no success means, in words that a person can act on."""

import contextlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from console.model.errors import ConsoleError, OutcomeUnknown, Refused
from console.model.text import clean, without

_QUOTE = 120
_QUOTE_MESSAGE = 300
_LONGEST_ERROR = 256 * 1024
_LONGEST_WAIT_S = 86_400.0
_NEVER_APPLIED = frozenset({501, 505})


@dataclass(frozen=True, slots=True)
class BadStatus:
    """A status outside 200 to 299, with what the reply says about waiting (its own Date included) and the begin of its body."""

    status: int
    body: bytes
    retry_after: str = ""
    date: str = ""


def refusal(system: str, answer: BadStatus, secret: str, *, changes: bool) -> ConsoleError:
    """Return the error for a status that is no success; `secret` is what was sent and must not be shown.

    `changes` says that the request may change something: then a 5xx leaves its outcome unknown, because the answer may come from
    something between here and there after the request went through.
    """
    what, advice = _words(answer.status, with_secret=bool(secret))
    said = _said(answer.body, secret)
    message = f"{system} {what} (HTTP {answer.status})." + (f" It says: {said}" if said else "")
    if changes and answer.status >= 500 and answer.status not in _NEVER_APPLIED:
        return OutcomeUnknown(message, means="The change may have taken effect; reading back will tell.", advice=advice)
    means = "Nothing was changed." if changes else "Its state is not known now."
    wait = wait_asked(answer.retry_after, answer.date)
    return Refused(message, status=answer.status, retry_after_s=wait, means=means, advice=advice)


def _said(body: bytes, secret: str) -> str:
    """Return the begin of a refusal's body, or its `message` alone where it is a JSON object with one, as many systems give it."""
    told = ""
    if body[:1] == b"{" and len(body) <= _LONGEST_ERROR:
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(body).get("message")
            told = value if isinstance(value, str) else ""
    if told:
        return clean(without(told, secret), _QUOTE_MESSAGE)
    return clean(without(body[: _QUOTE * 8].decode("utf-8", errors="backslashreplace"), secret), _QUOTE)


def wait_asked(retry_after: str, date: str = "") -> float | None:
    """Return the seconds that a Retry-After header (RFC 9110 10.2.3) asks for, at most a day; None when it says nothing usable.

    Where it names an instant, the reply's own Date is subtracted, so that a clock that is wrong over there gives no wrong span here.
    """
    text = retry_after.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return min(float(text), _LONGEST_WAIT_S)
    until, now = _instant(text), _instant(date)
    if until is None or now is None:
        return None
    return min(max(0.0, (until - now).total_seconds()), _LONGEST_WAIT_S)


def _instant(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _words(status: int, *, with_secret: bool) -> tuple[str, str]:
    if status in {401, 403}:
        named = "The secret may be expired, or lack the right to do this: check it and store it again."
        unnamed = "No secret was sent: name one in the target file."
        return "refused the credentials" if status == 401 else "does not permit this", named if with_secret else unnamed
    table = {
        404: ("has nothing at this address", "Check the path in the target file."),
        405: ("does not take this kind of request", "Check that the address leads to the right system and version."),
        409: ("found a conflict: somebody else changed it first", "Look at its state now, then decide again."),
        422: ("does not accept the value", "Check the value against what the system allows."),
        429: ("asks us to wait: too many requests", "The console waits as long as it was asked to; poll less often if it stays so."),
    }
    if status in table:
        return table[status]
    if 300 <= status < 400:
        return "sends us to another address", "Write the final address in the target file; redirects are not followed."
    if status >= 500:
        return "failed by itself", "Look at its own log; the console goes on asking."
    return "answered no", "Check the address and the request in the target file."
