"""The gates of the running stage: the worst one opens as a card, the others are rows that open with a click."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from console.desktop import theme
from console.desktop.pages.laying import fill
from console.desktop.widgets.button import Button
from console.desktop.widgets.empty import EmptyState
from console.desktop.widgets.mark import paint_mark
from console.desktop.widgets.painted import RIGHT, Painted, card, width_of, write
from console.desktop.widgets.panel import Panel
from console.desktop.widgets.verdict import VerdictCard
from console.model.verbs import STATE_OF_VERDICT, Verdict
from console.model.views import GateView

_WORST = (Verdict.FAIL, Verdict.BLIND, Verdict.MISCONFIGURED, Verdict.STALE, Verdict.NO_DATA, Verdict.WATCHING, Verdict.PASS)


def worst_first(gates: tuple[GateView, ...]) -> tuple[GateView, ...]:
    """Return gates by how much they need a person, then as the plan names them."""
    return tuple(sorted(gates, key=lambda gate: _WORST.index(gate.verdict)))


class GateRow(Painted):
    """A gate as one row: mark, name, sentence, verdict in small letters."""

    opened = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gate: GateView | None = None
        self.setFixedHeight(32)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.open = Button("Open", "link", parent=self)
        self.open.clicked.connect(self._open)

    def show_view(self, gate: GateView) -> None:
        """Show a gate."""
        self._gate = gate
        words = f"{gate.verdict}, {gate.name}, {gate.sentence}"
        self.setAccessibleName(words)
        self.open.setAccessibleName(f"Open {gate.name}")
        self.update()

    def sizeHint(self) -> QSize:
        """Return the room of a row."""
        return QSize(300, 32)

    def resizeEvent(self, _event: object) -> None:
        """Keep the link at the right end."""
        self.open.setGeometry(self.width() - 54, 4, 44, 24)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Open the gate."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._open()

    def paint(self, painter: QPainter) -> None:
        """Paint the row on a card."""
        if self._gate is None:
            return
        state = STATE_OF_VERDICT[self._gate.verdict]
        card(painter, QRectF(self.rect()), theme.colour("bg.panel"), theme.colour("line"))
        paint_mark(painter, state, QRectF(12, 9, 14, 14))
        left = 34 + write(painter, QRectF(34, 0, 220, 32), (self._gate.name, "small.strong", "text")) + 10
        verdict = width_of(str(self._gate.verdict), "small.strong")
        write(
            painter,
            QRectF(self.width() - 70 - verdict, 0, verdict + 2, 32),
            (str(self._gate.verdict), "small.strong", theme.state_token(state)),
            RIGHT,
        )
        write(painter, QRectF(left, 0, self.width() - 84 - verdict - left, 32), (self._gate.sentence, "small", "text.2"))

    def _open(self) -> None:
        if self._gate is not None:
            self.opened.emit(self._gate.name)


class Gates(QWidget):
    """Told the gates; `evidence_asked` carries the gate whose evidence card is wanted."""

    evidence_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gates: tuple[GateView, ...] = ()
        self._opened = ""
        self.card = VerdictCard()
        self.card.evidence_asked.connect(self.evidence_asked)
        self._nothing = Panel("Gates")
        self._nothing.body.addWidget(EmptyState("No gate judges this stage: it ends when its wait has passed."))
        self._nothing.body.addStretch(1)
        self.rows: list[GateRow] = []
        self._column = QVBoxLayout(self)
        fill(self._column, [self.card, self._nothing], 8)
        self._column.setStretch(0, 1)
        self._column.setStretch(1, 1)

    def show_view(self, gates: tuple[GateView, ...]) -> None:
        """Show gates; one that fails opens by itself, else the one that a person opened stays open."""
        self._gates = worst_first(gates)
        self.card.setVisible(bool(gates))
        self._nothing.setVisible(not gates)
        if not gates:
            self._show_rows(())
            return
        worst = self._gates[0]
        chosen = next((gate for gate in self._gates if gate.name == self._opened), None)
        shown = worst if chosen is None or (worst.verdict is Verdict.FAIL and chosen.verdict is not Verdict.FAIL) else chosen
        self.card.show_view(shown)
        self._show_rows(tuple(gate for gate in self._gates if gate is not shown))

    def _show_rows(self, gates: tuple[GateView, ...]) -> None:
        while len(self.rows) < len(gates):
            made = GateRow()
            made.opened.connect(self._open)
            self._column.addWidget(made)
            self.setTabOrder(self.rows[-1].open if self.rows else self.card.link, made.open)
            self.rows.append(made)
        for at, made in enumerate(self.rows):
            made.setVisible(at < len(gates))
            if at < len(gates):
                made.show_view(gates[at])

    def _open(self, name: str) -> None:
        self._opened = name
        self.show_view(self._gates)
