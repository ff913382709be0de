"""Fewer points than pixels, with every spike kept, before a line is drawn."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def envelope(times: Floats, values: Floats, most: int) -> tuple[Floats, Floats]:
    """Return at most about `most` points: of each bucket the lowest and the highest, in order of time.

    A bucket with nothing read stays a gap (NaN); one that was read in part shows what was read.
    """
    buckets = most // 2
    if buckets < 1 or len(values) <= most:
        return times, values
    whole = len(values) // buckets * buckets
    rest = len(values) - whole
    grid = values[rest:].reshape(buckets, -1)
    empty = np.isnan(grid).all(axis=1)
    low = np.where(np.isnan(grid), np.inf, grid).argmin(axis=1)
    high = np.where(np.isnan(grid), -np.inf, grid).argmax(axis=1)
    first, second = np.minimum(low, high), np.maximum(low, high)
    start = np.arange(buckets) * grid.shape[1] + rest
    chosen = np.column_stack((start + first, start + second)).ravel()
    kept = values[chosen]
    kept[np.repeat(empty, 2)] = np.nan
    return times[chosen], kept
