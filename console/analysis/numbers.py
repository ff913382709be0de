"""Strict numbers: what comes from outside is a finite number, or it is nothing."""

import math

from console.model.errors import Malformed

LARGEST_COUNT = 10**15
"""No count of sessions is larger; beyond it floats are no longer exact, and the source is broken."""

Z_99 = 2.326
"""One-sided 99 % quantile of the normal distribution, as the frozen-rate test uses it."""


def finite(value: object) -> float | None:
    """Return a number as a float; None for NaN, infinities, booleans, text that is no number, and anything else.

    NaN makes both `>` and `<` false, so a gate that compares it can neither pass nor fail; nothing may be compared before it went
    through here. Text is read in the plain decimal form only: no underscores, no "inf", no "nan".
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and (len(value) > 64 or not set(value.strip()) <= set("0123456789+-.eE") or not value.isascii()):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def whole(value: object) -> int | None:
    """Return a count as an int: finite, whole, not negative, at most `LARGEST_COUNT`; None for anything else."""
    number = finite(value)
    if number is None or number < 0 or number > LARGEST_COUNT or number != int(number):
        return None
    return int(number)


def count_of(value: object, name: str) -> int:
    """Return a count read from a metrics source.

    Raises Malformed, naming the counter, when the value is not a count.
    """
    number = whole(value)
    if number is None:
        raise Malformed(
            f"{name} is {str(value)[:40]!r}, not a count.",
            means="The gate cannot be judged on it, so the release does not go forward.",
            advice="Make the source give a whole number of sessions, zero or more.",
        )
    return number


def wilson_lower(ok: float, total: float, z: float = Z_99) -> float:
    """Return the lower Wilson score bound of a success share; 0 when nothing was counted.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212.
    """
    if total <= 0:
        return 0.0
    share = min(1.0, max(0.0, ok / total))
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, (share + z * z / (2 * total) - spread) / (1 + z * z / total))
