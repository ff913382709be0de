"""The wizard on the Targets page: what shuts it, what it shows, what it keeps, and that a stopped search changes nothing any more."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from console.desktop.choices import choices
from console.desktop.pages.connect_review import git_words
from console.desktop.pages.targets import TargetsPage
from console.model.errors import SecretsUnavailable, Unreachable
from console.model.pipelines import GithubPipeline
from console.model.systems import HaproxyTraffic, SecretRef, UnleashFlag
from console.model.target import Environment
from console.model.wizard import GitState
from tests.desktop import samples
from tests.desktop.clipping import clipped
from tests.desktop.pages.fake_wizard import DIFFERENCE, NO_ADMIN, RIGHTS


@pytest.fixture
def page(shown):
    page = shown(TargetsPage, samples.incident())
    page.table.connect_one.click()
    return page


@pytest.fixture
def wizard(page):
    return page.wizard


def words(widget):
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def walk(qtbot, wizard, to):
    """Answer each step as it is found, up to one."""
    while wizard.at < to:
        at = wizard.at
        if at in {0, 2}:
            wizard.steps[at].looking.button.click()
        qtbot.waitUntil(wizard.next.isEnabled)
        wizard.next.click()
        qtbot.waitUntil(lambda at=at: wizard.at == at + 1)


def test_next_is_shut_until_the_router_was_read_and_says_why(qtbot, wizard, desk):
    assert not wizard.next.isEnabled()
    assert "Look around first" in words(wizard)
    wizard.traffic.looking.button.click()
    qtbot.waitUntil(wizard.next.isEnabled)
    assert "No file is written before the last step." in words(wizard)
    assert "will be pinned: haproxy lb-eu-1 checkout" in words(wizard)
    servers = {"blue": ("blue1", "blue2"), "green": ("green1",)}
    assert wizard.answers.draft.traffic == HaproxyTraffic("127.0.0.1:9999", "checkout", servers)


def test_what_the_credentials_may_not_do_is_said_with_what_to_change(qtbot, wizard, desk):
    desk.wizard.rights = (RIGHTS[0], NO_ADMIN)
    wizard.traffic.looking.button.click()
    qtbot.waitUntil(wizard.next.isEnabled)
    assert "its level is operator). Give the stats socket `level admin`" in words(wizard)


def test_sides_can_be_put_right_and_a_side_without_a_part_shuts_next(qtbot, wizard):
    wizard.traffic.looking.button.click()
    qtbot.waitUntil(wizard.next.isEnabled)
    wizard.traffic.sides._parts["green1"].buttons["-1"].click()
    assert not wizard.next.isEnabled()
    assert "Put a part on each side" in words(wizard)
    wizard.traffic.sides._parts["blue2"].buttons["1"].click()
    qtbot.waitUntil(wizard.next.isEnabled)
    assert wizard.answers.draft.traffic.servers == {"blue": ("blue1",), "green": ("blue2",)}


def test_an_error_is_said_in_words_with_what_to_do(qtbot, wizard, desk):
    desk.wizard.errors["look"] = Unreachable("HAProxy at 127.0.0.1:9999 cannot be reached.", sent=False, advice="Check that it is running.")
    wizard.traffic.looking.button.click()
    qtbot.waitUntil(wizard.traffic.looking.problem.isVisible)
    assert wizard.traffic.looking.problem.text() == "HAProxy at 127.0.0.1:9999 cannot be reached. Check that it is running."
    assert wizard.traffic.looking.button.isEnabled()


def test_what_arrives_after_stop_is_not_shown(qtbot, wizard, desk):
    wizard.traffic.looking.button.click()
    wizard.traffic.looking.stop()
    qtbot.waitUntil(lambda: bool(desk.wizard.called("stop")))
    qtbot.wait(50)
    assert not wizard.traffic.result.isVisible()
    assert "Stopped. Nothing was changed." in words(wizard)


def test_a_login_by_command_is_shown_and_runs_only_when_it_is_allowed(qtbot, wizard, desk):
    wizard.traffic.kind.buttons["kubernetes"].click()
    cluster = wizard.traffic.cluster
    qtbot.waitUntil(cluster.allow.isVisible)
    assert "aws eks get-token" in words(wizard)
    assert cluster.namespace.count() == 0
    assert all(not reach.login for (reach,) in desk.wizard.called("namespaces"))
    cluster.allow.click()
    qtbot.waitUntil(lambda: cluster.namespace.count() == 2)
    assert cluster.reach().login == ("aws", "eks", "get-token", "--cluster-name", "prod-eu")
    cluster.namespace.setCurrentText("shop")
    wizard.traffic.looking.button.click()
    qtbot.waitUntil(lambda: bool(wizard.answers.reach.login))
    wizard.done.show_target("shop", None)
    wizard.go(6)
    qtbot.waitUntil(lambda: "trust it on the target's page" in words(wizard))


def test_a_token_goes_into_the_keyring_and_only_its_name_into_the_draft(qtbot, wizard, desk):
    walk(qtbot, wizard, 2)
    wizard.success.url.setText("https://prometheus.example")
    wizard.success.token.field.setText("s3cret")
    wizard.success.looking.button.click()
    qtbot.waitUntil(wizard.next.isEnabled)
    assert desk.called("put_secret") == [("prometheus-prometheus.example", "s3cret")]
    assert wizard.success.token.field.text() == ""
    assert wizard.answers.draft.metrics.token == SecretRef("keyring", "prometheus-prometheus.example")
    assert "s3cret" not in repr(wizard.answers)


def test_without_a_keyring_the_token_is_not_used_and_the_way_out_is_told(qtbot, wizard, desk):
    walk(qtbot, wizard, 2)
    desk.errors["put_secret"] = SecretsUnavailable("There is no keyring.", advice="Name the secret as env: instead.")
    wizard.success.token.field.setText("s3cret")
    wizard.success.looking.button.click()
    qtbot.waitUntil(wizard.success.looking.problem.isVisible)
    assert "env:" in wizard.success.looking.problem.text()
    assert not desk.wizard.called("metrics")
    wizard.success.token.field.setText("env:PROMETHEUS_TOKEN")
    wizard.success.looking.button.click()
    qtbot.waitUntil(wizard.next.isEnabled)
    assert wizard.answers.draft.metrics.token == SecretRef("env", "PROMETHEUS_TOKEN")


def test_counting_attempts_is_said_to_weaken_the_bound(qtbot, wizard):
    walk(qtbot, wizard, 2)
    wizard.success.looking.button.click()
    qtbot.waitUntil(wizard.next.isEnabled)
    assert wizard.answers.draft.gates[0].resolved
    wizard.success.sessions.setChecked(False)
    assert not wizard.answers.draft.gates[0].resolved
    assert "does not hold" in words(wizard)


def test_stages_are_told_in_plain_words_and_follow_the_pace(qtbot, wizard):
    walk(qtbot, wizard, 4)
    qtbot.waitUntil(lambda: "5 % of the traffic for 15 min, while “Customers succeed” is judged" in words(wizard))
    wizard.safety.environment.buttons["staging"].click()
    wizard.safety.pace.buttons["quick"].click()
    assert wizard.answers.draft.environment is Environment.STAGING
    assert [stage.weight for stage in wizard.answers.draft.stages] == [10, 50, 95]
    wizard.safety.name.setText("Checkout EU")
    assert not wizard.next.isEnabled()
    assert "small letters" in words(wizard)


def test_a_file_that_is_there_is_written_only_after_its_difference_was_shown(qtbot, wizard, desk):
    desk.wizard.difference = DIFFERENCE
    walk(qtbot, wizard, 5)
    qtbot.waitUntil(wizard.review.warning.isVisible)
    assert not wizard.next.isEnabled()
    wizard.review.shown.buttons["difference"].click()
    assert wizard.next.isEnabled()
    assert "+environment: production" in wizard.review.text.toPlainText()
    assert not desk.wizard.called("write")
    wizard.next.click()
    qtbot.waitUntil(lambda: wizard.finished)
    assert len(desk.wizard.called("write")) == 1


def test_what_cannot_be_read_is_told_and_the_file_can_still_be_written(qtbot, wizard, desk):
    walk(qtbot, wizard, 4)
    desk.wizard.problems = {"metrics": "Prometheus gave no answer. Check that it runs."}
    walk(qtbot, wizard, 5)
    qtbot.waitUntil(lambda: "Prometheus gave no answer" in words(wizard))
    assert "can be written all the same" in words(wizard)
    assert wizard.next.isEnabled()


def test_the_end_says_observe_only_and_offers_to_arm(qtbot, page, wizard, desk):
    walk(qtbot, wizard, 6)
    assert "observe-only" in words(wizard)
    assert not desk.called("arm")
    wizard.next.click()
    assert page.wizard is None
    assert page.table.isVisible()


def test_cancel_ends_all_searches_and_shows_the_targets_again(qtbot, page, wizard, desk):
    qtbot.mouseClick(wizard.cancel, Qt.MouseButton.LeftButton)
    assert page.wizard is None
    assert page.table.isVisible()
    assert desk.wizard.called("stop")


def test_a_flags_token_is_kept_before_the_wizard_goes_on(qtbot, wizard, desk):
    walk(qtbot, wizard, 3)
    more = wizard.more
    more.flag.kinds.buttons["unleash"].click()
    assert not wizard.next.isEnabled()
    for key, text in {"Address": "https://unleash.example", "Project": "default", "Environment": "production", "Flag": "v52"}.items():
        more.flag.fields["unleash"][key].setText(text)
    more.flag.token.field.setText("s3cret")
    assert "so that the token goes into the keyring" in words(wizard)
    more.reading.button.click()
    qtbot.waitUntil(wizard.next.isEnabled)
    assert desk.called("put_secret") == [("unleash-unleash.example-default", "s3cret")]
    assert wizard.answers.draft.flag == UnleashFlag(
        "https://unleash.example", "v52", "production", token=SecretRef("keyring", "unleash-unleash.example-default")
    )
    qtbot.waitUntil(lambda: "checkout_v52 is on, 5 %" in words(wizard))


def test_a_pipeline_is_taken_whole_or_not_at_all(qtbot, wizard):
    walk(qtbot, wizard, 3)
    choice = wizard.more.pipeline
    choice.kinds.buttons["github"].click()
    for key, text in {"Repository": "no slash", "Workflow": "release.yml", "Branch": "main"}.items():
        choice.fields["github"][key].setText(text)
    assert not wizard.next.isEnabled()
    choice.fields["github"]["Repository"].setText("shop/checkout")
    assert wizard.next.isEnabled()
    assert wizard.answers.draft.pipeline == GithubPipeline("shop/checkout", "release.yml", "main")
    choice.kinds.buttons["none"].click()
    assert wizard.answers.draft.pipeline is None


@pytest.mark.parametrize("size", [(1100, 560), (1330, 766)])
def test_nothing_is_cut_off_in_any_step(qtbot, page, wizard, size):
    page.resize(*size)
    for at in range(7):
        walk(qtbot, wizard, at)
        if at in {0, 2}:
            wizard.steps[at].looking.button.click()
            qtbot.waitUntil(wizard.next.isEnabled)
        qtbot.wait(20)
        assert clipped(wizard) == []


def test_the_wizard_opens_by_its_key_and_from_the_palette(opened, qtbot):
    inside = opened(samples.incident())
    inside.window.activateWindow()
    qtbot.waitUntil(inside.window.isActiveWindow)
    qtbot.keyClick(inside.window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert inside.pages["targets"].wizard.isVisible()
    lines = choices(inside.around.known, tuple(inside.window.entries.values()), inside.go, print, print)
    assert [line.text for line in lines if line.key == "Ctrl N"] == ["Connect a target"]


def test_updates_leave_an_open_wizard_in_sight(page, wizard, around):
    page.show_update(samples.incident())
    assert wizard.isVisible()
    assert page.place() == ("Targets", "connecting one")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (None, "no git repository"),
        (GitState("/srv/targets", "main", 0), "branch main, nothing uncommitted here"),
        (GitState("/srv/targets", "main", 1), "1 uncommitted file here"),
    ],
)
def test_the_folders_repository_is_told(state, said):
    assert said in git_words(state)


def test_the_keyboard_is_in_the_step_that_opens(qtbot, page, wizard):
    walk(qtbot, wizard, 1)
    qtbot.waitUntil(lambda: wizard.versions.isAncestorOf(wizard.window().focusWidget()))
    assert not wizard.next.hasFocus()
