"""The window in trouble: each says in words what happened and what to do; and a blackout mid-rollout holds forward only."""

from collections.abc import Iterator
from pathlib import Path

import keyring.backends.null
import pytest
from journeys.armed import Armed
from journeys.kit import Fault, Traffic, prepare
from journeys.window import Program, program
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream

from console.model.commands import Command
from console.model.verbs import Verb

pytestmark = [pytest.mark.journey, pytest.mark.envoy]


def words(program: Program) -> str:
    """Return everything that is written in the window now."""
    labels = [label.text() for label in program.inside.window.findChildren(QLabel) if label.isVisible()]
    return "\n".join([*labels, program.toasts()])


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot) -> Iterator[Program]:
    with program(qapp, qtbot) as running:
        yield running


def test_the_first_start_says_that_there_is_no_keyring(qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyring.get_keyring", keyring.backends.null.Keyring)
    with program(qapp, qtbot) as running:
        first = running.inside.page.first  # type: ignore[union-attr]
        running.until(lambda: first.isVisible() and "looking for it" not in first._footer.keyring[1].text(), "the keyring was looked for")
        assert "keyring" in first._footer.keyring[1].text().lower() or "plain" in first._footer.keyring[1].text().lower()


def test_a_broken_file_shows_every_mistake_and_adds_nothing(window: Program, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("format: 1\nname: shop\nenviroment: staging\n", encoding="utf-8")
    window.inside.page.adding.take([path])  # type: ignore[union-attr]
    window.until(
        lambda: "enviroment" in words(window) or any(w.isVisible() for w in QApplication.topLevelWidgets() if w.isModal()), "mistakes"
    )
    shown = "\n".join(label.text() for top in QApplication.topLevelWidgets() for label in top.findChildren(QLabel))
    assert "broken.yaml has 5 mistakes" in shown
    assert "Nothing was taken in." in shown
    assert window.target is None
    for top in QApplication.topLevelWidgets():
        if top is not window.inside.window:
            top.close()


def test_an_unreachable_router_is_told_and_roll_back_is_still_tried(armed: Armed, qapp: QApplication, qtbot: QtBot) -> None:
    armed.wire.fail(Fault.CUT_BEFORE)
    with program(qapp, qtbot) as running:
        running.until(lambda: running.target is not None and any(c.problem for c in running.target.connections), "the router's trouble")
        assert running.target is not None
        problem = next(c.problem for c in running.target.connections if c.problem)
        assert "Envoy" in problem.what
        running.until(lambda: running.can(Verb.ROLLBACK), "Roll back is open")
        sent = len(armed.wire.sent)
        running.press(Verb.ROLLBACK)
        running.until(lambda: len(armed.wire.sent) > sent, "the request is on the wire")
        armed.wire.mend()
        running.until(lambda: running.phase("rolled back"), "it goes through once the router answers")


def test_a_step_left_unknown_by_a_crash_is_shown_with_resume_and_roll_back(armed: Armed, qapp: QApplication, qtbot: QtBot) -> None:
    assert armed.shell("switch", "shop", "--to", "green", crash_at="before-send").code < 0
    with program(qapp, qtbot) as running:
        running.until(lambda: running.rollout is not None and bool(running.rollout.unknowns), "the unknown step")
        assert armed.wire.sent == []
        assert running.rollout is not None
        running.inside.go("releases", running.rollout.id)
        card = running.inside.page.rollout.unknown  # type: ignore[union-attr]
        running.until(lambda: card.isVisible() and card.resume.isEnabled() and card.roll_back.isEnabled(), "both ways are offered")
        running.click(card.roll_back)
        running.until(lambda: running.phase("rolled back"), "it is rolled back")
    assert len(armed.wire.sent) == 1


def test_a_blackout_holds_a_rollout_in_flight_and_every_backward_verb_works(
    qapp: QApplication,
    qtbot: QtBot,
    tmp_path: Path,
    envoy_server: EnvoyServer,
    upstreams: dict[str, Upstream],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blackout = "freeze: {blackout: {metric: resolved_ok, peak_per_min: 100, close_at: 80 %, open_at: 70 %}}"
    home = prepare(tmp_path / "home", envoy_server.admin, upstreams, blackout)
    (home / "shop.yaml").write_text((home / "shop.yaml").read_text().replace("wait: 1 s", "wait: 10 min"), encoding="utf-8")
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(home))
    with program(qapp, qtbot) as running:
        running.until(lambda: running.target is not None and running.target.traffic is not None, "the target")
        running.until(lambda: running.target.traffic.share == 0 and not running.target.freeze.frozen, "calm traffic is known")  # type: ignore[union-attr]
        submit, console = running.booted[0].submit, running.console
        plan = submit(console.plan("shop", "18.0.0")).result(60)
        start = Command(Verb.START, "shop", console.actor, "go", release="18.0.0", plan_hash=plan.plan_hash)
        assert submit(console.act(start)).result(20).decision.allowed
        running.until(lambda: running.rollout is not None and running.target.weight.read_back.value == 5, "5 % runs")  # type: ignore[union-attr]
        with Traffic(upstreams):
            running.until(lambda: running.phase("held"), "the blackout holds it")
            rollout = running.rollout
            assert rollout is not None
            for verb in (Verb.PROMOTE, Verb.RESUME):
                assert "Peak-traffic blackout" in rollout.verbs[verb].second
            assert not submit(console.act(Command(Verb.RESUME, "shop", console.actor, rollout=rollout.id))).result(20).decision.allowed
            running.press(Verb.STEP_DOWN)
            running.until(lambda: running.target.weight.read_back.value == 1, "stepped down")  # type: ignore[union-attr]
            running.press(Verb.ROLLBACK)
            running.until(lambda: running.phase("rolled back"), "rolled back")
    assert envoy_server.runtime()["routing.shop.green"] == "0"
