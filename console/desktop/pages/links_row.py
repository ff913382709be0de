"""Links to dashboards beside a rollout, opened in the person's browser."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QVBoxLayout, QWidget

from console.desktop.pages.laying import fill, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import plain_tip
from console.model.links import Link

A_ROW = 3
SCHEMES = frozenset({"http", "https"})


def open_in_browser(address: str) -> None:
    """Open an http or https address; nothing else is ever opened."""
    url = QUrl(address)
    if url.scheme() in SCHEMES:
        QDesktopServices.openUrl(url)


class LinksRow(QWidget):
    """Told the links of a rollout; hidden where there are none. `open` is what a click does."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._links: tuple[Link, ...] = ()
        self.open: Callable[[str], None] = open_in_browser
        self.buttons: list[Button] = []
        fill(QVBoxLayout(self), [], 6)
        self.hide()

    def show_links(self, links: Sequence[Link]) -> None:
        """Show these links, by name; the same names keep their buttons, so that focus stays."""
        shown = tuple(links)
        if [link.name for link in shown] != [link.name for link in self._links]:
            self._lay(shown)
        self._links = shown
        for button, link in zip(self.buttons, shown, strict=True):
            button.setToolTip(plain_tip(link.url))
        self.setVisible(bool(shown))

    def _lay(self, links: Sequence[Link]) -> None:
        for button in self.buttons:
            button.hide()
            button.deleteLater()
        self.buttons = [self._made(number, link) for number, link in enumerate(links)]
        layout = self.layout()
        while layout is not None and layout.count():
            layout.takeAt(0)
        fill(layout, [row([*self.buttons[at : at + A_ROW], -1], 6) for at in range(0, len(self.buttons), A_ROW)], 6)

    def _made(self, number: int, link: Link) -> Button:
        made = Button(f"{link.name} ↗")
        made.setAccessibleName(f"open the dashboard {link.name} in the browser")
        made.clicked.connect(lambda: self.open(self._links[number].url))
        return made
