"""Charts with more points than pixels: the lowest and the highest of each pixel, so that no spike is lost."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def decimate(times: Floats, values: Floats, pixels: int) -> tuple[Floats, Floats]:
    """Return at most two points a pixel, in order of time: the minimum and the maximum of each pixel's share of the points.

    Points are shared out evenly by number. Infinite values count as gaps (NaN). A pixel of nothing but gaps keeps one NaN, so that a curve
    stays broken where it was; a gap narrower than two pixels may close.
    Raises ValueError when the arrays differ in length or there is no pixel.
    """
    if times.shape != values.shape or times.ndim != 1:
        raise ValueError("times and values are two rows of the same length")
    if pixels < 1:
        raise ValueError("a chart has at least one pixel")
    size = len(values)
    values = np.where(np.isfinite(values), values, np.nan)
    if size <= 2 * pixels:
        return times, values
    starts = np.linspace(0, size, pixels + 1).astype(np.intp)[:-1]
    return _extremes(times, values, starts)


def _extremes(times: Floats, values: Floats, starts: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Return the extremes of each bucket that begins at `starts`; a bucket without a number gives its first point, a NaN."""
    gaps = np.isnan(values)
    lowest = _where(np.where(gaps, np.inf, values), starts, np.minimum)
    highest = _where(np.where(gaps, -np.inf, values), starts, np.maximum)
    chosen = np.unique(np.concatenate((lowest, highest)))
    return times[chosen], values[chosen]


def _where(values: Floats, starts: NDArray[np.intp], extreme: np.ufunc) -> NDArray[np.intp]:
    """Return the index of each bucket's extreme, the first where it occurs more than once."""
    size = len(values)
    lengths = np.diff(np.append(starts, size))
    matches = np.flatnonzero(values == np.repeat(extreme.reduceat(values, starts), lengths))
    buckets = np.repeat(np.arange(len(starts)), lengths)[matches]
    _, first = np.unique(buckets, return_index=True)
    return matches[first]
