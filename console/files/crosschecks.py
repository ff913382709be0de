"""Checks between parts of a target file; they read the plain tree, so that they speak although single values are wrong."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar
from zoneinfo import available_timezones

from console.files.backchecks import mistakes_in_the_way_back
from console.files.metricchecks import mistakes_in_metrics
from console.files.pipelinechecks import mistakes_in_the_pipeline
from console.files.problems import Mistake, Path, nearest, shown
from console.files.sections.database import mistakes_in_the_database
from console.files.sections.kubernetes import mistakes_on_kubernetes
from console.files.spelling import Misspelled, read_moment, read_number, read_share, read_time, read_weight
from console.policy.walltime import find_zone

T = TypeVar("T")
_BY_SIDE: tuple[Path, ...] = (
    ("traffic", "clusters"),
    ("traffic", "servers"),
    ("traffic", "services"),
    ("traffic", "groups"),
    ("traffic", "values"),
    ("traffic", "backends"),
    ("workloads", "urls"),
    ("workloads", "deployments"),
    ("metrics", "urls"),
    ("metrics", "sides"),
)


def mistakes_between(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield what does not fit together."""
    for check in (
        _sides,
        _unique_names,
        _gates_of_stages,
        _weights,
        mistakes_in_the_way_back,
        mistakes_in_the_database,
        _windows,
        _blackout,
        _panels,
        mistakes_in_metrics,
        _haproxy,
        _traefik,
        mistakes_in_the_pipeline,
        _alb,
        mistakes_on_kubernetes,
        _speed,
    ):
        yield from check(tree)


def _at(tree: object, path: Path) -> Any:
    """Return the value at a path, None where there is none."""
    for part in path:
        if isinstance(part, int) and isinstance(tree, list) and part < len(tree):
            tree = tree[part]
        elif isinstance(part, str) and isinstance(tree, dict):
            tree = tree.get(part)
        else:
            return None
    return tree


def _items(tree: Mapping[str, Any], path: Path) -> list[tuple[Path, Mapping[str, Any]]]:
    """Return the mappings in a list, with their paths."""
    found = _at(tree, path)
    if not isinstance(found, list):
        return []
    return [((*path, index), item) for index, item in enumerate(found) if isinstance(item, dict)]


def _words(tree: Mapping[str, Any], path: Path) -> list[str]:
    found = _at(tree, path)
    return [word for word in found if isinstance(word, str)] if isinstance(found, list) else []


def _read(read: Callable[[str], T], text: object) -> T | None:
    """Return a value, or None where its own check already complains."""
    if not isinstance(text, str):
        return None
    try:
        return read(text)
    except Misspelled:
        return None


def _sides(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    sides = _words(tree, ("sides",))
    if len(sides) != 2:
        return
    if sides[0] == sides[1]:
        yield Mistake(("sides", 1), shown(sides[1]), "two different sides")
    for path in _BY_SIDE:
        by_side = _at(tree, path)
        if not isinstance(by_side, dict):
            continue
        for key in by_side:
            if key not in sides:
                yield Mistake((*path, key), "the side " + shown(key), " or ".join(sides), nearest(key, sides))
        for side in sides:
            if side not in by_side:
                yield Mistake((*path, side), "nothing", f"a value for the side {side}")
        values = [value for value in by_side.values() if isinstance(value, str)]
        if len(values) == 2 and values[0] == values[1]:
            yield Mistake(path, "the same for both sides", "a value of its own for each side")


def _unique_names(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    for path in (
        ("gates",),
        ("panels",),
        ("pipeline", "stages"),
        ("freeze", "windows"),
        ("ready",),
        ("reconcilers",),
        ("notify",),
        ("dashboards",),
    ):
        seen: set[str] = set()
        for place, item in _items(tree, path):
            name = item.get("name")
            if not isinstance(name, str):
                continue
            if name.strip() in seen:
                yield Mistake((*place, "name"), f"{shown(name)} a second time", "a name of its own")
            seen.add(name.strip())


def _gates_of_stages(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    gates = [item["name"].strip() for _, item in _items(tree, ("gates",)) if isinstance(item.get("name"), str)]
    for place, _ in _items(tree, ("stages",)):
        seen: set[str] = set()
        for index, name in enumerate(_at(tree, (*place, "gates")) or []):
            if not isinstance(name, str):
                continue
            path = (*place, "gates", index)
            if name.strip() not in gates:
                yield Mistake(
                    path, shown(name), "the name of a gate" + (f": {', '.join(gates[:5])}" if gates else ""), nearest(name, gates)
                )
            elif name.strip() in seen:
                yield Mistake(path, f"{shown(name)} a second time", "each gate once")
            seen.add(name.strip())
    if gates and _at(tree, ("metrics",)) is None:
        yield Mistake(("gates",), "gates without metrics", "a `metrics` section that they are judged by")


def _weights(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    """Weights rise from stage to stage; only the bake, which comes last, may keep the weight before it."""
    before = 0
    stages = _items(tree, ("stages",))
    for number, (place, stage) in enumerate(stages):
        bakes = str(stage.get("bake")).lower() in {"true", "yes"}
        weight = _read(read_weight, stage.get("weight"))
        if bakes and number != len(stages) - 1:
            yield Mistake((*place, "bake"), "a bake before the last stage", "the bake as the last stage")
        if weight is None:
            continue
        if weight < before or (weight == before and not bakes):
            yield Mistake((*place, "weight"), f"{weight} %", f"more than the {before} % of the stage before")
        before = max(before, weight)


def _windows(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    for place, window in _items(tree, ("freeze", "windows")):
        zone = window.get("zone")
        if isinstance(zone, str) and find_zone(zone.strip()) is None:
            yield Mistake((*place, "zone"), shown(zone), "an IANA time zone such as Europe/Berlin", _nearest_zone(zone))
        yield from _window_span(place, window)


def _nearest_zone(zone: str) -> str:
    return nearest(zone, _all_zones())


@cache
def _all_zones() -> tuple[str, ...]:
    """Return every zone's name; it reads a folder, so only a mistake asks."""
    return tuple(sorted(available_timezones()))


def _window_span(place: Path, window: Mapping[str, Any]) -> Iterator[Mistake]:
    weekly = window.get("days") is not None
    read: Mapping[str, Callable[[str], Any]] = (
        {"from": read_time, "until": read_time}
        if weekly
        else {"from": lambda text: read_moment(text, end=False), "until": lambda text: read_moment(text, end=True)}
    )
    values = []
    for key, reader in read.items():
        text = window.get(key)
        if not isinstance(text, str):
            continue
        try:
            values.append(reader(text))
        except Misspelled as error:
            yield Mistake((*place, key), shown(text), error.wanted)
    if weekly or len(values) != 2:
        return
    start, end = values
    if end <= start:
        yield Mistake((*place, "until"), shown(window["until"]), "a moment after `from`")
    for key, moment in (("from", start), ("until", end)):
        if not 2000 <= moment.year < 2200:
            yield Mistake((*place, key), shown(window[key]), "a year from 2000 to 2199")


def _blackout(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    path: Path = ("freeze", "blackout")
    if not isinstance(_at(tree, path), dict):
        return
    close_at = _read(read_share, _at(tree, (*path, "close_at")) or "80 %")
    open_at = _read(read_share, _at(tree, (*path, "open_at")) or "70 %")
    if close_at is not None and open_at is not None and open_at > close_at:
        yield Mistake((*path, "open_at"), f"{open_at:.0%}", f"at most the {close_at:.0%} of `close_at`")
    if _at(tree, ("metrics",)) is None:
        yield Mistake(path, "a blackout without metrics", "a `metrics` section that the traffic is read from")


def _panels(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    panels = _items(tree, ("panels",))
    for place, panel in panels:
        whole = panel.get("denominator")
        if panel.get("kind") == "share" and whole is None:
            yield Mistake((*place, "denominator"), "nothing", "the counter of the whole")
        if panel.get("kind") in {"rate", "quantile"} and whole is not None:
            yield Mistake((*place, "denominator"), shown(whole), f"nothing: a {panel['kind']} has no whole")
    if panels and _at(tree, ("metrics",)) is None:
        yield Mistake(("panels",), "panels without metrics", "a `metrics` section that they are read from")


def _haproxy(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    address = _at(tree, ("traffic", "address"))
    if isinstance(address, str) and not _is_socket(address.strip()):
        yield Mistake(("traffic", "address"), shown(address), "unix:PATH or HOST:PORT")
    by_side = _at(tree, ("traffic", "servers"))
    if not isinstance(by_side, dict):
        return
    seen: dict[str, str] = {}
    for side, servers in by_side.items():
        for index, server in enumerate(servers if isinstance(servers, list) else []):
            if isinstance(server, str) and seen.setdefault(server.strip(), f"{side}{index}") != f"{side}{index}":
                yield Mistake(("traffic", "servers", side, index), f"{shown(server)} a second time", "each server on one side, once")


def _traefik(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    if _at(tree, ("traffic", "provider")) != "traefik":
        return
    file, service = _at(tree, ("traffic", "file")), _at(tree, ("traffic", "service"))
    if isinstance(file, str) and not file.strip().lower().endswith((".yaml", ".yml")):
        yield Mistake(("traffic", "file"), shown(file), "a .yaml or .yml file: no other kind can be changed with its comments kept")
    if _at(tree, ("traffic", "user")) is not None and _at(tree, ("traffic", "token")) is None:
        yield Mistake(("traffic", "token"), "nothing", "where the password of the user is found")
    if isinstance(service, str) and "@" in service:
        yield Mistake(("traffic", "service"), shown(service), "the name as it stands in the file, without a provider")


def _alb(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    if _at(tree, ("traffic", "provider")) != "alb":
        return
    rule, groups = _at(tree, ("traffic", "rule")), _at(tree, ("traffic", "groups"))
    rule_parts = _arn(rule, ("listener-rule/app/", "listener/app/"))
    if isinstance(rule, str) and not rule_parts:
        yield Mistake(("traffic", "rule"), shown(rule), "the ARN of an Application Load Balancer's listener-rule or listener")
    for side, group in (groups if isinstance(groups, dict) else {}).items():
        parts = _arn(group, ("targetgroup/",))
        if isinstance(group, str) and not parts:
            yield Mistake(("traffic", "groups", side), shown(group), "the ARN of a target group")
        elif rule_parts and parts and parts[:5] != rule_parts[:5]:
            yield Mistake(("traffic", "groups", side), shown(group), "a target group of the rule's own region and account")


def _arn(text: object, kinds: tuple[str, ...]) -> list[str]:
    """Return the parts of a load balancer's ARN, none where it is no such ARN."""
    parts = text.strip().split(":") if isinstance(text, str) else []
    good = len(parts) == 6 and parts[0] == "arn" and parts[2] == "elasticloadbalancing" and all(parts[3:5]) and parts[5].startswith(kinds)
    return parts if good else []


def _is_socket(address: str) -> bool:
    if address.startswith("unix:"):
        return len(address) > len("unix:")
    host, _, port = address.rpartition(":")
    return bool(host) and port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536


def _speed(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    speed = _read(read_number, tree.get("speed"))
    if speed not in {None, 1.0} and tree.get("environment") != "practice":
        yield Mistake(("speed",), shown(tree["speed"]), "1: only the practice shop's time runs faster")
