"""`audit export` in its forms, bundles, anchors, pins and customers' ids, at the terminal."""

import csv
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from journeys.kit import Shell, records

from console.store.keys import Signer
from console.store.sqlite import open_store

HERE = Path(__file__).parent.parent


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    home = tmp_path / "home"
    shell = Shell(home)
    for word in ("alder", "=birch"):
        assert shell("freeze", "stop-the-line", "--reason", f"{word}").code == 0
        assert shell("freeze", "lift", "--reason", f"{word}").code == 0
    return shell


@pytest.fixture
def signed_rollout(tmp_path: Path) -> Shell:
    """A home whose records are signed and hold a rollout with a refusal, samples and something masked."""
    import asyncio

    sys.path.insert(0, str(HERE / "store"))
    from store_kit import ANN, BACK, NOON, UP, HandClock, allow, driving, intent_for, outcome_for
    from test_store_signing import Drawer

    from console.model.commands import Decision
    from console.model.errors import NotAllowed
    from console.model.rollout import GateSample

    async def fill() -> None:
        store = open_store(tmp_path / "home" / "data", HandClock(), signer=Signer("ann", Drawer()))
        assert await store.audit.begin_signing() == ""
        rollout, token = await driving(store)
        row = await store.journal.send(intent_for(rollout, UP, token, "up"), allow)
        await store.journal.settle(row, outcome_for("up"))
        with pytest.raises(NotAllowed):
            await store.journal.send(intent_for(rollout, UP, token, "frozen"), lambda _: Decision(False, ("Frozen; password=hunter2",)))
        row = await store.journal.send(intent_for(rollout, BACK, None, "back"), None)
        await store.journal.settle(row, outcome_for("back"))
        await store.samples.add(
            [GateSample(rollout.id, "sessions", NOON, 5, 10, 1, 2, 3), GateSample(rollout.id, "sessions", NOON, 5, 5, 0, 1, 1)]
        )
        await store.freezes.lift(ANN, "nothing", NOON)
        await store.close()

    (tmp_path / "home").mkdir(exist_ok=True)
    asyncio.run(fill())
    return Shell(tmp_path / "home")


def test_an_export_for_spreadsheets_runs_no_cell_and_one_for_reading_loads_nothing(shell: Shell, tmp_path: Path) -> None:
    assert shell("audit", "export", "--csv", str(tmp_path / "audit.csv")).code == 0
    with (tmp_path / "audit.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["reason"] for row in rows] == ["alder", "alder", "'=birch", "'=birch"]
    assert shell("audit", "export", "--html", str(tmp_path / "audit.html")).code == 0
    page = (tmp_path / "audit.html").read_text()
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "=birch" in page
    assert shell("audit", "export", "--csv", "--html", str(tmp_path / "x")).code == 2


def test_an_anchor_shows_a_cut_off_end_that_nothing_inside_shows(shell: Shell, tmp_path: Path) -> None:
    place = tmp_path / "anchors.jsonl"
    made = shell("audit", "anchor", "--to", str(place))
    assert (made.code, "Anchored at 5 records" in made.out) == (0, True), made
    report = shell("audit", "verify", "--anchor", str(place))
    assert (report.code, "unanchored tail: 0 records" in report.out) == (0, True), report
    assert shell("freeze", "lift", "--reason", "later").code == 0
    assert shell("audit", "anchor", "--to", str(place)).code == 0
    report = shell("audit", "verify", "--anchor", str(place), "--json")
    assert (report.document["anchors"], report.document["unanchored"]) == (2, 0)
    assert shell("audit", "export", str(tmp_path / "audit.jsonl")).code == 0
    assert shell("audit", "verify", str(tmp_path / "audit.jsonl"), "--anchor", str(place)).code == 0
    connection = records(shell.home)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    with connection:
        connection.execute("DELETE FROM audit WHERE seq > 4")
    assert shell("audit", "verify").code == 1, "the place of the anchor is remembered"
    with connection:
        connection.execute("DELETE FROM settings WHERE key = 'audit anchors'")
    connection.close()
    assert shell("audit", "verify").code == 0
    found = shell("audit", "verify", "--anchor", str(place))
    assert (found.code, "Record 5 does not hold" in found.err) == (1, True), found
    assert shell("audit", "anchor").code == 2
    place.write_text("nonsense\n")
    wrong = shell("audit", "verify", "--anchor", str(place))
    assert (wrong.code, f"{place}:1" in wrong.err) == (2, True)


def test_an_anchor_is_committed_to_a_repository(shell: Shell, tmp_path: Path) -> None:
    repository = tmp_path / "anchors"
    repository.mkdir()
    refused = shell("audit", "anchor", "--git", str(repository))
    assert (refused.code, "git" in refused.err) == (2, True), refused
    who = {f"GIT_{role}_{what}": "ann@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    os.environ.update(who)
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    made = shell("audit", "anchor", "--git", str(repository))
    assert made.code == 0, made
    (file,) = repository.glob("audit-anchor-*.jsonl")
    log = subprocess.run(["git", "-C", str(repository), "log", "--format=%s"], check=True, capture_output=True, text=True).stdout
    assert "Anchor the audit of log" in log
    assert shell("audit", "verify", "--anchor", str(file)).code == 0


def test_another_consoles_export_is_held_against_what_was_pinned_here(shell: Shell, tmp_path: Path) -> None:
    place, export = tmp_path / "anchors.jsonl", tmp_path / "audit.jsonl"
    assert shell("audit", "anchor", "--to", str(place)).code == 0
    assert shell("audit", "export", str(export)).code == 0
    other = Shell(tmp_path / "other")
    assert other("audit", "pin", str(place)).code == 0
    assert other("audit", "verify", str(export), "--pinned").code == 0
    export.write_text("\n".join(export.read_text().split("\n")[:-2]) + "\n")
    found = other("audit", "verify", str(export), "--pinned")
    assert (found.code, "Record 5 does not hold" in found.err) == (1, True), found


def test_the_evidence_of_a_rollout_is_one_file_that_proves_itself(signed_rollout: Shell, tmp_path: Path) -> None:
    place = tmp_path / "evidence.zip"
    made = signed_rollout("audit", "export", "--bundle", "R-1", str(place))
    assert (made.code, "evidence of R-1" in made.out) == (0, True), made
    with zipfile.ZipFile(place) as bundle:
        manifest = json.loads(bundle.read("manifest.json"))
        assert set(bundle.namelist()) == {*manifest["files"], "manifest.json"}
        refusals = json.loads(bundle.read("refusals.json"))
        graphs = json.loads(bundle.read("graphs.json"))
        page = bundle.read("report.html").decode()
        everything = b"".join(bundle.read(name) for name in bundle.namelist())
        bundle.extractall(tmp_path / "out")
    assert [one["act"]["result"] for one in refusals] == ["Frozen; password=***"]
    assert manifest["masked"] == [{"seq": refusals[0]["seq"], "place": "/act/result"}]
    assert graphs["sessions"]["points"][-1][2:] == [15, 1, 3, 4]
    assert "Rollout R-1" in page
    assert b"hunter2" not in everything
    report = signed_rollout("audit", "verify", str(place), "--json")
    assert (report.code, report.document["unsigned"], report.document["checkpoints"]) == (0, 0, 1), report
    script = [sys.executable, "-I", "-S", str(tmp_path / "out" / "verify_audit.py")]
    assert subprocess.run([*script, str(place)], check=False, capture_output=True, timeout=60).returncode == 0
    forged = tmp_path / "forged.zip"
    with zipfile.ZipFile(place) as bundle, zipfile.ZipFile(forged, "w") as other:
        for name in bundle.namelist():
            content = bundle.read(name)
            other.writestr(name, content.replace(b"Frozen", b"Frosty") if name == "refusals.csv" else content)
    assert signed_rollout("audit", "verify", str(forged)).code == 2
    assert subprocess.run([*script, str(forged)], check=False, capture_output=True, timeout=60).returncode == 2
    assert signed_rollout("audit", "export", "--bundle", "R-9", str(place)).code == 2


def test_customers_ids_are_shown_and_forgotten_and_stand_in_no_record(signed_rollout: Shell, tmp_path: Path) -> None:
    (tmp_path / "ids").write_text("anna@example.com\nbert@example.com\n\n")
    assert signed_rollout("audit", "customers", "R-1", "--add", str(tmp_path / "ids"), "--days", "7").code == 0
    assert signed_rollout("audit", "customers", "R-1").out.split() == ["anna@example.com", "bert@example.com"]
    assert signed_rollout("audit", "export", str(tmp_path / "audit.jsonl")).code == 0
    assert "anna" not in (tmp_path / "audit.jsonl").read_text()
    assert signed_rollout("audit", "customers", "R-1", "--forget", "--reason", "asked to").code == 0
    assert signed_rollout("audit", "customers", "R-1").out == ""
    assert signed_rollout("audit", "customers", "R-7").code == 2
    assert signed_rollout("audit", "verify").code == 0
