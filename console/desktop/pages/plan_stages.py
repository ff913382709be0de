"""The stages of a plan as bars of traffic with their waits."""

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from console.desktop import forms, theme
from console.desktop.widgets.painted import RIGHT, Painted, card, write
from console.model.views import StageView

ROW = 28


def wait_words(stage: StageView) -> str:
    """Say how long a stage waits, and how many gates judge it."""
    gates = "" if not stage.gates else f", {stage.gates} gate" + ("" if stage.gates == 1 else "s")
    return forms.span(stage.wait_s) + gates if stage.wait_s else stage.fact or "no wait"


class PlanStages(Painted):
    """Rows of name, bar and wait."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stages: tuple[StageView, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_stages(self, stages: tuple[StageView, ...]) -> None:
        """Show a plan's stages."""
        self._stages = stages
        self.setAccessibleName("; ".join(f"{stage.name}, {wait_words(stage)}" for stage in stages))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the room for all stages."""
        return QSize(260, len(self._stages) * ROW)

    def paint(self, painter: QPainter) -> None:
        """Paint each stage."""
        for at, stage in enumerate(self._stages):
            top = at * ROW
            write(painter, QRectF(0, top, 96, ROW), (stage.name, "small.strong", "text"))
            if stage.weight is not None:
                room = QRectF(100, top + ROW / 2 - 4, max(20.0, self.width() - 218), 8)
                card(painter, room, theme.faded("series.stable", 0.45), radius=2)
                card(
                    painter, QRectF(room.left(), room.top(), room.width() * stage.weight / 100, 8), theme.colour("series.canary"), radius=2
                )
            write(painter, QRectF(self.width() - 112, top, 112, ROW), (wait_words(stage), "small", "text.2"), RIGHT)
