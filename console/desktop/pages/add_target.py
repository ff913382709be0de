"""A card that takes target files: dropped on it or chosen, with what this console can talk to."""

from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from console.desktop import icons, theme
from console.desktop.pages.laying import Card, column, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Hairline, Label
from console.desktop.widgets.painted import CENTRE, Painted, card, width_of, write

PROVIDERS = (
    ("Traffic", ("Envoy", "HAProxy", "Kubernetes", "Traefik")),
    ("Metrics", ("Prometheus", "OpenMetrics")),
    ("Pipelines", ("Buildbot", "Declared commands", "GitHub Actions", "GitLab CI", "Jenkins")),
    ("Flags", ("Unleash", "LaunchDarkly", "HTTP")),
)
"""What a target file can name today, by port."""

_STEPS = (
    ("Let the console look around", "routers, versions and numbers; it only reads"),
    ("Look over the file it proposes", "or bring one: all errors at once, with lines"),
    ("Watch, then arm it", "writing stays off until you do"),
)
_SUFFIXES = {".yaml", ".yml"}


def yaml_files(urls: list[QUrl]) -> tuple[Path, ...]:
    """Return those of the dropped addresses that are YAML files on this computer."""
    paths = (Path(url.toLocalFile()) for url in urls if url.isLocalFile())
    return tuple(path for path in paths if path.suffix.lower() in _SUFFIXES)


class DropBox(Painted):
    """A place for target files; a click chooses files instead."""

    dropped = Signal(object)
    """A tuple of paths."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._over = False
        self.setAcceptDrops(True)
        self.setMinimumHeight(52)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Drop target files here")

    def sizeHint(self) -> QSize:
        """Return the room for icon and words."""
        return QSize(360, 58)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Welcome YAML files, nothing else."""
        if yaml_files(event.mimeData().urls()):
            self._hover(over=True)
            event.acceptProposedAction()

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """Look as before."""
        self._hover(over=False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Take the files."""
        self._hover(over=False)
        files = yaml_files(event.mimeData().urls())
        if files:
            event.acceptProposedAction()
            self.dropped.emit(files)

    def paint(self, painter: QPainter) -> None:
        """Paint a dashed box, an icon and two lines."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(theme.colour("focus" if self._over else "line.strong"), 1)
        pen.setDashPattern([3, 3])
        painter.setPen(pen)
        painter.setBrush(theme.colour("bg.selected" if self._over else "bg.raised"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        middle = self.width() / 2
        painter.drawPixmap(int(middle - 100), self.height() // 2 - 10, icons.pixmap("file", 20))
        top = self.height() / 2 - 18
        write(painter, QRectF(middle - 66, top, 240, 18), ("Drop target files here", "label", "text"))
        write(painter, QRectF(middle - 66, top + 18, 240, 16), ("YAML, one file a target", "small", "text.3"))

    def _hover(self, *, over: bool) -> None:
        self._over = over
        self.update()


class Pill(Painted):
    """A name in a small box: something that a target file can say."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = text
        self.setAccessibleName(text)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Return the room for the name."""
        return QSize(round(width_of(self._text, "small")) + 18, 24)

    def paint(self, painter: QPainter) -> None:
        """Paint the name in its box."""
        card(painter, QRectF(self.rect()), theme.colour("bg.raised"), theme.colour("line"), 4)
        write(painter, QRectF(self.rect()), (self._text, "small", "text.2"), CENTRE)


class _Number(Painted):
    """A step's number in a ring."""

    def __init__(self, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._number = number
        self.setFixedSize(22, 22)

    def paint(self, painter: QPainter) -> None:
        """Paint ring and number."""
        card(painter, QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.colour("bg.panel"), theme.colour("line.strong"), 10)
        write(painter, QRectF(self.rect()), (str(self._number), "caption.strong", "text.2"), CENTRE)


class AddTargetCard(Card):
    """How a target comes in; `chosen` carries dropped files, `asked` wants the file dialog."""

    chosen = Signal(object)
    asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.body.addWidget(Label("Add a target", "lead"))
        self.body.addWidget(Label("A target is a service you release: its traffic, pipeline, metrics and flags.", ink="text.2", wrap=True))
        drop = DropBox()
        drop.dropped.connect(self.chosen)
        self.body.addWidget(drop)
        for number, (head, text) in enumerate(_STEPS, 1):
            self.body.addLayout(row([_Number(number), column([Label(head, "body.medium"), Label(text, "small", "text.3")], 0), -1], 10))
        self.body.addWidget(Hairline())
        for port, names in PROVIDERS:
            label = Label(port, "small", "text.3")
            label.setFixedWidth(66)
            self.body.addLayout(row([label, *[Pill(name) for name in names], -1], 6))
        self.body.addStretch(1)
        self.wizard = Button("Connect a target …", icon="plus", tall=True)
        self.wizard.setToolTip("Ctrl+N")
        self.button = Button("Choose files …", tall=True)
        self.button.setShortcut("Ctrl+O")
        self.button.clicked.connect(self.asked)
        self.body.addLayout(row([self.wizard, Label("Ctrl N", "small", "text.3"), self.button, Label("Ctrl O", "small", "text.3"), -1]))
        self.body.setAlignment(Qt.AlignmentFlag.AlignTop)

    def set_low(self, low: bool) -> None:
        """Take less height, so that the button stays in sight in a small window."""
        pad = 14 if low else 20
        self.body.setContentsMargins(24, pad, 24, pad)
        self.body.setSpacing(3 if low else 8)
