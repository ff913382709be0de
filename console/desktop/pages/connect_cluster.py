"""Asks for a Kubernetes cluster and a namespace in it."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from console.desktop.page import Surroundings
from console.desktop.pages.connect_parts import Fields, Looking, line
from console.desktop.pages.laying import fill, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.model.wizard import Found, Reach


class ClusterForm(QWidget):
    """Asks for a context and a namespace; a login by command is shown, and runs only when it is allowed."""

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._login: tuple[str, ...] = ()
        self._allowed: tuple[str, ...] = ()
        self._loaded: str | None = None
        self.kubeconfig = line("Kubeconfig", "where kubectl looks")
        self.kubeconfig.editingFinished.connect(self.load)
        browse = Button("Choose …", icon="folder-open")
        browse.clicked.connect(self._browse)
        self.context, self.namespace = QComboBox(), QComboBox()
        self.context.setAccessibleName("Context")
        self.namespace.setAccessibleName("Namespace")
        self.namespace.setEditable(True)
        self.looking = Looking(around, "Read its namespaces")
        self.looking.button.clicked.connect(self._namespaces)
        self.context.currentIndexChanged.connect(self._another)
        self._ask = Label("", "small", "look", wrap=True)
        self.allow = Button("Let it run", icon="terminal")
        self.allow.clicked.connect(self._allow)
        self._asking = QWidget()
        fill(QVBoxLayout(self._asking), [self._ask, row([self.allow, -1])], 6)
        self._asking.hide()
        place = QWidget()
        fill(QHBoxLayout(place), [self.kubeconfig, browse], 6)
        rows = {"Kubeconfig": place, "Context": self.context, "Namespace": self.namespace}
        fill(QVBoxLayout(self), [Fields(rows), self._asking, self.looking], 8)

    def reach(self) -> Reach:
        """Return the answers."""
        where = self.kubeconfig.text().strip()
        file = str(Path(where).expanduser()) if where else ""
        return Reach("kubernetes", "", file, self.context.currentText(), self.namespace.currentText().strip(), self._allowed)

    def load(self) -> None:
        """Read the contexts of the kubeconfig, once each."""
        file = self.reach().kubeconfig
        if file == self._loaded:
            return
        self._loaded = file
        self.looking.run(lambda desk, _: desk.wizard.contexts(file), self._show_contexts, self._unread)

    def _browse(self) -> None:
        dialog = QFileDialog(self, "Choose a kubeconfig")
        dialog.fileSelected.connect(self._take_file)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _take_file(self, name: str) -> None:
        self.kubeconfig.setText(name)
        self.load()

    def _unread(self) -> None:
        """Read it again when it is asked for again: it could not be read."""
        self._loaded = None

    def _show_contexts(self, names: Sequence[str]) -> None:
        with QSignalBlocker(self.context):
            self.context.clear()
            self.context.addItems(list(names))
        if not names:
            self.looking.show_problem("The kubeconfig has no context. Let the tool of your cluster write one, or choose another file.")
        self._another()

    def _another(self) -> None:
        self._allowed = ()
        self.namespace.clear()
        if self.context.currentText():
            self._namespaces()

    def _namespaces(self) -> None:
        reach = self.reach()
        self.looking.run(lambda desk, _: desk.wizard.namespaces(reach), self._show_namespaces)

    def _show_namespaces(self, found: Found | tuple[str, ...]) -> None:
        self._asking.setVisible(isinstance(found, Found))
        if isinstance(found, Found):
            self._login = found.login
            self._ask.setText(f"This context logs in by running a command on this computer, as you: {' '.join(found.login)}")
            return
        typed = self.namespace.currentText().strip()
        with QSignalBlocker(self.namespace):
            self.namespace.clear()
            self.namespace.addItems([name for name in found if not name.startswith("kube-")])
            if typed:
                self.namespace.setCurrentText(typed)
        if not found:
            self.looking.show_problem("This account may not list namespaces: type the one that it works in.")

    def _allow(self) -> None:
        self._allowed = self._login
        self._namespaces()
