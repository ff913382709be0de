"""Links open at the time of a rollout, as Grafana takes it, unless they name a time themselves."""

from datetime import UTC, datetime, timedelta

import pytest

from console.model.links import Link, timed

START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
FROM = round((START - timedelta(minutes=15)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://g/d/x", f"https://g/d/x?from={FROM}&to=now"),
        ("https://g/d/x?orgId=1&var-a=b%20c", f"https://g/d/x?orgId=1&var-a=b%20c&from={FROM}&to=now"),
        ("https://g/d/x?from=now-1h", "https://g/d/x?from=now-1h"),
    ],
)
def test_a_running_rollout_is_shown_from_before_its_start_until_now(url: str, wanted: str) -> None:
    assert timed(Link("L", url), START, None) == Link("L", wanted)


def test_one_that_is_over_is_shown_until_after_its_end() -> None:
    end = START + timedelta(hours=1)
    until = round((end + timedelta(minutes=15)).timestamp() * 1000)
    assert timed(Link("L", "http://g/d/x"), START, end).url == f"http://g/d/x?from={FROM}&to={until}"
