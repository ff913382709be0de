"""Checks within the `pipeline` section that no single value shows."""

from collections.abc import Iterator, Mapping
from typing import Any

from console.files.problems import Mistake, Path, shown

_SECTION: Path = ("pipeline",)
_NAMED = ("version_parameter", "key_parameter")
_USUAL = {"version_parameter": "version", "key_parameter": "release_key"}


def mistakes_in_the_pipeline(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield logins without a password, and parameters that would get two values."""
    section = tree.get("pipeline")
    if not isinstance(section, dict) or section.get("provider") == "command":
        return
    user = section.get("user")
    if isinstance(user, str) and (":" in user or not user.isascii()):
        yield Mistake((*_SECTION, "user"), shown(user), "a user's name in plain letters, without a colon")
    if user is not None and section.get("token") is None:
        yield Mistake((*_SECTION, "token"), "nothing", "where the password or token of the user is found")
    yield from _parameters(section)


def _parameters(section: Mapping[str, Any]) -> Iterator[Mistake]:
    taken = {key: str(section.get(key, _USUAL[key])).strip() for key in _NAMED}
    if taken["version_parameter"] == taken["key_parameter"]:
        yield Mistake((*_SECTION, "key_parameter"), shown(taken["key_parameter"]), "another parameter than the version's")
    more = section.get("parameters")
    for name in more if isinstance(more, dict) else ():
        if isinstance(name, str) and name.strip() in taken.values():
            yield Mistake((*_SECTION, "parameters", name), "a value for " + shown(name), "nothing: this console gives it")
