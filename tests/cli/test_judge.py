"""`judge FILE.csv`: recorded counts, evidence and verdict after each row."""

import json
from pathlib import Path
from random import Random

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from console.analysis.concurrent import begin, update
from console.analysis.counts import Counts
from console.analysis.history import History
from console.cli.judge import judge
from console.model.errors import BadFile

HEADER = "time_s,baseline_attempts,baseline_ok,canary_attempts,canary_ok\n"

app = typer.Typer()
app.command("judge")(judge)


@pytest.fixture
def recorded(tmp_path):
    """A function that writes a CSV file and returns its path."""

    def write(content):
        path = tmp_path / "counts.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def rows(*counts):
    return HEADER + "".join(f"{15 * (number + 1)},{','.join(map(str, each))}\n" for number, each in enumerate(counts))


def invoke(path, *options):
    return CliRunner().invoke(app, [str(path), *options])


def document(path, *options):
    return json.loads(invoke(path, *options, "--json").stdout)


BROKEN = rows(*[(19, 18, 1, 0)] * 6)
HEALTHY = rows(*[(19, 18, 1, 1)] * 40)


def test_a_broken_canary_stops_the_release_with_exit_1(recorded):
    result = invoke(recorded(BROKEN), "--baseline", "1940/2000", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert list(found) == ["verdict", "stopped_at_s", "evidence", "rows"]
    assert (found["verdict"], found["stopped_at_s"]) == ("fail", 60.0)
    assert [row["verdict"] for row in found["rows"]] == ["watching"] * 3 + ["fail"] * 3


def test_a_healthy_canary_passes_in_the_end(recorded):
    result = invoke(recorded(HEALTHY), "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (found["verdict"], found["stopped_at_s"]) == ("pass", None)
    assert found["rows"][0]["verdict"] == "watching"


def test_the_evidence_is_the_tests_own(recorded):
    random = Random(3)
    counts = [(nb := random.randrange(5), random.randint(0, nb), nc := random.randrange(3), random.randint(0, nc)) for _ in range(30)]
    found = document(recorded(rows(*counts)), "--baseline", "90/100")
    test = begin(History(90, 100))
    for row, (nb, kb, nc, kc) in zip(found["rows"], counts, strict=True):
        if test.e < 1000:
            test = update(test, Counts(kb, nb - kb, kc, nc - kc))
        assert row["evidence"] == test.e
    assert found["evidence"] == test.e


def test_without_a_baseline_nothing_passes_before_100_of_its_sessions(recorded):
    found = document(recorded(rows(*[(9, 9, 2, 2)] * 11)))
    assert [row["verdict"] for row in found["rows"]] == ["watching"] * 11
    assert document(recorded(rows(*[(9, 9, 2, 2)] * 12)))["verdict"] == "pass"


def test_no_canary_session_is_never_a_pass(recorded):
    assert document(recorded(rows(*[(19, 19, 0, 0)] * 50)))["verdict"] == "watching"


def test_a_baseline_that_always_fails_shows_nothing_and_passes_nothing(recorded):
    result = invoke(recorded(rows(*[(19, 1, 1, 1)] * 30)), "--baseline", "1/200")
    assert result.exit_code == 0
    assert "No number of sessions would show a total failure here" in result.stdout


def test_the_table_says_when_and_why_it_stops(recorded):
    text = invoke(recorded(BROKEN), "--baseline", "1940/2000").stdout
    assert "It stops the release at 60 s." in text
    assert "0 of 6 canary sessions ok, baseline 108 of 114." in text
    assert "A healthy release reaches it in at most 1 of 1,000 releases." in text


def test_columns_may_stand_in_any_order_and_beside_others(recorded):
    content = (
        "note,canary_ok,canary_attempts,baseline_ok,baseline_attempts,time_s\r\n" + "x,0,1,18,19,15\r\n" + "\r\n" + "y,0,1,18,19,30\r\n"
    )
    found = document(recorded("\ufeff" + content))
    assert [(row["time_s"], row["canary_total"]) for row in found["rows"]] == [(15.0, 1), (30.0, 2)]


BAD_FILES = {
    "empty": ("", "line 1: the column time_s is missing"),
    "header only": (HEADER, "holds no interval"),
    "a column missing": (HEADER.replace(",canary_ok", ""), "the column canary_ok is missing"),
    "a column misspelt": (HEADER.replace("canary_ok", "canary_oks"), "the column canary_ok is missing; 'canary_oks' comes nearest"),
    "a column twice": ("time_s," + HEADER, "the column time_s stands there twice"),
    "NaN": (rows((19, 18, 1, "nan")), "line 2, column canary_ok: found 'nan'"),
    "negative": (rows((19, 18, 1, 1), (-1, 0, 1, 1)), "line 3, column baseline_attempts: found '-1'"),
    "not whole": (rows((19, 18, 1.5, 1)), "line 2, column canary_attempts: found '1.5'"),
    "more ok than attempts": (rows((19, 20, 1, 1)), "line 2, column baseline_ok: found '20'"),
    "huge": (rows(("9" * 5000, 18, 1, 1)), "line 2, column baseline_attempts: found '9999999999999999999999999999999999999999'"),
    "infinite": (rows(("1e999", 18, 1, 1)), "column baseline_attempts: found '1e999'"),
    "underscores": (rows(("1_9", 18, 1, 1)), "column baseline_attempts: found '1_9'"),
    "nothing": (rows(("", 18, 1, 1)), "column baseline_attempts: found ''"),
    "a short line": (HEADER + "15,19,18\n", "line 2, column canary_attempts: found nothing"),
    "time going back": (HEADER + "30,1,1,1,1\n15,1,1,1,1\n", "line 3, column time_s: found '15'"),
    "time standing still": (HEADER + "30,1,1,1,1\n30,1,1,1,1\n", "line 3, column time_s: found '30'"),
    "time beyond all calendars": (HEADER + "1e300,1,1,1,1\n", "line 2, column time_s: found '1e300'"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0", "line 1: found byte 0x89"),
    "NUL": (HEADER + "15,1,1,1,\0\n", "line 2: found a NUL byte"),
    "UTF-16": (HEADER.encode("utf-16"), "found byte 0xff"),
    "a quote left open": (HEADER + '15,"1,1,1,1\n', "unexpected end of data"),
    "an endless field": (HEADER + "1" * 200_000, "field larger than field limit"),
}


@pytest.mark.parametrize(("content", "words"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_names_the_place_and_what_was_wanted(recorded, content, words):
    path = recorded(content)
    error = invoke(path).exception
    assert isinstance(error, BadFile)
    assert words in error.message
    assert str(path) in error.message
    assert error.advice
    assert error.exit_code == 2


def test_a_file_that_is_not_there_is_named(tmp_path):
    error = invoke(tmp_path / "none.csv").exception
    assert isinstance(error, BadFile)
    assert "No such file" in error.message


def test_a_folder_is_no_file(tmp_path):
    assert isinstance(invoke(tmp_path).exception, BadFile)


@pytest.mark.parametrize("text", ["1940", "1940/", "/2000", "2001/2000", "nan/5", "0/0", "-1/5", "a/b", "1/2/3"])
def test_a_baseline_that_is_none_is_refused(recorded, text):
    error = invoke(recorded(HEALTHY), f"--baseline={text}").exception
    assert isinstance(error, BadFile)
    assert "--baseline" in error.message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: (HEADER + text).encode("utf-8", "surrogatepass"))))
def test_whatever_the_file_holds_the_answer_is_a_verdict_or_a_bad_file(recorded, content):
    result = invoke(recorded(content), "--json")
    assert result.exception is None or isinstance(result.exception, BadFile | SystemExit)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**15), st.floats(0, 1), st.integers(0, 10**15), st.floats(0, 1)), min_size=1, max_size=6))
def test_whatever_was_counted_the_evidence_is_a_number(recorded, counts):
    content = rows(*[(nb, int(nb * kb), nc, int(nc * kc)) for nb, kb, nc, kc in counts])
    found = document(recorded(content))
    assert all(0 < row["evidence"] < 1e300 for row in found["rows"])


@pytest.mark.parametrize(
    ("name", "verdict", "earliest_s", "latest_s"),
    [("incident", "fail", 15, 900), ("late-fault", "fail", 915, 1900), ("healthy", "pass", 0, 0)],
)
def test_the_recordings_that_come_with_the_program_say_what_their_names_do(name, verdict, earliest_s, latest_s):
    found = document(Path(__file__).parents[2] / "resources" / "practice" / f"{name}.csv", "--baseline", "1940/2000")
    assert found["verdict"] == verdict
    assert earliest_s <= (found["stopped_at_s"] or 0) <= latest_s
