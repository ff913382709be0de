"""The schema of a target's database: which migrations are applied, how full columns are, and who stands in the way of a change."""

from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from console.desktop.pages.laying import fill, row
from console.desktop.widgets.age import AgeLabel
from console.desktop.widgets.label import Label, plain_tip
from console.desktop.widgets.mark import MarkLabel
from console.model.database import SchemaLight, SchemaLine, SchemaView
from console.model.verbs import State

MARKS = {
    SchemaLight.GOOD: State.HEALTHY,
    SchemaLight.PENDING: State.PLANNED,
    SchemaLight.WRONG: State.FAILED,
    SchemaLight.UNKNOWN: State.BLIND,
}
INKS = {SchemaLight.GOOD: "text.2", SchemaLight.PENDING: "text.2", SchemaLight.WRONG: "fail", SchemaLight.UNKNOWN: "look"}


class SchemaRow(QWidget):
    """One line of a schema: mark, name and what there is to say; what is wrong or not known stands beneath, whole."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mark = MarkLabel("small", 13)
        self._aside = Label("", "small", "text.3", elide=True)
        self._aside.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # the name of the line is cut last
        self._beneath = Label("", "small", "text.2", wrap=True)
        fill(QVBoxLayout(self), [row([self._mark, self._aside], 6), self._beneath], 1)

    @property
    def words(self) -> Label:
        """Return where the line's sentence stands."""
        return self._aside if self._beneath.isHidden() else self._beneath

    def show_line(self, line: SchemaLine) -> None:
        """Show a line."""
        calm = line.light in {SchemaLight.GOOD, SchemaLight.PENDING}
        self._mark.show_state(MARKS[line.light], line.name, line.light.value, ink="text" if calm else INKS[line.light])
        self._aside.setText(line.sentence if calm else "")
        self._beneath.setText("" if calm else line.sentence)
        self._beneath.set_ink(INKS[line.light])
        self._beneath.setVisible(not calm)


class SchemaBox(QWidget):
    """Told a target's schema; hidden where its file names no database."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._age = AgeLabel("schema")
        self.head = MarkLabel("small", 13)
        self.words = Label("", "small", "text.2", wrap=True)
        self._lines = QVBoxLayout()
        fill(self._lines, [], 4)
        self.rows: list[SchemaRow] = []
        fill(QVBoxLayout(self), [row([Label("Database", "small.strong"), -1, self._age]), self.head, self.words, self._lines], 4)

    def show_view(self, view: SchemaView | None) -> None:
        """Show a schema as it was read last, and why it cannot be read now."""
        self.setVisible(view is not None)
        if view is None:
            return
        light = SchemaLight.UNKNOWN if view.problem else view.light
        self.head.show_state(MARKS[light], view.tool, light.value)
        self.words.setText(view.problem or view.words)
        self.words.set_ink(INKS[light])
        self.words.setToolTip(plain_tip(f"{view.system}\nidentity {view.identity}" if view.identity else view.system))
        self._age.setVisible(view.at is not None)
        self._age.show_age(view.at, view.limit_s)
        while len(self.rows) < len(view.lines):
            made = SchemaRow()
            self.rows.append(made)
            self._lines.addWidget(made)
        for index, shown in enumerate(self.rows):
            shown.setVisible(index < len(view.lines))
            if index < len(view.lines):
                shown.show_line(view.lines[index])
