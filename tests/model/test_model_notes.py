"""What a note may hold: bounded plain text, and a headline that says what happened where."""

from datetime import UTC, datetime
from typing import get_args

from console.files.sections.notify import Kind
from console.model.notes import KINDS, USUAL, Note, NoteKind

AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def note(kind: NoteKind = NoteKind.GATE_FAILED, **more: object) -> Note:
    given = {"rollout": "R-12", "version": "5.2b", "before": "5.1", "phase": kind.value, **more}
    return Note("n-1", kind, AT, "checkout-eu", "Checkout", "production", **given)  # type: ignore[arg-type]


def test_a_headline_says_where_what_and_which_version():
    assert note().headline == "Checkout (production): gate failed. rollout R-12 to 5.2b"
    assert note(NoteKind.ROLLED_BACK, phase="aborted").headline == "Checkout (production): aborted. rollout R-12 to 5.2b"
    assert note(NoteKind.DONE, what="rehearsal").headline == "Checkout (production): done. rehearsal R-12"


def test_a_test_is_marked_before_anything_else():
    assert note(NoteKind.TEST).headline.startswith("TEST, nothing happened")


def test_every_text_is_one_bounded_line_in_which_nothing_acts():
    told = note(verdict="a\nb\x1b[31m\u202e" + "x" * 9000, why="\r\n", who="<b>")
    assert "\n" not in told.verdict
    assert "\x1b" not in told.verdict
    assert "\\u202e" in told.verdict
    assert len(told.verdict) == 300
    assert (told.why, told.who) == ("", "<b>")


def test_a_refused_move_is_told_only_where_a_file_asks_for_it():
    assert set(KINDS) - set(USUAL) == {NoteKind.REFUSED}
    assert NoteKind.TEST not in KINDS


def test_a_file_can_name_every_kind_and_no_other():
    assert set(get_args(Kind)) == {kind.value for kind in KINDS}
