"""The wizard's third question: what tells that customers succeed, from the counters that a Prometheus keeps."""

from dataclasses import replace
from urllib.parse import urlsplit

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QComboBox, QGridLayout, QRadioButton, QVBoxLayout, QWidget

from console.desktop import forms
from console.desktop.page import Surroundings
from console.desktop.pages.connect_parts import Answers, Fields, Looking, Step, line
from console.desktop.pages.connect_secret import SecretField
from console.desktop.pages.laying import Card, fill, row
from console.desktop.pages.settings import Segments
from console.desktop.widgets.label import Label
from console.model.discovery import Preview
from console.model.systems import PrometheusSource, TrafficSpec
from console.model.wizard import MetricsFound, Success
from console.policy.drafting import with_success


class SuccessStep(Step):
    """Asks for a Prometheus, finds what tells the sides apart in it, and shows what its counters say of each side now."""

    title = "What tells that customers succeed?"
    words = "A gate compares the canary's customers with stable's. It needs two counters a side: those who succeeded, and those who failed."

    def __init__(self, around: Surroundings, answers: Answers, parent: QWidget | None = None) -> None:
        super().__init__(around, answers, parent)
        self._for: TrafficSpec | None = None
        self._found: MetricsFound | None = None
        self.source = Segments("Where the numbers are", {"prometheus": "A Prometheus", "none": "Nothing yet"})
        self.url, self.user = line("Address", "http://127.0.0.1:9090"), line("User", "only where it wants a user and a password")
        self.token = SecretField("Token or password", "none")
        self.url.returnPressed.connect(self.look)
        self._form = Fields({"Address": self.url, "User": self.user, "Token": self.token})
        self.looking = Looking(around, "Look around")
        self.looking.button.clicked.connect(self.look)
        self.label = QComboBox()
        self.label.setAccessibleName("Label that tells the sides apart")
        self.label.activated.connect(self._another_label)
        self._by = Label("", "mono", "text.3", wrap=True)
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self._choose)
        self._choices = QVBoxLayout()
        fill(self._choices, [], 8)
        self.sessions = QCheckBox("They count whole customer sessions, each once, when it has ended")
        self.sessions.toggled.connect(self._count_sessions)
        self._bound = Label("", "small", "text.3", wrap=True)
        self.result = QWidget()
        fill(
            QVBoxLayout(self.result),
            [
                Fields({"Told apart by": self.label}),
                self._by,
                Label("Success", "label"),
                self._choices_widget(),
                self.sessions,
                self._bound,
            ],
            8,
        )
        self.result.hide()
        self._without = Label(
            "Without a gate nothing is judged: a stage ends when its wait is over, and nothing stops a bad release by itself. "
            "You can add a gate to the file later.",
            "small", "look", wrap=True,
        )  # fmt: skip
        self._without.hide()
        for item in (self.source, self._form, self.looking, self.result, self._without):
            self.body.addWidget(item)
        self.body.addStretch(1)
        self.source.buttons["none"].toggled.connect(self._switch)
        self.source.choose("prometheus")

    def enter(self) -> None:
        """Forget what was found for other sides."""
        if self._for != self.answers.draft.traffic:
            self._for = self.answers.draft.traffic
            self._show_found(None)

    def blocked(self) -> str:
        """Return what is missing."""
        if self.source.buttons["none"].isChecked() or self.answers.draft.gates:
            return ""
        return "Look around and choose what tells success, or choose “Nothing yet”."

    def look(self) -> None:
        """Keep the token in the keyring if one was typed, then look around."""
        try:
            place = urlsplit(self._address())
            name = "-".join(str(part) for part in ("prometheus", place.hostname, place.port, self.user.text().strip()) if part)
        except ValueError:
            self.looking.show_problem("The address is none: write it as http://HOST:PORT.")
            return
        self.token.keep(self.looking, name, lambda: self._look(""))

    def _address(self) -> str:
        typed = self.url.text().strip() or self.url.placeholderText()
        return typed if "://" in typed else f"http://{typed}"

    def _look(self, label: str) -> None:
        source = PrometheusSource(self._address(), {}, token=self.token.ref, user=self.user.text().strip())
        draft, route = self.answers.draft, self.answers.route
        self.looking.run(lambda desk, progress: desk.wizard.metrics(source, draft, route, label, progress), self._show_found)

    def _another_label(self, at: int) -> None:
        if self._found is not None and at < len(self._found.labels):
            self._look(self._found.labels[at].label)

    def _show_found(self, found: MetricsFound | None) -> None:
        self._found = found
        with QSignalBlocker(self.label):
            self.label.clear()
            for each in found.labels if found else ():
                self.label.addItem(f"{each.label}  ·  {each.metrics} metrics on both sides")
        for button in self._group.buttons():
            self._group.removeButton(button)
        while (item := self._choices.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        good = found is not None and bool(found.successes)
        self.result.setVisible(good)
        self.answers.draft = with_success(self.answers.draft, PrometheusSource("", {}), None)
        if found is not None and not good:
            self.looking.show_problem(found.problem or "Both sides are there, but no pair of counters tells success from failure.")
        if found is not None and good:
            self._by.setText("\n".join(f"{side}: {matchers}" for side, matchers in found.source.sides.items()))
            for at, success in enumerate(found.successes):
                self._choices.addWidget(_choice(success, self._radio(at, success)))
            self._choose(0)
        self.changed.emit()

    def _radio(self, at: int, success: Success) -> QRadioButton:
        made = QRadioButton(success.title)
        made.setChecked(at == 0)
        self._group.addButton(made, at)
        return made

    def _choose(self, at: int) -> None:
        if self._found is None:
            return
        success = self._found.successes[at]
        with QSignalBlocker(self.sessions):
            self.sessions.setChecked(success.sessions)
        self._commit(success)

    def _count_sessions(self) -> None:
        if self._found is not None and self._found.successes:
            self._commit(self._found.successes[max(0, self._group.checkedId())])

    def _commit(self, success: Success) -> None:
        counts = self.sessions.isChecked()
        if self._found is not None:
            self.answers.draft = with_success(self.answers.draft, self._found.source, replace(success, sessions=counts))
        good = "The bound on false stops holds: at most 1 healthy release in 1,000 is stopped."
        self._bound.setText(good if counts else "Attempts are counted then: the bound on false stops does not hold, and cards say so.")
        self.changed.emit()

    def _switch(self) -> None:
        none = self.source.buttons["none"].isChecked()
        for each in (self._form, self.looking):
            each.setVisible(not none)
        self._without.setVisible(none)
        if none:
            self._show_found(None)
        self.changed.emit()

    def _choices_widget(self) -> QWidget:
        made = QWidget()
        made.setLayout(self._choices)
        return made


def _choice(success: Success, radio: QRadioButton) -> QWidget:
    """Return a choice with what its two counters give for each side now."""
    card = Card(pad=10)
    card.body.addLayout(row([radio, -1]))
    grid = QGridLayout()
    grid.setHorizontalSpacing(18)
    grid.setVerticalSpacing(2)
    grid.setColumnStretch(3, 1)
    grid.addWidget(Label("succeeded", "caption", "text.3"), 0, 1)
    grid.addWidget(Label("failed", "caption", "text.3"), 0, 2)
    for at, (ok, failed) in enumerate(success.previews, 1):
        grid.addWidget(Label(ok.side, "small.strong"), at, 0)
        for column, preview in enumerate((ok, failed), 1):
            grid.addWidget(Label(_value(preview), "small", "text" if preview.value is not None else "look"), at, column)
        problem = ok.problem or failed.problem
        grid.addWidget(Label(problem or _at(ok), "small", "look" if problem else "text.3", elide=True), at, 3)
    card.body.addLayout(grid)
    return card


def _value(preview: Preview) -> str:
    return "nothing" if preview.value is None else forms.number(preview.value)


def _at(preview: Preview) -> str:
    return "" if preview.at is None else f"read at {forms.clock(preview.at)}, {preview.series} series"
