"""Puts the answers of a drafted target into the text of a file that is there: only what differs is touched, every other line stays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from console.files.problems import BadTargetFile
from console.files.targetfile import read_target
from console.files.write import write_target
from console.model.errors import BadFile
from console.model.target import Target

ANSWERED = ("name", "title", "environment", "owner", "sides", "traffic", "workloads", "metrics", "pipeline", "flag", "gates", "stages")
"""The sections that a draft answers, in the order of a file; everything else stays."""

_OF_THE_BYTES = frozenset({"path", "digest", "commands", "freezes"})
"""What depends on the file's place and bytes, and windows, whose ids hold the target's name."""

_KEY = re.compile(r"([A-Za-z_]+)[ \t]*:")
_SCALAR = re.compile(r"([A-Za-z_]+[ \t]*:[ \t]*)(\"[^\"]*\"|'[^']*'|[^#\n]*?)([ \t]+#.*)?")


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines of a file: those of one key, or (with no key) blank lines and comments between keys."""

    key: str
    lines: tuple[str, ...]


def merged(text: str, target: Target, path: Path) -> str:
    """Return a file's text with what a draft answers in it. Raises BadFile where it is no target file, or cannot be changed so."""
    there = _target(text, path)
    new = {block.key: block for block in _blocks(write_target(target)) if block.key}
    blocks = _blocks(text)
    for key in ANSWERED:
        if getattr(there, key) != getattr(target, key):
            blocks = _with(blocks, key, new.get(key))
    result = "\n".join(line for block in blocks for line in block.lines) + "\n"
    if not _as_wanted(result, there, target, path):
        raise BadFile(
            f"{path} is written in a way that cannot be changed without touching the rest of it.",
            means="Nothing was written.",
            advice="Choose another name for the file, and move over by hand what you need.",
        )
    return result


def _target(text: str, path: Path) -> Target:
    try:
        return read_target(text.encode(), str(path))
    except BadTargetFile as error:
        raise BadFile(
            f"{path} is there already, and it is no target file that can be read.",
            means="Nothing was written.",
            advice="Mend it first, or choose another name or folder.",
        ) from error


def _as_wanted(text: str, there: Target, target: Target, path: Path) -> bool:
    """Tell whether a text says what the draft answers, and of everything else what was there. Raises BadFile where both cannot be."""
    try:
        found = read_target(text.encode(), str(path))
    except BadTargetFile as error:
        raise BadFile(
            f"With these answers {error.message}",
            means="Nothing was written.",
            advice=f"Answer otherwise, or change in {path} what speaks against it, first.",
        ) from error
    return all(
        getattr(found, each.name) == getattr(target if each.name in ANSWERED else there, each.name)
        for each in fields(Target)
        if each.name not in _OF_THE_BYTES
    ) and len(found.freezes) == len(there.freezes)


def _blocks(text: str) -> list[_Block]:
    blocks: list[tuple[str, list[str]]] = [("", [])]
    waiting: list[str] = []
    for line in text.splitlines():
        key = _KEY.match(line)
        if key is not None:
            blocks += [("", waiting), (key[1], [line])]
            waiting = []
        elif blocks[-1][0] and (not line.strip() or line.startswith("#")):
            waiting.append(line)  # of the next key, unless this one goes on
        else:
            blocks[-1][1].extend((*waiting, line))
            waiting = []
    blocks.append(("", waiting))
    return [_Block(key, tuple(lines)) for key, lines in blocks if lines]


def _with(blocks: Sequence[_Block], key: str, new: _Block | None) -> list[_Block]:
    """Return a file's blocks with one key as it is to be, None to leave it out."""
    at = next((number for number, block in enumerate(blocks) if block.key == key), None)
    if at is None:
        return list(blocks) if new is None else _inserted(blocks, key, new)
    changed = [] if new is None else [_changed(blocks[at], new)]
    return [*blocks[:at], *changed, *blocks[at + 1 :]]


def _inserted(blocks: Sequence[_Block], key: str, new: _Block) -> list[_Block]:
    """Put a key behind the nearest one that comes before it in a file."""
    before = ("format", *ANSWERED[: ANSWERED.index(key)])
    at = max((number for number, block in enumerate(blocks) if block.key in before), default=-1)
    return [*blocks[: at + 1], new, *blocks[at + 1 :]]


def _changed(old: _Block, new: _Block) -> _Block:
    if len(old.lines) == len(new.lines) == 1:
        scalar = _SCALAR.fullmatch(old.lines[0])
        value = new.lines[0].partition(":")[2].strip()
        return _Block(old.key, (f"{scalar[1]}{value}{scalar[3] or ''}",)) if scalar is not None else new
    yaml = YAML(pure=True)
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    if len(old.lines) > 1 and any(re.match(r" +- ", line) for line in old.lines[1:]):
        yaml.indent(mapping=2, sequence=4, offset=2)
    there, wanted = yaml.load("\n".join(old.lines)), yaml.load("\n".join(new.lines))
    _graft(there, wanted)
    text = StringIO()
    yaml.dump(there, text)
    return _Block(old.key, tuple(text.getvalue().rstrip("\n").splitlines()))


def _graft(there: Any, new: Any) -> None:
    """Make a mapping or list say what another says, touching only what differs."""
    if isinstance(there, dict):
        for key in [each for each in there if each not in new]:
            del there[key]
    else:
        del there[len(new) :]
    for key, value in new.items() if isinstance(new, Mapping) else enumerate(new):
        known = key in there if isinstance(there, dict) else key < len(there)
        old = there[key] if known else None
        if _both(old, value, dict) or _both(old, value, list):
            _graft(old, value)
        elif not known and isinstance(there, list):
            there.append(value)
        elif str(old) != str(value):
            there[key] = value


def _both(one: object, other: object, kind: type) -> bool:
    return isinstance(one, kind) and isinstance(other, kind)
