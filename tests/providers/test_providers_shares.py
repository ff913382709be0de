"""Weights of servers give exactly the shares that were asked, wherever whole numbers can."""

from hypothesis import given
from hypothesis import strategies as st

from console.providers.traffic.shares import server_weights, shares


@given(st.integers(0, 100), st.integers(1, 40), st.integers(1, 40))
def test_a_side_s_weight_times_its_servers_is_its_share(green: int, blue_up: int, green_up: int) -> None:
    weights = server_weights({"blue": 100 - green, "green": green}, {"blue": blue_up, "green": green_up})
    assert all(0 <= weight <= 256 for weight in weights.values())
    share = shares({"blue": weights["blue"] * blue_up, "green": weights["green"] * green_up})["green"]
    if green in {0, 100}:
        assert share == green
    else:
        assert weights["blue"] > 0
        assert weights["green"] > 0
    if max(blue_up, green_up) <= 2:
        assert abs(share - green) < 1e-9


def test_one_server_each_reads_as_per_cent() -> None:
    assert server_weights({"blue": 95, "green": 5}, {"blue": 1, "green": 1}) == {"blue": 95, "green": 5}


def test_a_side_without_servers_counts_as_one_so_that_its_weight_is_set_all_the_same() -> None:
    assert server_weights({"blue": 100, "green": 0}, {"blue": 0, "green": 0}) == {"blue": 100, "green": 0}


def test_nothing_has_no_share() -> None:
    assert shares({"blue": 0, "green": 0}) == {"blue": 0.0, "green": 0.0}
    assert server_weights({"blue": 0, "green": 0}, {"blue": 1, "green": 1}) == {"blue": 0, "green": 0}
