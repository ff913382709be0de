"""The mixture over harms and start times that both sequential tests share.

E is a weighted sum over harms r (the canary succeeds r times as often as it should) and over the block at which the harm began, so that a
late fault is not hidden by a healthy past. With n blocks closed, mass tau(n) is still kept for a harm that has not begun. Cf. J. Shin,
A. Ramdas, A. Rinaldo, "E-detectors" (2024).
"""

import math

RATIOS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95)
"""The harms looked for: the canary's success share as a part of the baseline's."""

WEIGHTS = (0.30, 0.15, 0.15, 0.10, 0.10, 0.10, 0.10)
"""What each harm counts in E; they add up to 1."""

ALREADY = 0.5
"""The mass A_r that a harm from the very start begins with."""

FLOOR, CEILING = 0.01, 0.9999
"""The bounds that a success share is held within, so that every logarithm exists."""

LOG_RATIOS = (-1e300, *(math.log(r) for r in RATIOS[1:]))
"""ln r; for r = 0 so low that one success rules total failure out, yet finite, so that 0 successes times it is 0 and not NaN."""

MOST = 600.0
"""Log-likelihoods and masses are cut at exp(600), far beyond every limit and well within a float."""

MASS_CEILING = math.exp(MOST)


def tau(blocks: int) -> float:
    """Return the mass kept for harms that begin after `blocks` blocks: .5 / ln(n + e)."""
    return 0.5 / math.log(blocks + math.e)


def held(share: float) -> float:
    """Return a success share held within the bounds."""
    return min(CEILING, max(FLOOR, share))
