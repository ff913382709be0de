"""The concurrent test: the canary against the baseline that runs at the same time.

Sessions are gathered until both sides have at least one; that closes a block. Within a block the null hypothesis is one common success
share m, the alternative is the baseline's own share th and r times that for the canary. th, r and the mass for a new start are fixed
before the block is seen, and at equal true rates weighted AM-GM gives E[exp(d_r)] <= 1: so E is a supermartingale, and by Ville's
inequality a healthy canary is ever stopped at E >= 1/a with a chance of at most a, under any drift that hits both sides. Cf. R. Turner,
A. Ly, P. Grünwald, J. Stat. Plan. Inference 230 (2024) 106116.
"""

from math import exp, log, log1p
from typing import NamedTuple

from console.analysis.counts import Counts
from console.analysis.history import NO_HISTORY, History
from console.analysis.mixture import ALREADY, CEILING, FLOOR, LOG_RATIOS, MASS_CEILING, MOST, RATIOS, WEIGHTS, tau

HISTORY_AT_MOST = 200.0
"""Pseudo-counts that the measured history may weigh."""

FORGETS_BEYOND = 300.0
"""Sessions that the running baseline remembers."""

GUESS = (9.0, 10.0)
"""The baseline that the test starts from when nothing was measured: 9 of 10."""


class ConcurrentTest(NamedTuple):
    """The test after the samples so far; `update` returns the next one. Only `e` and `blocks` concern anybody else.

    `seen_ok` of `seen` is the running baseline; the four counts are the open block; `mass` holds A_r.
    """

    seen_ok: float
    seen: float
    baseline_ok: int
    baseline_failed: int
    canary_ok: int
    canary_failed: int
    blocks: int
    waiting: float
    mass: tuple[float, ...]
    e: float


def begin(history: History = NO_HISTORY) -> ConcurrentTest:
    """Return the test before any block (E = 1)."""
    seen_ok, seen = history.at_most(int(HISTORY_AT_MOST)) if history.total else GUESS
    return ConcurrentTest(seen_ok, seen, 0, 0, 0, 0, 0, tau(0), (ALREADY,) * len(RATIOS), 1.0)


def update(test: ConcurrentTest, counts: Counts) -> ConcurrentTest:
    """Return the test after one more poll; E changes only when the poll closes a block."""
    seen_ok, seen, kb, fb, kc, fc, blocks, waiting, mass, e = test
    kb += counts[0]
    fb += counts[1]
    kc += counts[2]
    fc += counts[3]
    nb = kb + fb
    nc = kc + fc
    if nc < 1 or nb < 1:
        return ConcurrentTest(seen_ok, seen, kb, fb, kc, fc, blocks, waiting, mass, e)
    share = seen_ok / seen
    share = FLOOR if share < FLOOR else min(share, CEILING)
    later = tau(blocks + 1)
    mass = _grown(mass, waiting - later, share, (kb, fb, kc, fc))
    e = later
    for weight, grown in zip(WEIGHTS, mass, strict=True):
        e += weight * grown
    seen_ok += kb
    seen += nb
    if seen > FORGETS_BEYOND:
        seen_ok *= FORGETS_BEYOND / seen
        seen = FORGETS_BEYOND
    return ConcurrentTest(seen_ok, seen, 0, 0, 0, 0, blocks + 1, later, mass, e)


def _grown(mass: tuple[float, ...], begun: float, share: float, block: tuple[int, int, int, int]) -> tuple[float, ...]:
    """Return the masses after a block: (A_r + pi_n) exp(d_r) for each r, with d_r in logs and 0 ln 0 = 0."""
    kb, fb, kc, fc = block
    nb, nc = kb + fb, kc + fc
    ok, failed, all_ = kb + kc, fb + fc, nb + nc
    log_share = log(share)
    fixed = kb * log_share + fb * log1p(-share) + kc * log_share
    grown = []
    for ratio, log_ratio, before in zip(RATIOS, LOG_RATIOS, mass, strict=True):
        canary = ratio * share
        common = (nb * share + nc * canary) / all_
        d = fixed + kc * log_ratio
        if ok:
            d -= ok * log(common)
        if failed:
            d += fc * log1p(-canary) - failed * log1p(-common)
        if d > MOST:
            d = MOST
        after = (before + begun) * exp(d)
        if after > MASS_CEILING:
            after = MASS_CEILING
        grown.append(after)
    return tuple(grown)
