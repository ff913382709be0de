"""What a plan can see, stage by stage: the largest success share that would be found, as a bar against all customers."""

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from console.desktop import forms, theme
from console.desktop.widgets.label import plain_tip
from console.desktop.widgets.painted import Painted, card, width_of, write_run
from console.model.desk import DetectRow

ROW = 46
GAP = 6
_STAGE = 140.0


def down_to(row: DetectRow) -> str:
    """Say the largest success share that a stage finds."""
    if row.smallest is None:
        return "finds nothing for sure"
    return "finds only a total failure" if row.smallest <= 0 else f"finds a drop down to {forms.per_cent(row.smallest)}"


def missed(row: DetectRow) -> str:
    """Return what a stage's sentence adds to what is found: its part after the semicolon, or all of it when there is none."""
    _, semicolon, rest = row.sentence.partition(";")
    return rest.strip() if semicolon else row.sentence


class DetectList(Painted):
    """Rows of stage, bar and words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[DetectRow, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_rows(self, rows: tuple[DetectRow, ...]) -> None:
        """Show a plan's stages."""
        self._rows = rows
        self.setAccessibleName("; ".join(f"{forms.per_cent(row.weight)} for {forms.span(row.wait_s)}: {row.sentence}" for row in rows))
        self.setToolTip(plain_tip("\n".join(row.sentence for row in rows)))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the room for all rows."""
        return QSize(420, len(self._rows) * (ROW + GAP))

    def paint(self, painter: QPainter) -> None:
        """Paint each stage as a card with a bar."""
        for at, row in enumerate(self._rows):
            top = at * (ROW + GAP)
            wait = f"for {forms.span(row.wait_s)}" if row.wait_s else "no wait"
            write_run(painter, QRectF(0, top, _STAGE, ROW), ((forms.per_cent(row.weight), "label", "text"), (wait, "small", "text.2")))
            box = QRectF(_STAGE, top, self.width() - _STAGE, ROW)
            card(painter, box, theme.colour("bg.raised"), theme.colour("line"), 4)
            blind = row.smallest is None
            whole = width_of(down_to(row), "small.strong") + width_of(missed(row), "small") + 26 <= box.width()
            rest = missed(row) if whole else ""  # half a sentence says nothing; all of it is read aloud and in the tooltip
            write_run(
                painter,
                QRectF(box.left() + 10, top + 4, box.width() - 20, 20),
                ((down_to(row), "small.strong", "look" if blind else "text"), (rest, "small", "text.3")),
            )
            self._bar(painter, QRectF(box.left() + 10, top + 28, box.width() - 20, 8), row)

    def _bar(self, painter: QPainter, box: QRectF, row: DetectRow) -> None:
        card(painter, box, theme.colour("bg.inset"), theme.colour("line.strong"), 2)
        if row.smallest is not None:
            reach = max(2.0, min(1.0, row.smallest / 100) * box.width())
            card(painter, QRectF(box.left(), box.top(), reach, box.height()), theme.colour("series.evidence"), radius=2)
