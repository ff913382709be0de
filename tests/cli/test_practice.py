"""`practice`: the judge on a virtual clock, from the command line."""

import json

import pytest
import typer
from typer.testing import CliRunner

from console.analysis.simulate import Case, Scenario
from console.cli.practice import parse_seeds, practice, run
from console.model.errors import BadFile

app = typer.Typer()
app.command("practice")(practice)


def invoke(*options):
    return CliRunner().invoke(app, [*options])


def document(*options):
    result = invoke(*options, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_json_document_has_its_stable_keys():
    found = document("silent-payment", "--seeds", "200")
    assert list(found) == [
        "scenario",
        "seeds",
        "runs",
        "stopped",
        "false_stops",
        "site_alarms",
        "customers_hit",
        "minutes_to_verdict",
        "loss",
    ]
    assert list(found["customers_hit"]) == ["mean", "p50", "p99"]
    assert list(found["minutes_to_verdict"]) == ["mean", "p50", "p95", "p99"]
    assert (found["scenario"], found["seeds"], found["runs"]) == ("silent-payment", "0:200", 200)


def test_the_incident_costs_four_customers_instead_of_1200():
    found = document("silent-payment", "--seeds", "1000")
    assert found["stopped"] == 1000
    assert found["customers_hit"]["mean"] <= 4.2
    assert found["customers_hit"]["p99"] <= 7
    assert found["loss"] == pytest.approx(found["customers_hit"]["mean"] * 37.5, rel=0.01)


def test_the_table_shows_the_articles_incident_beside_ours():
    text = invoke("silent-payment", "--seeds", "50").stdout
    for words in (
        "1,200",
        "90",
        "EUR 45,000",
        "50 of 50 releases",
        "customers hit",
        "At 5 % for 15 min a total failure is found in about 6 min",
    ):
        assert words in text


def test_a_healthy_release_has_no_figures_and_no_stop():
    found = document("healthy", "--seeds", "20", "--hours", "4")
    assert (found["stopped"], found["false_stops"], found["site_alarms"], found["loss"]) == (0, 0, 0, None)
    assert found["customers_hit"] == {"mean": None, "p50": None, "p99": None}


def test_a_site_wide_drop_alarms_from_50_per_cent_and_stops_nothing():
    found = document("site-wide", "--to", "0.776", "--weight", "50", "--seeds", "30", "--hours", "4")
    assert (found["stopped"], found["site_alarms"]) == (0, 30)


def test_the_whole_of_alpha_switches_the_frozen_rate_test_off():
    options = ("site-wide", "--to", "0.776", "--weight", "50", "--seeds", "10", "--hours", "2", "--alpha", "0.001", "--whole-alpha")
    assert document(*options)["site_alarms"] == 0
    assert "never: switched off (frozen-rate test, from 50 %)" in invoke(*options).stdout


def test_a_late_fault_in_a_ramp_is_found_within_a_minute_or_two():
    found = document("silent-payment", "--ramp", "5,25,50,95", "--onset", "60", "--seeds", "50")
    assert found["stopped"] == 50
    assert found["minutes_to_verdict"]["p95"] <= 1.5


def test_what_was_not_stopped_is_said():
    assert "releases were not stopped by the end" in invoke("silent-payment", "--to", "0.95", "--seeds", "10", "--hours", "1").stdout


def test_seeds_can_be_given_as_a_range():
    assert document("silent-payment", "--seeds", "7:9")["runs"] == 2
    assert parse_seeds("1000") == range(1000)
    assert parse_seeds("5:8") == range(5, 8)


def test_processes_change_nothing():
    case = Case(Scenario.SILENT_PAYMENT)
    assert run(case, range(40), jobs=2) == run(case, range(40), jobs=1)


BAD = [
    ("--seeds", "0"),
    ("--seeds", "-5"),
    ("--seeds", "many"),
    ("--seeds", "9:7"),
    ("--seeds", "1:"),
    ("--seeds", "9999999999"),
    ("--base", "1.5"),
    ("--base", "nan"),
    ("--to", "-0.1"),
    ("--weight", "0"),
    ("--weight", "nan"),
    ("--weight", "101"),
    ("--ramp", "5,,50"),
    ("--ramp", "5,x"),
    ("--onset", "-1"),
    ("--onset", "inf"),
    ("--hours", "0"),
    ("--hours", "nan"),
    ("--alpha", "0"),
    ("--alpha", "1"),
    ("--alpha", "nan"),
]


@pytest.mark.parametrize(("option", "value"), BAD)
def test_an_option_that_cannot_be_used_is_named(option, value):
    result = invoke("silent-payment", f"{option}={value}")
    assert isinstance(result.exception, BadFile)
    assert option in result.exception.message
    assert result.exception.advice
    assert result.exception.exit_code == 2


def test_an_unknown_scenario_is_a_usage_error():
    assert invoke("apocalypse").exit_code == 2
