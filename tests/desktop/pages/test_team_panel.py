"""The Settings page says where the records are, who shares them, and what this login may do."""

from datetime import timedelta

import pytest

from console.desktop.pages.releases import ReleasesPage
from console.desktop.pages.settings import SettingsPage
from console.desktop.pages.targets import TargetsPage
from console.desktop.pages.team_panel import TeamPanel, fact_rows, state_of
from console.desktop.widgets.age import ticker
from console.model.errors import Unreachable
from console.model.verbs import State
from tests.desktop import samples


@pytest.fixture
def panel(shown, qtbot):
    """Open the Settings page and wait until the records were read."""

    def read():
        made = shown(SettingsPage).team
        qtbot.waitUntil(lambda: made._view is not None)
        return made

    return read


def test_one_person_is_told_that_nobody_shares_the_records(panel):
    panel = panel()
    assert panel.state.accessibleName() == "On this computer, records"
    assert panel.alone.isVisible()
    assert dict(fact_rows(samples.records())) == {"Where": "/home/rita/.local/share/release-console", "You": "Rita M."}
    assert panel.consoles.words == ("Console of Rita M., rita-desktop:88:f0, 0.1.0, 2 s",)


def test_a_team_sees_database_identity_login_role_and_environments(panel, desk):
    desk.kept = samples.team_records()
    panel = panel()
    rows = fact_rows(desk.kept)
    assert ("Where", "releases on db.example:5432 as rita") in rows
    assert ("Pinned", "log 5f2c in database releases") in rows
    assert ("Role", "operator, approver") in rows
    assert ("May", "operator: starts, drives and takes back rollouts") in rows
    assert ("In", "production, staging") in rows
    assert not panel.alone.isVisible()


def test_how_the_way_to_the_database_is_protected_is_shown_and_what_to_do_where_it_is_not(panel, desk):
    desk.kept = samples.team_records()
    made = panel()
    assert ("On its way", "encrypted; the server proves its certificate and its name") in fact_rows(desk.kept)
    assert not made.caution.isVisible()
    made.show_view(samples.team_records(protection="encrypted, but NOT PROVED: whoever sits in between can read it (sslmode=require)"))
    assert made.caution.isVisible()
    assert "sslmode=verify-full" in made.caution.text()


def test_a_process_of_another_version_is_named_as_such(panel, desk):
    desk.kept = samples.team_records()
    words = panel().consoles.words
    assert words[2] == "Agent of release-agent, release-agent-agent:88:f0, 0.0.9, another version than this window, 4 s"


def test_a_lost_database_says_what_waits_and_what_goes_on(panel, desk):
    desk.kept = samples.team_records(problem="The database does not answer.", roles=(), consoles=())
    panel = panel()
    assert state_of(desk.kept) == (State.BLIND, "Team database does not answer")
    assert "going back goes on" in panel.problem.text()
    assert ("Role", "not read") in fact_rows(desk.kept)
    assert not panel.consoles_head.isVisible()


def test_a_login_without_a_role_is_told_so():
    assert ("Role", "none: nothing but reading") in fact_rows(samples.team_records(roles=()))


def test_it_is_read_again_while_it_is_on_screen(panel, desk):
    page = panel().window()
    before = len(desk.called("records"))
    for _ in range(3):
        ticker().ticked.emit()
    assert len(desk.called("records")) == before + 1
    page.hide()
    for _ in range(6):
        ticker().ticked.emit()
    assert len(desk.called("records")) == before + 1


def test_the_age_of_the_reading_is_shown(panel):
    panel = panel()
    ticker().set_clock(samples.SampleClock(samples.NOW + timedelta(seconds=2)))
    assert panel._aside.text() == "read 2 s ago"


@pytest.mark.parametrize("times", [1, 2])
def test_an_error_is_shown_in_words(qtbot, around, desk, times):
    desk.errors["records"] = Unreachable("The records do not answer.", sent=False)
    panel = TeamPanel(around)
    qtbot.addWidget(panel)
    for _ in range(times):
        panel.load()
    qtbot.waitUntil(lambda: not panel.problem.isHidden())
    assert "do not answer" in panel.problem.text()


@pytest.mark.parametrize(
    ("roles", "environments", "why"),
    [
        (("viewer",), (), "your role here is viewer: this needs an operator"),
        (("viewer", "auditor"), (), "your role here is viewer and auditor: this needs an operator"),
        (("operator",), ("staging",), "your role reaches staging only"),
        (("operator",), (), ""),
        (("admin",), ("production",), ""),
        ((), (), ""),
    ],
)
def test_what_a_role_may_not_is_said_on_the_buttons(shown, around, roles, environments, why):
    around.known.records = samples.team_records(roles=roles, environments=environments)
    page = shown(TargetsPage, samples.incident())
    page.show_subject("account-eu")
    assert page.panel.main.isEnabled() == (not why)
    assert page.panel.arm.toolTip() == why
    assert page.panel.arm.accessibleDescription() == why


def test_a_viewers_plan_can_be_made_and_not_started(shown, qtbot, around, desk):
    around.known.records = samples.team_records(roles=("viewer",))
    page = shown(ReleasesPage, samples.incident())
    page.show_subject("plan:account-eu")
    qtbot.waitUntil(lambda: page.plan._plan is not None)
    assert page.plan.start.toolTip() == "your role here is viewer: this needs an operator"


def test_one_persons_records_refuse_nothing(around):
    around.known.records = samples.records(roles=("viewer",))
    assert around.known.cannot_drive(samples.target()) == ""


def test_the_window_learns_the_role_when_the_engine_runs(opened, qtbot):
    inside = opened(samples.incident())
    qtbot.waitUntil(lambda: inside.around.known.records is not None)
