"""Nonsense at the terminal is told in words and by the exit codes, never as a traceback."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.cli import main, session, target
from console.cli.moves import Ended, report
from console.model.errors import NotAllowed, OutcomeUnknown
from console.model.plan import Plan, PlanKind, Step, StepKind
from console.model.rollout import Actor, Phase, Rollout, StepRow, StepState
from console.model.verbs import Direction, Verb

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ANA = Actor("Ana", "desk:1:a")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of this test's own; the log's hooks stay those of the tests."""
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(tmp_path))
    for module in (main, session):
        monkeypatch.setattr(module, "begin_logs", lambda _: None)


@pytest.mark.parametrize(
    "arguments",
    [
        ("audit", "show", "9" * 30),
        ("audit", "export", "/"),
        ("freeze", "check", "shop", "--at", "0001-01-01T00:00+14:00"),
        ("freeze", "check", "shop", "--at", "9999-12-31T23:59Z"),
        ("freeze", "check", "shop", "--at", "2026-11-27T18:00Z", "--until", "2026-11-27T17:00Z"),
        ("freeze", "stop-the-line", "--reason", "x", "--until", "2020-01-01T00:00Z"),
        ("freeze", "add", "x", "--start", "18:00+01:00", "--end", "19:00", "--weekly", "mon", "--zone", "Europe/Berlin", "--reason", "x"),
        ("release", "start", ""),
        ("target", "check", "/dev/null"),
    ],
)
def test_nonsense_is_a_usage_error(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(arguments) == 2
    said = capsys.readouterr()
    assert said.out + said.err
    assert "Traceback" not in said.err


def test_a_bug_is_told_in_words_and_logged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("nobody thought of this")

    monkeypatch.setattr(target, "with_console", broken)
    assert main.run(["target", "list"]) == 5
    said = capsys.readouterr().err
    assert "The console made an error: KeyError." in said
    assert "Traceback" not in said
    assert "nobody thought of this" in caplog.text


def test_commands_that_changed_while_they_were_read_are_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([("make deploy",), ("make deploy", "rm everything")])
    asked = []

    class Desk:
        async def trust(self, name: str) -> None:
            asked.append(name)

    async def view_when(*_: object) -> object:
        return type("View", (), {"commands": next(answers)})

    monkeypatch.setattr(target, "view_when", view_when)
    monkeypatch.setattr(target, "with_console", lambda work, watch: asyncio.run(work(Desk())))
    monkeypatch.setattr(target.typer, "confirm", lambda _: True)
    assert main.run(["target", "trust", "shop"]) == 2
    assert asked == []


def over(phase: Phase, *states: StepState, direction: Direction = Direction.BACKWARD) -> Ended:
    step = Step(0, StepKind.WEIGHT, Verb.ROLLBACK, direction, "Envoy", {"blue": 100, "green": 0})
    plan = Plan(PlanKind.ROLLBACK, "shop", "5.1", "blue", "green", "5.1", "5.2", (step,))
    rollout = Rollout("R-1", plan, phase, 1, 1, ANA, "", NOW, note="a freeze began")
    rows = tuple(
        StepRow(f"R-1.{number}", "R-1", replace(step, seq=number), state, ANA, NOW, detail="as it is")
        for number, state in enumerate(states)
    )
    return Ended(rollout, rows)


@pytest.mark.parametrize("first", [StepState.FAILED, StepState.UNKNOWN, StepState.SENT])
def test_a_way_back_whose_traffic_is_not_confirmed_is_unknown_although_its_flag_is(first: StepState) -> None:
    with pytest.raises(OutcomeUnknown):
        report(over(Phase.ABORTING, first, StepState.CONFIRMED), "back")


def test_a_switch_that_was_held_before_it_was_sent_is_not_told_as_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NotAllowed, match="a freeze began"):
        report(over(Phase.HELD, direction=Direction.FORWARD), "switched")
    with pytest.raises(NotAllowed, match="as it is"):
        report(over(Phase.HELD, StepState.FAILED, direction=Direction.FORWARD), "switched")
    assert capsys.readouterr().out == ""


def test_a_way_back_that_was_read_back_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    report(over(Phase.ROLLED_BACK, StepState.CONFIRMED, StepState.CONFIRMED), "back on blue")
    assert capsys.readouterr() == ("R-1: back on blue\n", "")


@pytest.mark.parametrize(("recorded", "words"), [("emergency", "emergency journal"), ("not recorded", "Not recorded")])
def test_a_way_back_that_is_not_in_the_records_says_so(recorded: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    ended = over(Phase.ROLLED_BACK, StepState.CONFIRMED)
    report(replace(ended, own=tuple(replace(step, recorded=recorded) for step in ended.own)), "back on blue")
    assert words in capsys.readouterr().err


def test_a_way_back_that_stopped_at_a_step_is_unknown_and_names_the_next_moves() -> None:
    ended = over(Phase.BACK_STOPPED, StepState.CONFIRMED, StepState.FAILED)
    ended = replace(ended, rollout=replace(ended.rollout, note="rollback stopped at step 2: code: failed. no"))
    with pytest.raises(OutcomeUnknown, match="R-1: rollback stopped at step 2: code") as told:
        report(ended, "back")
    assert "release step R-1 N --retry, --skip, --sign or --stop" in told.value.advice
    assert told.value.exit_code == 5


def test_a_skipped_step_and_one_that_failed_before_it_was_confirmed_are_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    ended = over(Phase.ROLLED_BACK, StepState.FAILED, StepState.SKIPPED)
    again = replace(ended.own[0], id="R-1.9", state=StepState.CONFIRMED)
    report(Ended(ended.rollout, (*ended.own, again)), "back on blue")
    assert capsys.readouterr().out == "R-1: back on blue\n"


@pytest.mark.parametrize("moves", [(), ("--retry", "--skip")])
def test_a_row_is_given_one_move(moves: tuple[str, ...]) -> None:
    assert main.run(["release", "step", "R-1", "2", *moves]) == 2
