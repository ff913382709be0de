"""Bugs of a journal, each planted in ours, each found by a story that the true one passes."""

import pytest
from crash.crashing import Case
from crash.mutants import MUTANTS, planted
from crash.stories import (
    ALL,
    a_stop_between,
    after_the_end,
    another_holder,
    full_disk,
    sent_twice,
    settled_twice,
    told,
    two_changes,
    wrong_token,
)
from crash.sweep import once

SENT = Case("switch", ("after-send", 1), "resume")
SWITCH = Case("switch", ("before-send", 1), "resume")
LOST = Case("switch", ("before-send", 1), "resume", ("phase-after-commit", 3))
FAILED = Case("failed", ("phase-after-commit", 9))
OPENED = Case("switch", ("wheel-taken", 1))

CAUGHT_BY = {
    "outcome_recorded_before_sending": SENT,
    "intent_committed_after_sending": SWITCH,
    "resume_sends_again_without_reading_back": LOST,
    "token_not_checked": wrong_token,
    "revision_not_compared": two_changes,
    "unknown_settled_as_confirmed": SWITCH,
    "settled_step_settled_again": settled_twice,
    "rollback_leaves_the_countdown": FAILED,
    "recovery_goes_on_by_itself": OPENED,
    "emergency_journal_not_merged": full_disk,
    "guard_asked_outside_the_transaction": a_stop_between,
    "lease_renewed_after_it_ran_out": another_holder,
    "wheel_taken_from_its_holder": another_holder,
    "an_id_sent_twice": sent_twice,
    "forward_after_the_end": after_the_end,
    "backward_sent_without_an_intent": SWITCH,
}


def found_by(catcher: object) -> list[str]:
    return once(catcher).problems if isinstance(catcher, Case) else told(catcher)  # type: ignore[arg-type]


def test_every_bug_has_something_that_finds_it() -> None:
    assert CAUGHT_BY.keys() == MUTANTS.keys()
    assert len(MUTANTS) >= 12


@pytest.mark.parametrize("story", ALL, ids=lambda story: story.__name__)
def test_the_true_journal_passes_each_story(story: object) -> None:
    assert found_by(story) == []


@pytest.mark.parametrize("case", [SENT, SWITCH, LOST, FAILED, OPENED], ids=str)
def test_the_true_program_recovers_in_each_case(case: Case) -> None:
    assert found_by(case) == []


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_bug_is_found(name: str) -> None:
    with planted(name):
        assert found_by(CAUGHT_BY[name]), f"nothing found {name}"
