"""A field for a secret that goes into the system's keyring and nowhere else; what is kept of it here is where it is found."""

from collections.abc import Callable

from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from console.desktop.pages.connect_parts import Looking, line
from console.desktop.pages.laying import fill
from console.model.systems import SecretRef

_REFERENCES = ("env:", "keyring:")


class SecretField(QWidget):
    """Takes a secret, or a reference such as env:NAME; `ref` is where it is found, None where nothing was typed yet."""

    def __init__(self, name: str, placeholder: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field: QLineEdit = line(name, placeholder, secret=True)
        self.ref: SecretRef | None = None
        fill(QVBoxLayout(self), [self.field], 0)

    def keep(self, looking: Looking, name: str, then: Callable[[], None]) -> None:
        """Keep what was typed in the keyring under a name, then go on; a reference is taken as it is. Errors are shown in `looking`."""
        typed = self.field.text().strip()
        if typed.startswith(_REFERENCES):
            scheme, _, named = typed.partition(":")
            self.ref = SecretRef(scheme, named)
            typed = ""
        if not typed:
            then()
            return
        looking.run(lambda desk, _: desk.put_secret(name, typed), lambda _: self._kept(name, then))

    def _kept(self, name: str, then: Callable[[], None]) -> None:
        self.ref = SecretRef("keyring", name)
        self.field.clear()
        self.field.setPlaceholderText(f"kept in the system's keyring as {name}; the file only names it")
        then()
