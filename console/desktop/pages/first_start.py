"""What the Targets page shows while nothing is connected: learn it in the practice shop, or add a target."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QHBoxLayout, QRadioButton, QSizePolicy, QVBoxLayout, QWidget

from console.desktop import forms, theme
from console.desktop.pages.add_target import AddTargetCard
from console.desktop.pages.laying import Card, IconLabel, Scrolled, column, row
from console.desktop.pages.shop_picture import ShopPicture
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Hairline, Label
from console.desktop.widgets.painted import CENTRE, Painted, card, width_of, write
from console.model.audit import Record
from console.model.desk import SecretsState

SCENARIOS = (
    ("silent-payment", "Silent payment failure", "pages answer 200, payments on the canary fail"),
    ("healthy", "A healthy release", "5, 25, 50, 95, 100 % by itself"),
    ("site-wide", "The whole site fails", "both versions drop: an alarm, not a stop"),
)
"""The practice shop's scenarios: its name on the command line, its title, and what happens in it."""

WIDEST, HIGHEST, LOW = 1118, 580, 660


class Tab(Painted):
    """A word in capitals on the colour of an environment."""

    def __init__(self, environment: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._environment = environment
        self.setAccessibleName(environment)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Return the room for the word."""
        return QSize(round(width_of(self._environment.upper(), "caption.strong")) + 16, 18)

    def paint(self, painter: QPainter) -> None:
        """Paint the word on its ground."""
        token = theme.environment_token(self._environment)
        card(painter, QRectF(self.rect()), theme.colour(token), radius=3)
        write(painter, QRectF(self.rect()), (self._environment.upper(), "caption.strong", token + ".text"), CENTRE)


class PracticeCard(Card):
    """The practice shop with its picture and scenarios; `opened` carries the scenario and whether its release starts at once."""

    opened = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("env.practice", parent=parent)
        self.body.addLayout(row([Label("Practice shop", "lead"), -1, Tab("practice")]))
        words = "A small shop with real processes and real traffic, all on this computer. Nothing leaves it."
        self._words = Label(words, ink="text.2", wrap=True)
        self.body.addWidget(self._words)
        self._picture = ShopPicture()
        self.body.addWidget(self._picture, 3)
        self.body.addWidget(Label("Scenarios", "label"))
        self._group = QButtonGroup(self)
        for index, (_, title, what) in enumerate(SCENARIOS):
            self.body.addWidget(Hairline())
            choice = QRadioButton(title)
            choice.setFont(theme.font("body.medium"))
            choice.setAccessibleDescription(what)
            choice.setChecked(index == 0)
            self._group.addButton(choice, index)
            self.body.addLayout(row([choice, -1, Label(what, "small", "text.3", elide=False)]))
        self.start_too = QCheckBox("Start its release at once")
        self.start_too.setChecked(True)
        self.button = Button("Open the practice shop", "forward", "play", tall=True)
        self.button.setDefault(True)
        self.button.clicked.connect(self._open)
        self._note = Label("ready in about 8 s", "small", "text.2", elide=True)
        self.body.addStretch(1)
        self.body.addLayout(row([self.button, self.start_too, 4, self._note], 10))

    def set_low(self, low: bool) -> None:
        """Take less height, so that the button stays in sight in a small window."""
        self._words.setVisible(not low)
        self._picture.setMinimumHeight(92 if low else 124)
        pad = 14 if low else 20
        self.body.setContentsMargins(24, pad, 24, pad)
        self.body.setSpacing(3 if low else 8)

    @property
    def scenario(self) -> str:
        """Return the scenario chosen."""
        return SCENARIOS[self._group.checkedId()][0]

    def choose(self, scenario: str) -> None:
        """Choose a scenario by its name."""
        names = [name for name, _, _ in SCENARIOS]
        button = self._group.button(names.index(scenario))
        button.setChecked(True)

    def show_opening(self) -> None:
        """Show that the shop is being opened."""
        self.button.setEnabled(False)
        self.button.setText("Opening the practice shop …")
        self.start_too.hide()
        self.show_progress("Starting its processes")

    def show_progress(self, text: str) -> None:
        """Say what the shop is doing while it opens."""
        self._say(f"{text} …", "text.2")

    def show_closed(self, problem: str = "") -> None:
        """Offer to open it; `problem` says why it could not be opened."""
        self.button.setEnabled(True)
        self.button.setText("Open the practice shop")
        self.start_too.show()
        self._say(problem or "ready in about 8 s", "fail" if problem else "text.2")

    def _say(self, text: str, ink: str) -> None:
        self._note.setText(text)
        self._note.set_ink(ink)

    def _open(self) -> None:
        self.show_opening()
        self.opened.emit(self.scenario, self.start_too.isChecked())


class _Footer(QWidget):
    """Three facts: who uses this console, whether secrets can be kept, and that the audit has begun."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 4, 0, 0)
        outer.setSpacing(28)
        self.keyring = (Label("Keyring", "small.strong"), Label("looking for it …", "small", "text.2", wrap=True))
        self.audit = (Label("Audit", "small.strong"), Label("no record was read yet", "small", "text.2", wrap=True))
        single = (Label("Single user", "small.strong"), Label("Records stay on this computer.", "small", "text.2", wrap=True))
        for icon, (head, text) in (("database", single), ("key", self.keyring), ("file-check", self.audit)):
            cell = QHBoxLayout()
            cell.setSpacing(10)
            cell.addWidget(IconLabel(icon), 0, Qt.AlignmentFlag.AlignTop)
            cell.addLayout(column([head, text, -1], 1), 1)
            outer.addLayout(cell, 1)


class FirstStart(QWidget):
    """The first thing that a person sees: two ways to begin, and three facts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.practice = PracticeCard()
        self.adding = AddTargetCard()
        self._footer = _Footer()
        cards = QHBoxLayout()
        cards.setSpacing(16)
        for choice in (self.practice, self.adding):
            choice.setMaximumHeight(HIGHEST)
        cards.addWidget(self.practice, 59)
        cards.addWidget(self.adding, 47)
        content = QWidget()
        content.setMaximumWidth(WIDEST)
        inside = QVBoxLayout(content)
        inside.setContentsMargins(3, 12, 3, 0)
        inside.setSpacing(2)
        inside.addWidget(Label("Nothing is connected yet", "display"))
        inside.addWidget(Label("Learn it where nothing can break, or connect the first service you release.", "lead.plain", "text.2"))
        inside.addSpacing(12)
        inside.addLayout(cards, 1)
        inside.addSpacing(8)
        inside.addWidget(self._footer)
        inside.addStretch(0)
        centred = QWidget()
        middle = QHBoxLayout(centred)
        middle.setContentsMargins(0, 0, 0, 0)
        middle.addStretch(1)
        middle.addWidget(content, 1000)
        middle.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 12, 16, 12)
        whole.addWidget(Scrolled(centred))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take less height in a low window."""
        super().resizeEvent(event)
        low = event.size().height() < LOW
        self.practice.set_low(low)
        self.adding.set_low(low)

    def show_secrets(self, state: SecretsState) -> None:
        """Say whether secrets can be kept."""
        head, text = self._footer.keyring
        head.setText("Keyring found" if state.usable else "No usable keyring")
        head.set_ink("text" if state.usable else "look")
        text.setText("Secrets are kept by the system, never in files." if state.usable else f"{state.problem} {state.advice}".strip())

    def show_first_record(self, record: Record | None) -> None:
        """Say that the audit began, by its newest record."""
        head, text = self._footer.audit
        head.setText("Audit begins now" if record else "Audit is empty")
        text.setText(
            f"Record {record.seq:,} was written at {forms.clock(record.entry.at)}." if record else "The first action writes record 1."
        )
