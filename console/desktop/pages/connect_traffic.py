"""The wizard's first question: where does traffic split, and which part is on which side."""

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from console.desktop.page import Surroundings
from console.desktop.pages.connect_cluster import ClusterForm
from console.desktop.pages.connect_parts import Answers, Fields, Looking, Readings, Step, line
from console.desktop.pages.connect_sides import SidesTable
from console.desktop.pages.laying import fill
from console.desktop.pages.settings import Segments
from console.desktop.widgets.label import Label
from console.model.wizard import Found, Reach, Tried
from console.policy.drafting import kube_workloads_of, placed, sides_of, traffic_of

KINDS = {"haproxy": "HAProxy", "envoy": "Envoy", "kubernetes": "Kubernetes"}
_KIND_WORDS = {
    "haproxy": "Its runtime API: HOST:PORT or unix:PATH, as the line “stats socket” of haproxy.cfg has it. Only “show” commands are sent.",
    "envoy": "Its admin interface, as http://HOST:PORT. Only GET requests are sent.",
    "kubernetes": "A context of your kubeconfig, and a namespace. Only reads are sent.",
}


class TrafficStep(Step):
    """Asks for the router, looks around in it, and lets the sides be put right."""

    title = "Where does traffic split?"
    words = "The console reads what is there and proposes the sides by their names. Nothing is changed."

    def __init__(self, around: Surroundings, answers: Answers, parent: QWidget | None = None) -> None:
        super().__init__(around, answers, parent)
        self.kind = Segments("Router", KINDS)
        self._about = Label("", "small", "text.3", wrap=True)
        self.address = {"haproxy": line("Runtime API", "127.0.0.1:9999"), "envoy": line("Admin interface", "http://127.0.0.1:9901")}
        self.cluster = ClusterForm(around)
        self._forms: dict[str, QWidget] = {
            "haproxy": Fields({"Runtime API": self.address["haproxy"]}),
            "envoy": Fields({"Admin interface": self.address["envoy"]}),
            "kubernetes": self.cluster,
        }
        for each in self.address.values():
            each.returnPressed.connect(self.look)
        self.looking = Looking(around, "Look around")
        self.looking.button.clicked.connect(self.look)
        self.route = QComboBox()
        self.route.setAccessibleName("Route")
        self.route.currentIndexChanged.connect(self._choose)
        self.sides = SidesTable()
        self.sides.changed.connect(self._take)
        self.reading = Looking(around, "Read it again")
        self.reading.button.clicked.connect(self._read)
        self.readings = Readings()
        self._notes = Label("", "small", "text.3", wrap=True)
        self._found = Found("")
        self.result = QWidget()
        fill(
            QVBoxLayout(self.result),
            [Fields({"Splits at": self.route}), self._notes, self.sides, self.readings, self.reading],
            8,
        )
        self.result.hide()
        for item in (self.kind, self._about, *self._forms.values(), self.looking, self.result):
            self.body.addWidget(item)
        self.body.addStretch(1)
        for key, button in self.kind.buttons.items():
            button.toggled.connect(lambda on, key=key: self._pick(key) if on else None)
        self.kind.choose("haproxy")

    def blocked(self) -> str:
        """Return what is missing."""
        if self.answers.route is None:
            return "Look around first, then choose where traffic splits."
        if self.answers.draft.traffic is None:
            single = "" if self.answers.route.kind == "haproxy" else " Exactly one each."
            return f"Put a part on each side.{single}"
        if not any(each.ok for each in self.readings.tried):
            return "It was not read yet, or could not be."
        return ""

    def look(self) -> None:
        """Look around in the router."""
        reach = self._reach()
        if reach is None or self.looking.busy:
            return
        self.answers.reach, self.answers.route = reach, None
        self._show_found(Found(""))
        self.looking.run(lambda desk, progress: desk.wizard.look(reach, progress), self._show_found)

    def _reach(self) -> Reach | None:
        kind = next(key for key, button in self.kind.buttons.items() if button.isChecked())
        if kind == "kubernetes":
            reach = self.cluster.reach()
            if not (reach.context and reach.namespace):
                self.looking.show_problem("Choose a context and a namespace first.")
                return None
            return reach
        address = self.address[kind].text().strip() or self.address[kind].placeholderText()
        if kind == "envoy" and "://" not in address:
            address = f"http://{address}"
        return Reach(kind, address=address)

    def _pick(self, kind: str) -> None:
        for key, form in self._forms.items():
            form.setVisible(key == kind)
        self._about.setText(_KIND_WORDS[kind])
        self.answers.route = None
        self._show_found(Found(""))
        if kind == "kubernetes":
            self.cluster.load()

    def _show_found(self, found: Found) -> None:
        self._found = found
        with QSignalBlocker(self.route):
            self.route.clear()
            for each in found.routes:
                self.route.addItem(f"{each.name}  ·  {each.detail}")
        self.result.setVisible(bool(found.routes))
        notes = " ".join(found.notes)
        self._notes.setText(notes)
        self._notes.setVisible(bool(notes))
        if found.system and not found.routes:
            nothing = f"{found.system} answers, but nothing in it splits traffic between two sides."
            self.looking.show_problem(f"{nothing} {notes} Choose another place, or configure a split there first.".replace("  ", " "))
        self._choose()

    def _choose(self) -> None:
        at = self.route.currentIndex()
        if not 0 <= at < len(self._found.routes):
            self.answers.route = None
            self._commit()
            return
        route = self._found.routes[at]
        self.sides.show_route(route, sides_of(route))
        self._take()

    def _take(self) -> None:
        at = self.route.currentIndex()
        self.answers.route = placed(self._found.routes[at], self.sides.sides())
        self.answers.draft = replace(self.answers.draft, sides=self.sides.names())
        self._commit()

    def _commit(self) -> None:
        """Make of the answers what the draft needs, and read it."""
        answers, route = self.answers, self.answers.route
        names = answers.draft.sides
        distinct = len(set(names)) == 2 and all(names)
        traffic = traffic_of(answers.reach, route, names) if route is not None and distinct else None
        if traffic == answers.draft.traffic and traffic is not None:
            return
        workloads = kube_workloads_of(answers.reach, route, names) if route is not None and answers.reach.kind == "kubernetes" else None
        answers.draft = replace(answers.draft, traffic=traffic, workloads=workloads, metrics=None, gates=(), stages=())
        self.readings.show_tried(())
        self.changed.emit()
        if traffic is not None:
            self._read()

    def _read(self) -> None:
        draft = self.answers.draft
        if draft.traffic is not None:
            self.reading.run(lambda desk, progress: desk.wizard.attempt(draft, ("traffic",), progress), self._was_read)

    def _was_read(self, tried: Sequence[Tried]) -> None:
        self.readings.show_tried(tried)
        self.changed.emit()
