"""The fixed program that our first paint is compared with: bare PySide6, a rail, two bars and a few labels, nothing of ours."""

import sys

from PySide6.QtCore import QTimer
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QMainWindow, QPushButton, QVBoxLayout, QWidget


class Frame(QWidget):
    """A central widget that tells of its first paint."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint, and say so once the window is on screen."""
        super().paintEvent(event)
        QTimer.singleShot(0, tell)


def tell() -> None:
    """Say that the first paint is done, and end."""
    print("painted", flush=True)
    QApplication.exit(0)


def main() -> int:
    """Open the window."""
    app = QApplication(sys.argv[:1])
    window, frame = QMainWindow(), Frame()
    window.setCentralWidget(frame)
    column, middle, rail, bottom = QVBoxLayout(frame), QHBoxLayout(), QVBoxLayout(), QHBoxLayout()
    column.addWidget(QLabel("Targets"))
    column.addLayout(middle, 1)
    column.addLayout(bottom)
    middle.addLayout(rail)
    middle.addWidget(QLabel("Nothing is connected yet"), 1)
    for name in ("Targets", "Releases", "Calendar", "Audit", "Settings"):
        rail.addWidget(QPushButton(name))
    for name in ("Hold", "Step down", "Roll back", "Kill flag"):
        bottom.addWidget(QPushButton(name))
    window.resize(1440, 900)
    window.show()
    return app.exec()


if __name__ == "__main__":
    sys.exit(main())
