"""Shares of traffic from weights, and weights from shares, in whole numbers as routers take them."""

from collections.abc import Mapping
from math import gcd

from console.model.systems import Side


def shares(weights: Mapping[Side, float]) -> Mapping[Side, float]:
    """Return each side's share of traffic in per cent; all 0 when nothing has a weight."""
    total = sum(weights.values())
    return {side: 100.0 * weight / total if total else 0.0 for side, weight in weights.items()}


def server_weights(wanted: Mapping[Side, int], servers_up: Mapping[Side, int], largest: int = 256) -> Mapping[Side, int]:
    """Return the weight of each server of a side, so that weight x servers up gives the share that is wanted.

    Exact where whole numbers up to `largest` can be: as large as fits below 100 where that is enough, because people read them as per
    cent. Otherwise the nearest, where a side that is to have some traffic keeps at least 1 and thus never silently drops to nothing.
    """
    common = 1
    for count in servers_up.values():
        common = common * max(count, 1) // gcd(common, max(count, 1))
    exact = {side: share * common // max(servers_up[side], 1) for side, share in wanted.items()}
    divisor = gcd(*exact.values())
    if divisor == 0:
        return dict.fromkeys(wanted, 0)
    reduced = {side: weight // divisor for side, weight in exact.items()}
    top = max(reduced.values())
    if top > largest:
        return {side: max(1, round(weight * largest / top)) if weight else 0 for side, weight in reduced.items()}
    scale = (100 if top <= 100 else largest) // top
    return {side: weight * scale for side, weight in reduced.items()}
