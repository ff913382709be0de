"""Says how many records wait in this computer's journal because the database did not take them, and what that means."""

from PySide6.QtWidgets import QWidget

from console.desktop.pages.laying import column
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.model.team import RecordsView
from console.model.verbs import State


def waiting_words(view: RecordsView) -> tuple[str, str]:
    """Return a head and what it means; ("", "") while nothing waits."""
    database = "the team's database" if view.team else "the records' file"
    if view.waiting is None:
        return "Not known whether records wait", "This computer's journal cannot be read now. Look again in a moment; the log says why."
    if not view.waiting:
        return "", ""
    one = view.waiting == 1
    head = f"{view.waiting:,} record{' waits' if one else 's wait'} in this computer's journal"
    means = (
        f"{'It was' if one else 'They were'} written while {database} took nothing. {'It is' if one else 'They are'} on this disk and "
        f"go{'es' if one else ''} into the audit by {'itself' if one else 'themselves'} once it takes records again. Until then no list "
        f"shows {'it' if one else 'them'} and no verification covers {'it' if one else 'them'}: leave this computer's data as it is."
    )
    return head, means


class WaitingNote(QWidget):
    """Told where the records are; hidden while nothing waits."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.head, self.means = MarkLabel("small.strong", 13), Label("", "small", "text.2", wrap=True)
        self.setLayout(column([self.head, self.means], 3))
        self.hide()

    def show_view(self, view: RecordsView) -> None:
        """Show what waits."""
        head, means = waiting_words(view)
        self.setVisible(bool(head))
        if head:
            self.head.show_state(State.STALE if view.waiting else State.BLIND, head)
            self.means.setText(means)
