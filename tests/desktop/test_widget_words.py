"""What widgets say in little room: powers of ten, two lines of a toast, a missing value, how long a stage still waits."""

from dataclasses import replace
from datetime import timedelta

import pytest

from console.desktop.widgets.chart_words import missing
from console.desktop.widgets.evidence_chart import power_of_ten
from console.desktop.widgets.strip import waiting_words
from console.desktop.widgets.toast import in_lines
from console.model.verbs import State
from console.model.views import StageView
from tests.desktop import samples

pytestmark = pytest.mark.usefixtures("qapp")


def test_powers_of_ten_stay_short_and_a_toast_breaks_between_words():
    assert [power_of_ten(power) for power in (-2, 0, 4, 5, 6, 8, 9)] == ["0.01", "1", "10,000", "100 k", "1 M", "100 M", "1e9"]
    assert in_lines("short", "small", 300) == ["short"]

    two = in_lines("Payment completion: 0 of 3 canary sessions ok, baseline 86 of 90", "small", 250)
    assert len(two) == 2
    assert " ".join(two).endswith("86 of 90")


def test_a_chart_says_why_it_has_no_value():
    chart = samples.incident_rollout().charts[0]
    assert missing(chart) == ""
    assert missing(replace(chart, latest=None, at=None)) == "not read"
    empty = replace(chart, latest=float("nan"), latest_role="canary")
    assert [missing(empty), missing(empty, idle=True)] == ["nothing counted", "no traffic"]


def test_the_running_stage_says_how_long_it_still_waits():
    stage = StageView("5 %", 5, State.WATCHING, "Watching", "", running=True, wait_s=900.0, since=samples.NOW, gates=2, speed=20.0)
    assert waiting_words(stage, samples.NOW + timedelta(seconds=12))[0] == "15 min, 2 gates, 11 min left"
    assert waiting_words(replace(stage, state=State.HELD), samples.NOW)[0] == "15 min, 2 gates"
