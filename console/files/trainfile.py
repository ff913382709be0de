"""Train files: the services of one release with what each waits for, read and checked whole, with every mistake at once."""

from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

from console.files.problems import BadTargetFile, Path, dotted, nearest, shown
from console.files.problems import in_order as by_line
from console.files.yamltext import MAX_BYTES, Parsed, parse
from console.model.desk import FileProblem
from console.model.errors import BadFile
from console.model.train import Member, TrainPlan, Until
from console.policy.train import in_order, problems_of

_TOP = ("format", "name", "services")
_KEYS = ("target", "version", "after", "until")
_UNTIL = tuple(each.value for each in Until)


def load_train(path: FilePath) -> TrainPlan:
    """Return the train that a file describes. Raises BadFile with every mistake in it."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise BadFile(f"{path}: the train file cannot be read ({error}).", advice="Name a file that can be read.") from error
    return read_train(data, str(path))


def read_train(data: bytes, path: str) -> TrainPlan:
    """Return the train that a file's bytes describe, in an order that can be kept; `path` is where they came from. Raises BadFile."""
    reader = _Reader(parse(data))
    plan = reader.train()
    if reader.problems or plan is None:
        raise BadTargetFile(by_line(reader.problems, path))
    return plan


def train_of(services: Sequence[str], name: str) -> TrainPlan:
    """Return the train of `TARGET=VERSION` options, each of which waits for the one before it. Raises BadFile."""
    members: list[Member] = []
    for each in services:
        target, sign, version = each.partition("=")
        if not (target and sign and version):
            raise BadFile(
                f"--service {shown(each)} names no version.", advice="Write it as TARGET=VERSION, once for each service in order."
            )
        members.append(Member(target, version, (members[-1].target,) if members else ()))
    problems = problems_of(members)
    if problems:
        raise BadFile(" ".join(problems), advice="Name each target once.")
    return TrainPlan(name or f"{members[0].target} and {len(members) - 1} more", tuple(members))


class _Reader:
    """Reads the tree of a train file and gathers its mistakes."""

    def __init__(self, parsed: Parsed) -> None:
        self._parsed = parsed
        self.problems = list(parsed.problems)

    def train(self) -> TrainPlan | None:
        """Return the train, or None where it is none."""
        tree = self._parsed.tree
        if not isinstance(tree, dict):
            if not self.problems:
                self._add((), shown(tree), "a mapping with `name` and `services`")
            return None
        self._unknown(tree, (), _TOP)
        if tree.get("format", "1") != "1":
            self._add(("format",), shown(tree["format"]), "1")
        name = self._text(tree, (), "name")
        services = tree.get("services")
        if not isinstance(services, list) or not services:
            self._add(("services",), shown(services), "a list of services, each with `target` and `version`")
            return None
        members = [self._member(each, ("services", number)) for number, each in enumerate(services)]
        whole = [each for each in members if each is not None]
        if len(whole) == len(members):
            for problem in problems_of(whole):
                self._add(("services",), problem.rstrip("."), "an order that can be kept")
        return None if self.problems else TrainPlan(name, in_order(whole))

    def _member(self, tree: Any, place: Path) -> Member | None:
        if not isinstance(tree, dict):
            self._add(place, shown(tree), "a mapping with `target` and `version`")
            return None
        self._unknown(tree, place, _KEYS)
        target, version = self._text(tree, place, "target"), self._text(tree, place, "version")
        after = tree.get("after") or []
        if isinstance(after, str):
            after = [after]
        if not isinstance(after, list) or not all(isinstance(each, str) for each in after):
            self._add((*place, "after"), shown(after), "a list of targets of this file")
            after = []
        until = tree.get("until", Until.DONE.value)
        if until not in _UNTIL:
            self._add((*place, "until"), shown(until), " or ".join(_UNTIL), nearest(str(until), _UNTIL))
            until = Until.DONE.value
        return Member(target, version, tuple(after), Until(until)) if target and version else None

    def _text(self, tree: dict[str, Any], place: Path, key: str) -> str:
        value = tree.get(key)
        if isinstance(value, str) and value.strip():
            return value
        self._add((*place, key), shown(value), "a text: the key is required")
        return ""

    def _unknown(self, tree: dict[str, Any], place: Path, known: tuple[str, ...]) -> None:
        for key in tree:
            if key not in known:
                self._add((*place, key), f"the key {shown(key)}", "a known key", nearest(key, known))

    def _add(self, place: Path, found: str, wanted: str, meant: str = "") -> None:
        self.problems.append(FileProblem("", self._parsed.line(place), dotted(place), found, wanted, meant))
