"""Checks within the `pipeline` section that no single value shows."""

from collections.abc import Iterator, Mapping
from typing import Any

from console.files.problems import Mistake, Path, shown

_SECTION: Path = ("pipeline",)
_NAMED = {
    "buildbot": ("version_parameter", "key_parameter", "parameters"),
    "github": ("version_input", "key_input", "inputs"),
    "jenkins": ("version_parameter", "key_parameter", "parameters"),
    "gitlab": ("version_variable", "key_variable", "variables"),
}
"""By provider: the key that names what the version goes to, what our key goes to, and the mapping of what else there is."""

_USUAL = {
    "buildbot": ("version", "release_key"),
    "github": ("version", "release_key"),
    "gitlab": ("RELEASE_VERSION", "RELEASE_KEY"),
    "jenkins": ("VERSION", "RELEASE_KEY"),
}


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
    provider = section.get("provider")
    if isinstance(provider, str) and provider in _NAMED:
        yield from _parameters(section, *_NAMED[provider])


def _parameters(section: Mapping[str, Any], version: str, key: str, rest: str) -> Iterator[Mistake]:
    usual = _USUAL[section["provider"]]
    taken = str(section.get(version, usual[0])).strip(), str(section.get(key, usual[1])).strip()
    if taken[0] == taken[1]:
        yield Mistake((*_SECTION, key), shown(taken[1]), "another name than the version's")
    more = section.get(rest)
    for name in more if isinstance(more, dict) else ():
        if isinstance(name, str) and name.strip() in taken:
            yield Mistake((*_SECTION, rest, name), "a value for " + shown(name), "nothing: this console gives it")
