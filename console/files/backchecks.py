"""Checks between the steps of the way back in a target file; they read the plain tree, so that they speak although values are wrong."""

from collections.abc import Iterator, Mapping
from typing import Any

from console.files.problems import Mistake, Path, nearest, shown
from console.files.sections.argocd import either, mistakes_on_argocd

WORDS = ("traffic", "flag")


def mistakes_in_the_way_back(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield what does not fit together in `rollback`, `ready` and `reconcilers`."""
    entries = tree.get("rollback")
    if isinstance(entries, list):
        yield from _order(entries)
        yield from _names(entries)
        yield from _after(entries, has_flag=isinstance(tree.get("flag"), dict) and "flag" in entries)
        stages = tree.get("stages")
        for index, entry in enumerate(entries):
            if isinstance(entry, dict):
                yield from _step(("rollback", index), entry)
                yield from _stage(("rollback", index), entry, len(stages) if isinstance(stages, list) else 0)
    yield from _ready(tree.get("ready"))
    yield from _reconcilers(tree.get("reconcilers"))
    yield from mistakes_on_argocd(tree)


def _order(entries: list[Any]) -> Iterator[Mistake]:
    """Traffic stands first: it is what takes customers off the canary, and nothing may come before it."""
    first = entries[0] if entries else "traffic"
    if first != "traffic":
        found = shown(first.get("name", "a step") if isinstance(first, dict) else first)
        yield Mistake(("rollback", 0), found, "traffic first: it is what takes customers off the canary")
    for index, entry in enumerate(entries):
        if isinstance(entry, str) and entry in entries[:index]:
            yield Mistake(("rollback", index), f"{shown(entry)} a second time", "each step once")


def _named(entries: list[Any]) -> dict[str, int]:
    """Return where each declared step stands, by name."""
    found: dict[str, int] = {}
    for index, entry in enumerate(entries):
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            found.setdefault(entry["name"].strip(), index)
    return found


def _names(entries: list[Any]) -> Iterator[Mistake]:
    first = _named(entries)
    for index, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            continue
        if name.strip() in WORDS:
            yield Mistake(("rollback", index, "name"), shown(name), "another name: traffic and flag are steps of their own")
        elif first[name.strip()] != index:
            yield Mistake(("rollback", index, "name"), f"{shown(name)} a second time", "a name of its own")


def _after(entries: list[Any], *, has_flag: bool) -> Iterator[Mistake]:
    named = _named(entries)
    known = [word for word in WORDS if word in entries and (word != "flag" or has_flag)] + list(named)
    edges: dict[str, list[str]] = {}
    for name, index in named.items():
        before = entries[index].get("after", ["traffic"])
        edges[name] = []
        for number, other in enumerate(before if isinstance(before, list) else []):
            if not isinstance(other, str):
                continue
            if other.strip() not in known:
                wanted = "a step of this way back" + (f": {', '.join(known[:6])}" if known else "")
                yield Mistake(("rollback", index, "after", number), shown(other), wanted, nearest(other, known))
            elif other.strip() in named:
                edges[name].append(other.strip())
    circle = _circle(edges)
    if circle:
        words = " after ".join(circle)
        yield Mistake(("rollback", named[circle[0]], "after"), f"a circle: {shown(words)}", "steps that do not wait for each other")


def _circle(edges: Mapping[str, list[str]]) -> list[str]:
    """Return steps that wait for each other, the first one again at the end; empty when there are none."""
    done: set[str] = set()
    for start in edges:
        path: list[str] = []
        left = [(start, iter(edges[start]))] if start not in done else []
        path += [start] if left else []
        while left:
            rest = left[-1][1]
            other = next(rest, None)
            if other is None:
                left.pop()
                done.add(path.pop())
            elif other in path:
                return [*path[path.index(other) :], other]
            elif other not in done:
                path.append(other)
                left.append((other, iter(edges.get(other, []))))
    return []


def _step(place: Path, entry: Mapping[str, Any]) -> Iterator[Mistake]:
    if entry.get("kind") == "manual":
        yield from _manual(place, entry)
        return
    if entry.get("migration") is not None:
        yield from _losses(place, entry)
        return
    one_way = entry.get("class") == "one-way"
    if entry.get("argocd") is not None:
        yield from either(place, entry, ("run", "check"))
        yield from _losses(place, entry)
        return
    for key in ("check",) if one_way else ("run", "check"):
        if entry.get(key) is None:
            yield Mistake((*place, key), "nothing", "an address or a command; only a manual step has none")
    yield from _same_kind(place, entry)
    yield from _losses(place, entry)


def _stage(place: Path, entry: Mapping[str, Any], stages: int) -> Iterator[Mistake]:
    """A step that a later stage brings names one that there is, and can be asked whether it is needed."""
    found = entry.get("from_stage")
    if found is None:
        return
    if entry.get("kind") == "manual":
        yield Mistake((*place, "from_stage"), shown(found), "nothing: a manual step has no check that tells whether it is needed yet")
    elif isinstance(found, str) and found.strip().isdecimal() and not 1 <= int(found) <= stages:
        yield Mistake((*place, "from_stage"), shown(found), f"a stage of this file, from 1 to {stages}" if stages else "nothing: no stages")


def _ready(found: Any) -> Iterator[Mistake]:
    for index, entry in enumerate(found if isinstance(found, list) else []):
        if isinstance(entry, dict) and entry.get("then") is not None and str(entry.get("closes", "no")).strip() in ("yes", "true"):
            yield Mistake(("ready", index, "then"), shown(entry["then"]), "nothing: `closes` says that without it there is no way back")


def _manual(place: Path, entry: Mapping[str, Any]) -> Iterator[Mistake]:
    for key in ("run", "check", "argocd", "migration", "snapshot"):
        if entry.get(key) is not None:
            yield Mistake((*place, key), "a value", "nothing: a manual step is done by a person, who signs it")
    if entry.get("instructions") is None:
        yield Mistake((*place, "instructions"), "nothing", "what the person has to do")
    if entry.get("class") not in (None, "free"):
        yield Mistake((*place, "class"), shown(entry["class"]), "free: a person decides about a manual step")


def _same_kind(place: Path, entry: Mapping[str, Any]) -> Iterator[Mistake]:
    run, check = entry.get("run"), entry.get("check")
    if run is None or check is None or isinstance(run, str) == isinstance(check, str):
        return
    yield Mistake(
        (*place, "check"), "an address" if isinstance(check, str) else "a command", "the same kind as `run`: two addresses or two commands"
    )


def _losses(place: Path, entry: Mapping[str, Any]) -> Iterator[Mistake]:
    """A step that costs something says what; a lossy one has a snapshot, or says that a person signs for having none."""
    kind, signed = entry.get("class", "free"), entry.get("no_way_back") is not None
    if kind in ("lossy", "one-way") and entry.get("loses") is None:
        yield Mistake((*place, "loses"), "nothing", f"what would be lost, since the step is {kind}")
    if kind == "lossy" and entry.get("snapshot") is None and not signed:
        yield Mistake((*place, "snapshot"), "nothing", "a snapshot, or `no_way_back: signed`")
    if signed and (kind != "lossy" or entry.get("snapshot") is not None):
        yield Mistake((*place, "no_way_back"), "signed", "nothing: only a lossy step without a snapshot is signed")
    if kind != "lossy" and entry.get("snapshot") is not None:
        yield Mistake((*place, "snapshot"), "a snapshot", "nothing: only a lossy step is restored from one")


def _reconcilers(found: Any) -> Iterator[Mistake]:
    for index, entry in enumerate(found if isinstance(found, list) else []):
        if not isinstance(entry, dict):
            continue
        kinds = set()
        for part in ("pause", "resume"):
            section = entry.get(part)
            if isinstance(section, dict):
                yield from _same_kind(("reconcilers", index, part), section)
                kinds.add(isinstance(section.get("run"), str))
        if len(kinds) == 2:
            yield Mistake(("reconcilers", index, "resume"), "the other kind", "addresses for both, or commands for both")
