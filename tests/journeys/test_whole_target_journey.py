"""A release and its way back on HAProxy, Prometheus, Unleash, PostgreSQL and Buildbot as one target, by command and by click."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from journeys.kit import Said, Shell
from journeys.whole import FIRST, OLD, SECOND, SECRETS, Customers, Whole, whole  # noqa: F401
from journeys.window import Program, program
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from console.desktop.pages.releases import ReleasesPage
from console.model.verbs import State, Verb

pytestmark = [pytest.mark.journey, pytest.mark.haproxy, pytest.mark.unleash, pytest.mark.buildbot, pytest.mark.timeout(400)]


@pytest.fixture
def customers(whole: Whole) -> Iterator[Customers]:  # noqa: F811
    with Customers(whole.systems.haproxy.url, whole.systems.upstreams) as running:
        yield running


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot, whole: Whole) -> Iterator[Program]:  # noqa: F811
    with program(qapp, qtbot) as running:
        yield running


def well(said: Said) -> Said:
    assert said.code == 0, said
    return said


def planned(shell: Shell, version: str) -> str:
    return str(well(shell("release", "plan", "shop", "--version", version, "--json")).document["plan_hash"])


def in_order(said: Said, *texts: str) -> None:
    """Check that some texts were said one after the other."""
    places = [said.out.find(text) for text in texts]
    assert -1 not in places, (texts, said)
    assert places == sorted(places), (texts, said)


def test_by_command_a_release_goes_through_every_system_and_a_failing_one_is_taken_back_in_all(
    whole: Whole,  # noqa: F811
    customers: Customers,
    tmp_path: Path,
) -> None:
    shell = Shell(tmp_path / "home")
    whole.prepare(FIRST, "green")
    for words in (("check", str(whole.file)), ("add", str(whole.file)), ("trust", "shop", "--yes"), ("arm", "shop", "--reason", "test")):
        well(shell("target", *words))
    done = well(shell("release", "start", planned(shell, FIRST), "--reason", "a quiet Tuesday"))
    before = ("Run the pipeline for 18.0.0: pipeline 18.0.0: confirmed", "Run the migration: payment ref")
    assert "deploy| 18.0.0 runs on green" in done.out
    in_order(done, *before, "Flag on: ", "Traffic to 5 %: ", "Payments: pass", "Traffic to 50 %: ", "Traffic to 100 %: ", "R-1 is done")
    assert (whole.revision(), whole.all_on("green"), whole.flagged(FIRST)) == ("0042", True, (True, ["100"]))
    assert [build["results"] for build in whole.builds()] == [0]

    whole.prepare(SECOND, "blue")
    customers.fails = "blue"
    well(shell("target", "trust", "shop", "--yes"))
    failed = shell("release", "start", planned(shell, SECOND), "--reason", "the next one")
    assert failed.code == 1, failed
    in_order(failed, "Run the migration: refund ref", "Traffic to 5 %: ", "Payments: fail", "Traffic to stable: ", "R-2 is rolled back")
    in_order(failed, "Traffic to stable: ", "Undo the migration: refund ref: confirmed (0043 is not applied)")
    in_order(failed, "Traffic to stable: ", "Flag off: ")
    assert "Traffic to 50 %" not in failed.out
    assert (whole.revision(), whole.all_on("green")) == ("0042", True)
    assert (whole.flagged(SECOND), whole.flagged(FIRST)) == ((False, ["0"]), (True, ["100"])), "the flag of the release before stays up"
    assert {"payment_ref", "refund_ref"} & whole.columns() == {"payment_ref"}
    rows = well(shell("release", "rows", "R-2"))
    assert rows.out.count("  confirmed  ") == 3, rows
    status = well(shell("target", "status", "shop"))
    for word in ("HAProxy", "Prometheus", whole.flags[SECOND], "PostgreSQL", "stable    green 18.0.0"):
        assert word in status.out, status.out
    well(shell("audit", "verify"))
    assert customers.lost == 0
    for each in (done, failed, status):
        assert not any(secret in each.out + each.err for secret in SECRETS.values())


def connect(window: Program, whole: Whole) -> None:  # noqa: F811
    """Let the window know the target, trusted and armed."""
    submit, console = window.booted[0].submit, window.console
    submit(console.add_target(whole.file)).result(30)
    submit(console.trust("shop")).result(30)
    submit(console.arm("shop", armed=True, reason="test")).result(30)
    window.until(
        lambda: window.target is not None and window.target.armed and all(each.ok for each in window.target.connections), "all is read"
    )


def start_by_click(window: Program, release: str) -> None:
    """Name the release, look at its plan and at what will be sent first, and start it."""
    window.inside.go("releases", "plan:shop")
    page = window.inside.page
    assert isinstance(page, ReleasesPage)
    page.plan.release.setText(release)
    window.click(page.plan.again)
    window.until(lambda: page.plan.start.isVisible() and page.plan.start.isEnabled(), "the plan may start")
    window.click(page.plan.start)
    window.until(lambda: page.forward.preview is not None and page.forward.preview.isVisible(), "what will be sent is shown first")
    assert page.forward.preview is not None
    window.click(page.forward.preview.button)


def stands_at(window: Program, weight: float) -> bool:
    return window.rollout is not None and window.rollout.weight.read_back.value == weight


def promote_by_click(window: Program) -> None:
    page = window.inside.page
    assert isinstance(page, ReleasesPage)
    button = page.rollout.next.button
    window.until(lambda: button.isVisible() and button.isEnabled() and "Promote" in button.text(), "Promote is open")
    page.forward.preview = None
    window.click(button)
    window.until(lambda: page.forward.preview is not None and page.forward.preview.isVisible(), "what will be sent is shown first")
    assert page.forward.preview is not None
    window.click(page.forward.preview.button)


def test_by_click_it_is_started_promoted_and_rolled_back_with_every_system_read_back(
    window: Program,
    whole: Whole,  # noqa: F811
    customers: Customers,
) -> None:
    whole.prepare(FIRST, "green", wait="1 h")
    connect(window, whole)
    start_by_click(window, FIRST)
    window.until(lambda: stands_at(window, 5.0), "5 % of traffic is on the canary")
    assert (whole.revision(), whole.flagged(FIRST), [build["results"] for build in whole.builds()]) == ("0042", (True, ["100"]), [0])
    promote_by_click(window)
    window.until(lambda: stands_at(window, 50.0), "half of the traffic is on the canary")
    customers.fails = "green"
    window.until(lambda: window.can(Verb.ROLLBACK), "Roll back is open")
    window.press(Verb.ROLLBACK)
    window.until(lambda: window.phase("rolled back"), "it is rolled back on screen")
    assert window.rollout is not None
    assert [(row.kind, row.state) for row in window.rollout.sends] == [(kind, State.HEALTHY) for kind in ("weight", "flag", "migration")]
    assert (whole.revision(), whole.all_on("blue"), whole.flagged(FIRST)) == ("0041", True, (False, ["0"]))
    assert "payment_ref" not in whole.columns()
    page = window.inside.page
    assert isinstance(page, ReleasesPage)
    assert f"was rolled back: traffic is on {OLD}" in page.rollout.headline.text()
    window.until(lambda: window.target is not None and window.target.stable_version == OLD, "the old version is stable")
    report = window.booted[0].submit(window.console.audit_verify(None)).result(30)
    assert (report.ok, report.open_intents) == (True, ())
    assert customers.lost == 0
