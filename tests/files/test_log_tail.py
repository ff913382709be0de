"""The end of the program's log, as a person reads it."""

import json

from console.files.logtail import FROM_END, last_lines


def line(text: str, **more: str) -> str:
    return json.dumps({"at": "2026-11-24T10:10:22.000Z", "level": "warning", "logger": "console", "thread": "main", "text": text} | more)


def test_the_newest_lines_come_last_and_no_more_than_are_wanted(tmp_path) -> None:
    path = tmp_path / "desktop.log"
    path.write_text("\n".join(line(f"poll {number} was late") for number in range(10)) + "\n")
    found = last_lines(path, 3)
    assert [words.partition("warning")[2].strip() for words in found] == ["poll 7 was late", "poll 8 was late", "poll 9 was late"]
    assert "warning" in found[0]


def test_a_traceback_is_told_by_its_last_line_and_foreign_lines_stay(tmp_path) -> None:
    path = tmp_path / "desktop.log"
    path.write_text(line("a question failed", traceback="Traceback ...\nValueError: no") + "\nFatal Python error\n")
    first, second = last_lines(path)
    assert first.endswith("a question failed  ValueError: no")
    assert second == "Fatal Python error"


def test_only_the_end_of_a_large_log_is_read_and_a_torn_first_line_is_left_out(tmp_path) -> None:
    path = tmp_path / "desktop.log"
    path.write_text("\n".join(line("x" * 100) for _ in range(FROM_END // 50)) + "\n")
    found = last_lines(path, 10_000)
    assert all(words.endswith("x" * 100) for words in found)
    assert 0 < len(found) < FROM_END // 100


def test_a_log_that_was_never_written_has_no_lines(tmp_path) -> None:
    assert last_lines(tmp_path / "desktop.log") == []
