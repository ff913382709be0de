"""Shows every page at a text size and prints what is cut off; run by the test in a process of its own, since Qt scales once."""

import sys

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QApplication

from console.desktop import theme
from console.desktop.inside import Inside
from console.desktop.pages import PAGES
from console.desktop.start import make_app
from console.desktop.window import Window
from console.model.audit import AnchorPlace
from console.model.readiness import Light
from tests.desktop import samples
from tests.desktop.clipping import clipped
from tests.desktop.pages import fake_desk

SMALL = (720, 430)
"""A screen of 1440 x 860 at 200 %."""
SHOWN = (
    *((page.key, samples.incident) for page in PAGES),
    ("targets", samples.first_start),
    ("releases", samples.unknown),
    ("releases", samples.away),
    ("releases", samples.lost_driver),
    ("releases", lambda: samples.lit(Light.SHUT)),
    ("releases", lambda: samples.going_back(samples.back_stopped_rollout())),
    ("releases", "plan:account-eu"),
    ("targets", lambda: samples.lit(Light.CLOSING)),
    ("calendar", samples.first_start),
)


TROUBLED = ("audit", "settings")
"""Pages that are shown once more while the team's database does not answer."""


def troubled() -> fake_desk.FakeDesk:
    """Return a desk whose records wait, whose anchors are out of reach, and whose history was never moved."""
    desk = fake_desk.FakeDesk()
    why = "The team's database, releases on db.example:5432, does not answer."
    desk.kept = samples.team_records(waiting=3, unmoved=412, from_next_start="your own folder", problem=why)
    desk.places = [AnchorPlace("/media/usb/audit-anchor-2026-11-24.jsonl", problem="It cannot be read: no such file or directory.")]
    return desk


def settle() -> None:
    """Let every layout come to rest."""
    for _ in range(6):
        QCoreApplication.processEvents()


def main() -> None:
    """Print the pixel ratio, then a line for each text that is cut off."""
    app = make_app(sys.argv[:1])
    theme.apply(app, "dark")
    print(f"{app.devicePixelRatio():g}")
    scenes = [(key, update, fake_desk.FakeDesk()) for key, update in SHOWN]
    for key, update, desk in (*scenes, *((key, samples.incident, troubled()) for key in TROUBLED)):
        around = fake_desk.surroundings(desk)
        window = Window(PAGES)
        inside = Inside(around, window)
        window.show()
        around.bridge.updated.emit(samples.lit(Light.READY) if isinstance(update, str) else update())
        inside.go(key, update if isinstance(update, str) else "")
        for size in ((1440, 900), (1180, 680), SMALL):
            window.resize(*size)
            settle()
            for told in clipped(window):
                print(key, size, told)
        window.asks_first = None
        window.close()
        window.deleteLater()
    QApplication.processEvents()


if __name__ == "__main__":
    main()
