"""Target files: read and checked whole, with every mistake at once."""

import hashlib
import re
from collections.abc import Mapping
from copy import deepcopy
from itertools import islice
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from console.files.build import build
from console.files.crosschecks import mistakes_between
from console.files.fields import Section
from console.files.problems import BadTargetFile, Mistake, Path, dotted, in_order, nearest, shown
from console.files.shapes import TargetFile
from console.files.yamltext import MAX_BYTES, Parsed, parse
from console.model.desk import FileProblem
from console.model.target import Target

MOST = 200
"""More mistakes than this are not told: nobody reads them, and a hostile file shall not keep us busy."""
_QUOTED = re.compile(r"'([^']*)'")
_WANTED = {
    "missing": "a value: the key is required",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "string_type": "a text",
    "extra_forbidden": "a known key",
}


def load_target(path: FilePath) -> Target:
    """Return the target that a file describes. Raises BadTargetFile (a BadFile) with every mistake in it."""
    data, problem = _read(path)
    if problem is not None:
        raise BadTargetFile([problem])
    return read_target(data, str(path))


def check_target(path: FilePath) -> list[FileProblem]:
    """Return every mistake in a target file, by line; empty when it is good."""
    try:
        load_target(path)
    except BadTargetFile as error:
        return list(error.problems)
    return []


def read_target(data: bytes, path: str) -> Target:
    """Return the target that a file's bytes describe; `path` is where they came from. Raises BadTargetFile."""
    parsed = parse(data)
    problems = list(parsed.problems)
    file: TargetFile | None = None
    if isinstance(parsed.tree, dict):
        file, mistakes = _validated(parsed.tree)
        problems += [_placed(mistake, parsed) for mistake in (*mistakes, *islice(mistakes_between(parsed.tree), MOST))]
    elif not problems:
        problems.append(FileProblem(path, 1, "", shown(parsed.tree), "a mapping that describes a target, beginning with `format: 1`"))
    if problems or file is None:
        raise BadTargetFile(in_order(problems, path)[:MOST])
    return build(file, path, hashlib.sha256(data).hexdigest())


def _validated(tree: dict[str, Any]) -> tuple[TargetFile | None, list[Mistake]]:
    """Return the file that a tree holds, or its mistakes. A section of an unknown kind is checked as the nearest known kind."""
    context: dict[int, type[Section]] = {}
    try:
        return TargetFile.model_validate(tree, context=context), []
    except ValidationError as error:
        details = error.errors(include_url=False)[:MOST]
    mistakes = [_mistake(detail, tree, context) for detail in details]
    kinds = [
        mistake for mistake, detail in zip(mistakes, details, strict=True) if detail["type"] == "union_tag_invalid" and mistake.nearest
    ]
    if kinds:
        mended = deepcopy(tree)
        for kind in kinds:
            _holder(mended, kind.path)[kind.path[-1]] = kind.nearest
        mistakes = [*kinds, *_validated(mended)[1]]
    return None, mistakes


def _holder(tree: Any, path: Path) -> Any:
    for part in path[:-1]:
        tree = tree[part]
    return tree


def _read(path: FilePath) -> tuple[bytes, FileProblem | None]:
    """Return a file's bytes, at most one more than the limit, or why it cannot be read."""
    wanted = "a target file that can be read"
    try:
        if not path.is_file():
            return b"", FileProblem(str(path), 0, "", "no file" if not path.exists() else "something that is no file", wanted)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1), None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return b"", FileProblem(str(path), 0, "", shown(reason.lower()), wanted)


def _placed(mistake: Mistake, parsed: Parsed) -> FileProblem:
    return FileProblem("", parsed.line(mistake.path), dotted(mistake.path), mistake.found, mistake.wanted, mistake.nearest)


def _mistake(detail: ErrorDetails, tree: Mapping[str, Any], context: Mapping[int, type[Section]]) -> Mistake:
    """Return one of pydantic's errors in our words."""
    kind, given = detail["type"], detail.get("ctx", {})
    path, parent = _file_path(detail["loc"], tree)
    value = shown(detail["input"])
    if kind == "extra_forbidden":
        section = context.get(id(parent))
        keys = section.keys() if section else ()
        return Mistake(path, f"the key {shown(path[-1])}", "a known key", nearest(str(path[-1]), keys))
    if kind == "missing":
        return Mistake(path, "nothing", _WANTED[kind])
    if kind == "wanted":
        return Mistake(path, "***" if given["hide"] else value, given["wanted"])
    if kind in {"literal_error", "union_tag_invalid", "union_tag_not_found"}:
        return _choice(kind, path, detail, given)
    if kind in {"too_short", "too_long"}:
        return Mistake(path, f"{given['actual_length']} values", _length(kind, given))
    return Mistake(path, value, _WANTED.get(kind, shown(detail["msg"], 200)))


def _choice(kind: str, path: Path, detail: ErrorDetails, given: Mapping[str, Any]) -> Mistake:
    """Return the mistake of a word that is none of those known; a union's word stands at its own key."""
    if kind == "union_tag_not_found":
        key = str(given["discriminator"]).strip("'")
        return Mistake((*path, key), "nothing", _WANTED["missing"])
    if kind == "union_tag_invalid":
        key = str(given["discriminator"]).strip("'")
        known = _QUOTED.findall(str(given["expected_tags"]))
        word = str(given["tag"])
        return Mistake((*path, key), shown(word), " or ".join(known), nearest(word, known))
    known = _QUOTED.findall(str(given["expected"]))
    word = detail["input"]
    return Mistake(path, shown(word), " or ".join(known), nearest(word, known) if isinstance(word, str) else "")


def _length(kind: str, given: Mapping[str, Any]) -> str:
    return f"at least {given['min_length']}" if kind == "too_short" else f"at most {given['max_length']}"


def _file_path(loc: tuple[int | str, ...], tree: Any) -> tuple[Path, Any]:
    """Return where an error stands in the file, and the mapping or list that holds the place.

    A union's tag and the marks of a mapping's keys stand in pydantic's path and not in the file: they are left out.
    """
    path: list[int | str] = []
    holder, value = None, tree
    for number, part in enumerate(loc):
        last = number == len(loc) - 1
        inside = (isinstance(value, dict) and part in value) or (isinstance(value, list) and isinstance(part, int) and part < len(value))
        if not inside and not (last and isinstance(value, dict) and part != "[key]"):
            continue
        path.append(part)
        holder, value = value, value[part] if inside else None
    return tuple(path), holder
