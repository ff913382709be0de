"""The weights of one weighted service in the YAML text of Traefik's file provider: read, and changed with every other byte kept."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

DEPTH = ("http", "services")
_WHOLE = re.compile(r"[0-9]{1,9}")


class NotWeighted(ValueError):
    """The text does not hold the weighted service in a form that can be read and changed; the message says why."""


def read_weights(text: str, service: str) -> Mapping[str, int]:
    """Return the weights of a weighted service by the name of what it leads to; one that is not written counts 1, as Traefik has it."""
    return {name: 1 if weight is None else int(weight.value) for name, (_, weight) in _entries(text, service).items()}


def change_weights(text: str, service: str, wanted: Mapping[str, int]) -> str:
    """Return the text with other weights and nothing else changed: comments, order and spelling stay as they are."""
    entries = _entries(text, service)
    for name in wanted:
        if name not in entries:
            raise NotWeighted(f"its service {service} does not lead to {name}")
    for start, end, words in sorted((_splice(*entries[name], weight) for name, weight in wanted.items()), reverse=True):
        text = text[:start] + words + text[end:]
    if read_weights(text, service) != {name: wanted.get(name, weight) for name, weight in read_weights(text, service).items()}:
        raise NotWeighted("its weights cannot be changed one by one")
    return text


def _splice(entry: MappingNode, weight: ScalarNode | None, wanted: int) -> tuple[int, int, str]:
    """Return where in the text a weight stands, and what is to stand there; one that is not written goes before the entry's first key."""
    if weight is not None:
        return weight.start_mark.index, weight.end_mark.index, str(wanted)
    first = entry.value[0][0].start_mark
    between = ", " if entry.flow_style else "\n" + " " * first.column
    return first.index, first.index, f"weight: {wanted}{between}"


def _entries(text: str, service: str) -> Mapping[str, tuple[MappingNode, ScalarNode | None]]:
    """Return what a weighted service leads to, by name, with the place of its weight."""
    node = _root(text)
    for key in (*DEPTH, service, "weighted", "services"):
        node = _value(node, key)
    if not isinstance(node, SequenceNode) or not node.value:
        raise NotWeighted(f"its service {service} leads to nothing by weight")
    entries: dict[str, tuple[MappingNode, ScalarNode | None]] = {}
    for entry in _own(node, node.value):
        pairs = _pairs(entry)
        name, weight = pairs.get("name"), pairs.get("weight")
        if not isinstance(name, ScalarNode) or name.value in entries:
            raise NotWeighted(f"what its service {service} leads to has no name of its own")
        if weight is not None and not (isinstance(weight, ScalarNode) and weight.style is None and _WHOLE.fullmatch(weight.value)):
            raise NotWeighted(f"the weight of {name.value} is no whole number")
        _alone(weight)
        entries[name.value] = (entry, weight)
    return entries


def _root(text: str) -> Node:
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except (YAMLError, ValueError, RecursionError, AttributeError, IndexError, AssertionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise NotWeighted(f"it is no YAML{f' in line {mark.line + 1}' if mark else ''}") from None
    if not isinstance(node, MappingNode):
        raise NotWeighted("it holds no mapping")
    return node


def _value(node: Node, key: str) -> Node:
    value = _pairs(node).get(key)
    if value is None:
        raise NotWeighted(f"it has no {'.'.join((*DEPTH, key)) if key not in {*DEPTH, 'weighted'} else key}")
    _alone(value)
    return value


def _own(holder: Node, nodes: list[Any]) -> Iterator[MappingNode]:
    """Yield the mappings of a list; one that stands elsewhere and is only referred to would change there too."""
    for node in nodes:
        if not isinstance(node, MappingNode) or not holder.start_mark.index <= node.start_mark.index <= holder.end_mark.index:
            raise NotWeighted("its weights stand at an alias")
        _alone(node)
        yield node


def _alone(node: Node | None) -> None:
    if node is not None and node.anchor is not None:
        raise NotWeighted(f"the anchor &{node.anchor} stands at its weights, which others may refer to")


def _pairs(node: Node) -> Mapping[str, Node]:
    if not isinstance(node, MappingNode):
        raise NotWeighted("a mapping was expected")
    pairs = {key.value: value for key, value in node.value if isinstance(key, ScalarNode)}
    if len(pairs) != len(node.value):
        raise NotWeighted("a key stands twice in one mapping")
    return pairs
