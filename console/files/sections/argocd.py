"""An Argo CD application in the way back: as a step, as a check of readiness, or as what would bring a version back by itself."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from console.files.fields import Section, Text, Url, YesNo, usual
from console.files.problems import Mistake, Path
from console.files.sections.spelled import given
from console.model.systems import ArgoCdUndo, SecretRef


class ArgoCdSection(Section):
    """An Argo CD application."""

    url: Url
    """Argo CD's address, without /api."""
    application: Text
    project: Text | None = None
    """Needed where Argo CD asks for it."""
    namespace: Text | None = None
    """The application's namespace, where it is not Argo CD's own."""


class ArgoCdStepSection(ArgoCdSection):
    """What is done with an Argo CD application."""

    do: Literal["rollback", "sync"]
    """`rollback` to the newest earlier revision in its history, with auto-sync paused; `sync` to what Git holds."""
    prune: YesNo = usual(False, "false")
    """Let it remove what the revision no longer names."""


def argocd_of(section: ArgoCdSection, action: str, timeout_s: float, token: SecretRef | None) -> ArgoCdUndo:
    """Return one action on an application."""
    prune = isinstance(section, ArgoCdStepSection) and section.prune
    return ArgoCdUndo(section.url, section.application, action, section.project or "", section.namespace or "", prune, timeout_s, token)


def written_argocd(spec: ArgoCdUndo) -> dict[str, Any]:
    """Return an application as the file spells it."""
    step = {"do": spec.action, "prune": spec.prune} if spec.action in {"rollback", "sync"} else {}
    where = {"url": spec.url, "application": spec.application, "project": spec.project or None, "namespace": spec.namespace or None}
    return given({**where, **step})


def mistakes_on_argocd(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield where an application and another way stand together, and where there is neither."""
    for part, keys in (("ready", ("check",)), ("reconcilers", ("pause", "resume"))):
        entries = tree.get(part)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, dict):
                yield from either((part, index), entry, keys)


def either(place: Path, entry: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[Mistake]:
    """Yield the mistakes of an entry that has an application or these keys, and not both."""
    for key in keys:
        if entry.get("argocd") is not None and entry.get(key) is not None:
            yield Mistake((*place, key), "a value", "nothing beside `argocd`, which does it")
        elif entry.get("argocd") is None and entry.get(key) is None:
            yield Mistake((*place, key), "nothing", "an address or a command; or an Argo CD application as `argocd`")
