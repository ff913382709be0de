"""Renders every page from sample views to PNG files: `python packaging/screenshots.py FOLDER [dark|light|contrast …]`."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from PySide6.QtCore import QCoreApplication, QEvent  # noqa: E402
from PySide6.QtGui import QPainter  # noqa: E402
from PySide6.QtTest import QTest  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from console.desktop import theme  # noqa: E402
from console.desktop.inside import Inside  # noqa: E402
from console.desktop.pages import PAGES, preferences  # noqa: E402
from console.desktop.window import Window  # noqa: E402
from console.model.audit import AnchorPlace  # noqa: E402
from console.model.commands import Decision  # noqa: E402
from console.model.freeze import FreezeState, StopTheLine, TrafficNow  # noqa: E402
from console.model.readiness import Light  # noqa: E402
from console.model.rollout import Phase  # noqa: E402
from console.model.target import Environment  # noqa: E402
from console.model.verbs import State, Verb  # noqa: E402
from console.model.views import Problem, Update  # noqa: E402
from tests.desktop import samples  # noqa: E402
from tests.desktop.pages import fake_desk, fake_wizard  # noqa: E402

SIZES = ((1440, 900), (1280, 720), (1180, 680))
Scene = Callable[[Inside], None]


def fleet() -> Update:
    """Return many targets in every group."""
    now = samples.NOW
    cold = FreezeState(True, "window", "Ledger month end", "finance", "books close", now + timedelta(days=2, hours=20))
    problem = Problem(
        "No reply from the router.", "Its weights are not known.", "Look whether haproxy-ap runs.", now - timedelta(seconds=41)
    )
    moving = samples.target("pricing-us", State.DRIFT, gate_text="moved outside, 38 s ago", weight=samples.weight(0.0, 12.1, drift=True))
    hanging = samples.target("search-ap", State.HANGING, problem=problem, stable_version="9.0")
    frozen = [samples.target(name, State.FROZEN, freeze=cold) for name in ("invoices-eu", "ledger-eu", "ledger-us", "payout-eu")]
    observed = samples.target("account-eu", armed=False, trusted=False, commands=("make image", "kubectl apply -f app.yaml"))
    return replace(samples.incident(), targets=(samples.incident_target(), moving, hanging, observed, *frozen, *samples.fleet(40)))


def busy_calendar() -> Update:
    """Return a calendar with a window in force, peak traffic and a stop."""
    view = samples.calendar()
    now = samples.NOW
    window = replace(
        view.rows[0].window, id="w2", name="Ledger month end", owner="finance", reason="books close", origin="file", targets=("ledger-eu",)
    )
    held = replace(view.rows[0].upcoming[0], window=window, start=now - timedelta(hours=9), end=now + timedelta(days=2, hours=20))
    row = replace(view.rows[0], window=window, now=held, upcoming=(), covers=("ledger-eu",))
    stop = StopTheLine("Rita M.", "payments look odd", now - timedelta(minutes=4), now + timedelta(minutes=56))
    peaks = {"checkout-eu": TrafficNow(0.36, False, now, 2222.0), "ledger-eu": TrafficNow(0.86, True, now, 800.0)}
    calendar = replace(view, rows=(row, *view.rows), week=(held, *view.week), stops=(stop,), blackouts=peaks)
    return replace(samples.incident(), calendar=calendar)


def over() -> Update:
    """Return a rollout that was taken back."""
    sent = tuple(replace(send, state=State.HEALTHY, took_s=send.predicted_s * 0.8) for send in samples.sends())
    loss = replace(samples.incident_rollout().loss, saved=44887.0, per_min_now=0.0)
    done = replace(
        samples.incident_rollout(), phase=Phase.ROLLED_BACK, state=State.HEALTHY, headline="Checkout 5.2b was rolled back", auto_act=None,
        sends=sent, loss=loss, ended_at=samples.NOW, weight=samples.weight(0.0, 0.0), verbs=samples.verbs(running=False),
        note="customers hit: 3 to the verdict, 3 to the read-back of 0 %",
    )  # fmt: skip
    still = replace(samples.incident_target(), verbs=samples.verbs(running=False), weight=samples.weight(0.0, 0.0))
    return replace(
        samples.incident(),
        targets=(still,),
        rollouts=(done, replace(samples.healthy().rollouts[0], id="R-2290", target="account-eu", title="Account 6.31")),
    )


def practice() -> Update:
    """Return the practice shop alone."""
    shop = samples.target("practice-shop", environment=Environment.PRACTICE, title="Practice shop", practice=True, stable_version="5.1")
    return Update(targets=(shop,), calendar=samples.calendar())


def _open_form(inside: Inside) -> None:
    page = inside.pages["calendar"]
    page.new.click()
    page.form.name.setText("Sale weekend")
    page.form.reason.setText("peak x 1.6")


def _pick(name: str) -> Scene:
    return lambda inside: inside.pages["targets"].show_subject(name)


def _plan(*, allowed: bool) -> Scene:
    def open_plan(inside: Inside) -> None:
        inside.desk.the_plan = fake_desk.plan(allowed=allowed)
        inside.go("releases", "plan:account-eu")

    return open_plan


def _verify(inside: Inside) -> None:
    inside.desk.places = [AnchorPlace("/media/usb/audit-anchor.jsonl", anchors=2, size=398)]
    inside.pages["audit"].verify.button.click()


def _nothing(_inside: Inside) -> None:
    pass


def _bad_file(inside: Inside) -> None:
    inside.desk.problems = fake_desk.bad_lines()
    inside.pages["targets"].adding.take([Path("shop.yaml")])


def _trust(inside: Inside) -> None:
    inside.pages["targets"].moves.trust(inside.pages["targets"].around.known.targets["account-eu"])


def _switch(inside: Inside) -> None:
    inside.pages["targets"].moves.switch(inside.pages["targets"].around.known.targets["ledger-eu"])


def _start(inside: Inside) -> None:
    _plan(allowed=True)(inside)
    QTest.qWait(60)
    inside.pages["releases"].plan.start.click()


def _stop(inside: Inside) -> None:
    inside.pages["calendar"].stop.click()


def _secret(inside: Inside) -> None:
    inside.pages["settings"].secrets._ask("shop-token")


def _move(seq: int, move: str) -> Scene:
    return lambda inside: inside.pages["releases"].rollout.moved.emit(seq, move)


def _asks(inside: Inside) -> None:
    loss = "Past the point of no return: contract 118 cannot be undone. Going back would lose payment references of 31 orders."
    instead = "Hold is what is left without a loss. Asked for again, the traffic goes back all the same."
    inside.desk.decision = Decision(False, (loss,), instead, asks=True)
    inside.window.bottom.acted.emit(Verb.ABORT)


def _rehearse(inside: Inside) -> None:
    _plan(allowed=True)(inside)
    QTest.qWait(60)
    inside.pages["releases"].plan.rehearse.click()


def _taken_over(inside: Inside) -> None:
    view = replace(samples.healthy().rollouts[0], wheel=samples.WheelView(samples.lease("Ana R.", 15, 2.0), mine=False))
    inside.around.bridge.updated.emit(Update(rollouts=(view,)))


def _team(inside: Inside) -> None:
    inside.pages["settings"].team.show_view(samples.team_records())


def _join(inside: Inside) -> None:
    inside.pages["settings"].team._ask_join()
    dialog = QApplication.activeModalWidget()
    dialog.address.setText("postgresql://rita@db.example/releases")
    dialog.password.setText("secret words")
    dialog.test.click()


def _move_history(inside: Inside) -> None:
    inside.pages["settings"].team.show_view(samples.team_records(unmoved=412, waiting=3))
    inside.pages["settings"].team._ask_move()


def _leave(inside: Inside) -> None:
    inside.pages["settings"].team.show_view(samples.team_records(waiting=3, from_next_start="your own folder"))
    inside.pages["settings"].team._ask_leave()


def _waiting(inside: Inside) -> None:
    inside.desk.kept = samples.team_records(waiting=3, problem="The team's database does not answer.", roles=())
    inside.pages["audit"]._ask_records()


def _wizard(step: int, dress: Callable[[Inside], None] = lambda _: None) -> Scene:
    """Open the wizard at one of its steps, each before it answered as it is found."""

    def walk(inside: Inside) -> None:
        dress(inside)
        inside.go("targets", "connect:")
        wizard = inside.pages["targets"].wizard
        for at in range(step + 1):
            QTest.qWait(40)
            if at < 4 and at not in {1, 3}:
                wizard.steps[at].looking.button.click()
                QTest.qWait(40)
            if at == 5 and inside.desk.wizard.difference:
                wizard.review.shown.buttons["difference"].click()
            if at < step:
                wizard.next.click()

    return walk


def _no_rights(inside: Inside) -> None:
    inside.desk.wizard.rights = (fake_wizard.RIGHTS[0], fake_wizard.NO_ADMIN)


def _file_there(inside: Inside) -> None:
    inside.desk.wizard.difference = fake_wizard.DIFFERENCE
    inside.desk.wizard.problems = {"metrics": "Prometheus at 127.0.0.1:9090 gave no complete answer in 5 s. Check that it runs."}


def _cluster(inside: Inside) -> None:
    inside.go("targets", "connect:")
    inside.pages["targets"].wizard.traffic.kind.buttons["kubernetes"].click()


def _details(inside: Inside) -> None:
    _verify(inside)
    QTest.qWait(60)
    inside.pages["audit"].verify.details.click()


SCENES: tuple[tuple[str, str, Callable[[], Update], Scene], ...] = (
    ("first-start", "targets", samples.first_start, _nothing),
    ("targets", "targets", fleet, _nothing),
    ("targets-observed", "targets", fleet, _pick("account-eu")),
    ("practice", "targets", practice, _nothing),
    ("release-incident", "releases", samples.incident, _nothing),
    ("release-healthy", "releases", samples.healthy, _nothing),
    ("release-frozen", "releases", samples.frozen, _nothing),
    ("release-unknown", "releases", samples.unknown, _nothing),
    ("back-running", "releases", samples.going_back, _nothing),
    ("back-stopped", "releases", lambda: samples.going_back(samples.back_stopped_rollout()), _nothing),
    ("back-sign", "releases", lambda: samples.going_back(samples.back_stopped_rollout()), _move(5, "sign")),
    ("back-skip", "releases", lambda: samples.going_back(samples.back_stopped_rollout()), _move(3, "skip")),
    ("light-ready", "releases", lambda: samples.lit(Light.READY), _nothing),
    ("light-closing", "releases", lambda: samples.lit(Light.CLOSING), _nothing),
    ("light-shut", "releases", lambda: samples.lit(Light.SHUT), _nothing),
    ("light-unknown", "releases", lambda: samples.lit(Light.UNKNOWN), _nothing),
    ("light-target", "targets", lambda: samples.lit(Light.CLOSING), _pick("checkout-eu")),
    ("database", "targets", samples.with_database, _pick("checkout-eu")),
    ("light-plan", "releases", lambda: samples.lit(Light.READY), _plan(allowed=True)),
    ("light-asks", "releases", lambda: samples.lit(Light.SHUT), _asks),
    ("wheel-lost", "releases", samples.lost_driver, _nothing),
    ("wheel-take", "releases", samples.lost_driver, lambda inside: inside.ribbons.followed.emit("wheel:R-2301")),
    ("wheel-mine", "releases", samples.healthy, _nothing),
    ("wheel-hand-over", "releases", samples.healthy, lambda inside: inside.pages["releases"].rollout.wheel.hand_over.click()),
    ("wheel-over", "releases", samples.healthy, _taken_over),
    ("away", "releases", samples.away, _nothing),
    ("quarantine", "targets", samples.quarantined, _nothing),
    ("quarantine-resume", "targets", samples.quarantined, lambda inside: inside.ribbons.followed.emit("resume:checkout-eu")),
    ("release-over", "releases", over, lambda inside: inside.pages["releases"].show_subject("R-2291")),
    ("releases-empty", "releases", samples.first_start, _nothing),
    ("plan", "releases", fleet, _plan(allowed=True)),
    ("plan-refused", "releases", fleet, _plan(allowed=False)),
    ("calendar", "calendar", busy_calendar, _nothing),
    ("calendar-form", "calendar", samples.incident, _open_form),
    ("calendar-empty", "calendar", samples.first_start, _nothing),
    ("audit", "audit", samples.incident, _verify),
    ("audit-waiting", "audit", samples.incident, _waiting),
    ("settings", "settings", samples.incident, _nothing),
    ("audit-details", "audit", samples.incident, _details),
    ("settings-team", "settings", samples.incident, _team),
    ("dialog-join", "settings", samples.incident, _join),
    ("dialog-move", "settings", samples.incident, _move_history),
    ("dialog-leave", "settings", samples.incident, _leave),
    ("dialog-rehearse", "releases", lambda: samples.lit(Light.READY), _rehearse),
    ("dialog-bad-file", "targets", samples.first_start, _bad_file),
    ("dialog-trust", "targets", fleet, _trust),
    ("dialog-switch", "targets", fleet, _switch),
    ("dialog-start", "releases", fleet, _start),
    ("dialog-stop", "calendar", samples.incident, _stop),
    ("connect-traffic", "targets", samples.first_start, _wizard(0)),
    ("connect-no-rights", "targets", fleet, _wizard(0, _no_rights)),
    ("connect-cluster", "targets", fleet, _cluster),
    ("connect-versions", "targets", fleet, _wizard(1)),
    ("connect-success", "targets", fleet, _wizard(2)),
    ("connect-more", "targets", fleet, _wizard(3)),
    ("connect-safety", "targets", fleet, _wizard(4)),
    ("connect-review", "targets", fleet, _wizard(5)),
    ("connect-file-there", "targets", fleet, _wizard(5, _file_there)),
    ("connect-done", "targets", fleet, _wizard(6)),
    ("dialog-secret", "settings", samples.incident, _secret),
)


def render(folder: Path, name: str, key: str, update: Update, scene: Scene, look: str) -> None:
    """Render one page at each size."""
    desk = fake_desk.FakeDesk()
    desk.settings = {preferences.THEME: look}
    around = fake_desk.surroundings(desk)
    window = Window(PAGES)
    inside = Inside(around, window)
    inside.desk, inside.around = desk, around
    window.show()
    around.bridge.updated.emit(update)
    inside.go(key)
    QTest.qWait(30)
    scene(inside)
    for width, height in SIZES:
        window.resize(width, height)
        QTest.qWait(120)
        picture = window.grab()
        dialog = QApplication.activeModalWidget()
        if dialog is not None:
            painter = QPainter(picture)
            painter.drawPixmap((width - dialog.width()) // 2, (height - dialog.height()) // 2, dialog.grab())
            painter.end()
        picture.save(str(folder / f"{name}-{look}-{width}.png"))
    dialog = QApplication.activeModalWidget()
    if dialog is not None:
        dialog.close()
    window.close()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def main() -> None:
    """Render the scenes named on the command line, or all."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    looks = [word for word in sys.argv[2:] if word in theme.CHOICES] or ["dark", "light"]
    wanted = [word for word in sys.argv[2:] if word not in theme.CHOICES]
    app = QApplication(sys.argv[:1])
    for look in looks:
        theme.apply(app, look)
        for name, key, update, scene in SCENES:
            if not wanted or name in wanted:
                render(folder, name, key, update(), scene, look)
                print(f"{name} {look}")


if __name__ == "__main__":
    main()
