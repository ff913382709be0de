"""`audit`: list, show, verify, export; and what a person at the records file cannot do unseen. `--help` of everything."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from journeys.kit import Shell, records
from typer.main import get_command
from typer.testing import CliRunner

from console.cli.main import app

WORDS = ("alder", "birch", "cedar")


@pytest.fixture(scope="module")
def _written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("written")
    shell = Shell(home)
    for word in WORDS:
        assert shell("freeze", "stop-the-line", "--reason", f"reason {word}").code == 0
        assert shell("freeze", "lift", "--reason", f"lifted {word}").code == 0
    return home


@pytest.fixture
def shell(_written: Path, tmp_path: Path) -> Shell:
    shutil.copytree(_written, tmp_path / "home")
    return Shell(tmp_path / "home")


def loosened(home: Path) -> sqlite3.Connection:
    """Open the records as somebody who knows SQL: without the triggers."""
    connection = records(home)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    return connection


def test_records_are_listed_shown_and_filtered(shell: Shell) -> None:
    found = json.loads(shell("audit", "list", "--json").out)["records"]
    assert {"seq", "prev", "hash", "signed", "kind", "actor", "at", "verb", "target", "rollout", "reason", "result"} <= set(found[0])
    assert [row["seq"] for row in found] == sorted((row["seq"] for row in found), reverse=True)
    assert found[0]["at"].endswith("Z")
    assert len(json.loads(shell("audit", "list", "--limit", "2", "--json").out)["records"]) == 2
    some = json.loads(shell("audit", "list", "--text", "lifted birch", "--json").out)["records"]
    assert [row["reason"] for row in some] == ["lifted birch"]
    kinds = json.loads(shell("audit", "list", "--kind", "intent", "--json").out)["records"]
    assert kinds == []
    wrong = shell("audit", "list", "--kind", "gossip")
    assert (wrong.code, "gossip" in wrong.err, "intent" in wrong.err) == (2, True, True)
    shown = shell("audit", "show", str(found[0]["seq"]))
    assert (shown.code, "lifted cedar" in shown.out) == (0, True)
    assert shell("audit", "show", "999").code == 2


def test_an_untouched_audit_holds_here_and_as_an_export(shell: Shell, tmp_path: Path) -> None:
    report = shell("audit", "verify", "--json")
    assert (report.code, report.document["ok"], report.document["first_bad"]) == (0, True, None)
    assert shell("audit", "export", str(tmp_path / "audit.jsonl")).code == 0
    assert shell("audit", "verify", str(tmp_path / "audit.jsonl")).code == 0
    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    changed = tmp_path / "changed.jsonl"
    changed.write_text("\n".join([*lines[:3], lines[3].replace("reason birch", "reason beech"), *lines[4:]]) + "\n")
    said = shell("audit", "verify", str(changed))
    assert (said.code, "Record 3 does not hold" in said.err) == (1, True), said
    (tmp_path / "poem.txt").write_text("roses are red\n")
    assert shell("audit", "verify", str(tmp_path / "poem.txt")).code == 2
    assert shell("audit", "verify", str(tmp_path / "nowhere.jsonl")).code == 2
    assert shell("audit", "export", str(tmp_path / "no" / "such" / "folder" / "x.jsonl")).code == 2


EDIT = "UPDATE audit SET body = replace(CAST(body AS TEXT), 'reason', 'REASON') WHERE seq = {bad}"
EDIT_SIDE = "UPDATE audit SET actor = 'somebody else' WHERE seq = {bad}"
DELETE = "DELETE FROM audit WHERE seq = {bad}"
INSERT = (
    "INSERT INTO audit SELECT seq + 1000, kind, actor, at, target, rollout, step, hash, body, signed, key, signature "
    "FROM audit WHERE seq = 2"
)
REORDER = (
    "UPDATE audit SET seq = -1 WHERE seq = {bad}; UPDATE audit SET seq = {bad} WHERE seq = {bad} + 1; "
    "UPDATE audit SET seq = {bad} + 1 WHERE seq = -1"
)


@pytest.mark.parametrize(("attack", "bad"), [(EDIT, 3), (EDIT_SIDE, 4), (DELETE, 2), (DELETE, 1), (REORDER, 3), (INSERT, None)])
def test_a_change_in_the_records_file_is_found_at_its_first_record(shell: Shell, attack: str, bad: int | None) -> None:
    connection = loosened(shell.home)
    with connection:
        connection.executescript(attack.format(bad=bad))
    connection.close()
    said = shell("audit", "verify")
    assert said.code == 1, said
    assert f"Record {bad if bad is not None else ''}" in said.err
    found = shell("audit", "verify", "--json")
    assert (found.code, found.document["ok"]) == (1, False)
    if bad is not None:
        assert found.document["first_bad"] == bad


def test_a_records_file_that_is_no_database_is_told_in_words(shell: Shell) -> None:
    (shell.home / "data" / "records.db").write_bytes(b"not a database at all" * 500)
    for ending in ("-wal", "-shm"):
        (shell.home / "data" / f"records.db{ending}").unlink(missing_ok=True)
    said = shell("audit", "list")
    assert (said.code, "not a database" in said.err) == (4, True), said


def _commands() -> list[list[str]]:
    found: list[list[str]] = []

    def walk(command: object, words: list[str]) -> None:
        found.append(words)
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, [*words, name])

    walk(get_command(app), [])
    return found


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
def test_every_command_has_its_help(words: list[str]) -> None:
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage: " in result.output


@pytest.mark.parametrize("words", [("fly",), ("switch",), ("audit", "show", "first"), ("freeze", "add"), ("demo", "--scenario", "sunny")])
def test_wrong_usage_exits_2_without_a_traceback(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell(*words).code == 2
