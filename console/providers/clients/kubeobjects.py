"""What Kubernetes objects say about themselves and about who changed them, and writes that overwrite nobody."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from console.model.errors import Refused
from console.model.text import clean
from console.providers.clients.kubernetes import MANAGER, PODS, KubeClient, Object
from console.providers.clients.strict import field

_TRIES = 5
_SHOWN = 5


def uid(found: Object, system: str) -> str:
    """Return what tells an object from all others that ever had its name."""
    return clean(field(field(found, "metadata", dict, system), "uid", str, system), 80)


def part(found: Object, *names: str) -> Mapping[str, Any]:
    """Return an inner object, an empty one where it is missing."""
    here: Any = found
    for name in names:
        here = here.get(name) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else {}


def objects(found: Object, *names: str) -> list[Mapping[str, Any]]:
    """Return the objects in an inner list, an empty list where it is missing."""
    here = part(found, *names[:-1]).get(names[-1])
    return [each for each in here if isinstance(each, dict)] if isinstance(here, list) else []


def number(found: Mapping[str, Any], key: str, usual: int = 0) -> int:
    """Return a whole number, the usual one where it is missing or none."""
    value = found.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else usual


async def no_ready_pod(kube: KubeClient, namespace: str, labels: Mapping[str, Any], side: str, timeout_s: float) -> list[str]:
    """Return, in words, that no pod with these labels would take a side's traffic; nothing where one would, or where we may not look."""
    asked = ",".join(f"{key}={value}" for key, value in labels.items())
    try:
        pods = await kube.get(PODS.path(namespace), timeout_s, labelSelector=asked, limit="50")
    except Refused as refused:
        if refused.status != 403:
            raise
        return []
    if any(_is_ready(pod) for pod in objects(pods, "items")):
        return []
    return [f"No pod of {clean(side, 40)} is ready ({clean(asked, 120)}): its traffic would be refused."]


def _is_ready(pod: Object) -> bool:
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in objects(pod, "status", "conditions"))


class Seen:
    """An object as it was read last: by the task that asks, or else by any.

    A step reads, compares with its precondition and writes, all in one task, while a poll reads beside it. The write must be compared with
    what the step read: with the poll's newer reading it would overwrite a change that no precondition was held against.
    """

    def __init__(self) -> None:
        self._by: WeakKeyDictionary[asyncio.Task[Any], Object] = WeakKeyDictionary()
        self._last: Object | None = None

    def note(self, found: Object) -> Object:
        """Keep a reading."""
        self._last = found
        task = asyncio.current_task()
        if task is not None:
            self._by[task] = found
        return found

    def latest(self) -> Object | None:
        """Return the reading that a write of this task is held against; None where nothing was read yet."""
        task = asyncio.current_task()
        return (self._by.get(task) if task is not None else None) or self._last


class Document:
    """One object in a cluster, read and written by compare-and-set on its resourceVersion; `what` is how messages name it."""

    def __init__(self, kube: KubeClient, path: str, what: str, timeout_s: float) -> None:
        self._kube = kube
        self._path = path
        self._timeout_s = timeout_s
        self._seen = Seen()
        self.what = f"{what} in {kube.system}"

    async def read(self) -> Object:
        """Return the object as it is now, which is what the next write is compared with."""
        return self._seen.note(await self._kube.get(self._path, self._timeout_s))

    async def write(self, change: Callable[[Object], Object | None], *, backward: bool) -> None:
        """Merge what `change` makes of the object into it; None means that it is already as wanted.

        Somebody else's change of its spec since the last reading is a conflict: Refused with status 409, saying who, when and what;
        nothing is overwritten. A write that goes `backward` is made again on top of that change, for going back is never blocked.
        """
        base = self._seen.latest() or await self.read()
        for _ in range(_TRIES):
            merged = change(base)
            if merged is None:
                return
            version = field(field(base, "metadata", dict, self.what), "resourceVersion", str, self.what)
            guarded = {**merged, "metadata": {**part(merged, "metadata"), "resourceVersion": version}}
            try:
                self._seen.note(await self._kube.patch(self._path, guarded, self._timeout_s))
            except Refused as refused:
                if refused.status != 409:
                    raise
                now = await self.read()
                if not backward and change(now) is not None and now.get("spec") != base.get("spec"):
                    raise conflict(self.what, base, now) from None
                base = now
            else:
                return
        raise Refused(
            f"{self.what} was changed by somebody else each of {_TRIES} times that it was written.",
            status=409,
            means="Nothing was overwritten.",
            advice="Look what writes it all the time, and stop that.",
        )


def conflict(what: str, before: Object, now: Object) -> Refused:
    """Return the error for a write that was compared with a state that is over: who changed it, when, and what."""
    changed = list(differences(before.get("spec"), now.get("spec"), "spec"))
    shown = "; ".join(f"{path} from {_value(old)} to {_value(new)}" for path, old, new in changed[:_SHOWN])
    more = f"; and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    return Refused(
        f"{what} was changed by {_who(now, [path for path, _, _ in changed])} in between: {shown}{more}.",
        status=409,
        means="Nothing was overwritten, and nothing of this step was written.",
        advice="Look at its state now, settle it with whoever changed it, then decide again.",
    )


def differences(before: Any, now: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield what differs between two JSON values, as (path, before, now), the outermost place first where only one side has it."""
    if before == now:
        return
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            yield from differences(before.get(key), now.get(key), f"{path}.{clean(str(key), 60)}")
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (old, new) in enumerate(zip(before, now, strict=True)):
            yield from differences(old, new, f"{path}[{number}]")
    else:
        yield path, before, now


def turning(before: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch (RFC 7386) that turns a JSON object into the one wanted: what is not wanted any more is set to null."""
    had: Mapping[str, Any] = before if isinstance(before, dict) else {}
    patch: dict[str, Any] = {key: None for key in had if key not in wanted}
    for key, value in wanted.items():
        if isinstance(value, dict) and isinstance(had.get(key), dict):
            inner = turning(had[key], value)
            patch |= {key: inner} if inner else {}
        elif key not in had or had[key] != value:
            patch[key] = value
    return patch


def last_change(now: Object) -> str:
    """Return who changed an object's spec last, and when; "" where that is not told."""
    own = [each for each in objects(now, "metadata", "managedFields") if "f:spec" in part(each, "fieldsV1")]
    who = _who({"metadata": {"managedFields": own}}, [])
    return "" if who == "somebody" else who.replace(f"another console ({MANAGER})", MANAGER)


def _value(value: Any) -> str:
    return "nothing" if value is None else clean(str(value), 60)


def _who(now: Object, paths: list[str]) -> str:
    """Return who changed an object last, and when, by its managedFields: who owns one of the changed fields, or else wrote it last.

    The server tells whole seconds: of two in one second it is the one that owns less, since who made the object owns most of it.
    """
    entries = [each for each in objects(now, "metadata", "managedFields") if _instant(each) is not None]
    owners = [each for each in entries if any(_owns(part(each, "fieldsV1"), path) for path in paths)]
    found = max(owners or entries, key=lambda each: (str(each.get("time")), -len(str(each.get("fieldsV1")))), default=None)
    if found is None:
        return "somebody"
    name = str(found.get("manager") or "somebody")
    at = _instant(found)
    who = f"another console ({MANAGER})" if name == MANAGER else clean(name, 60)
    return f"{who} at {at:%Y-%m-%d %H:%M:%S} UTC" if at else who


def _owns(fields: Mapping[str, Any], path: str) -> bool:
    """Tell whether a managedFields entry names a path, whose places in lists may be any: a list's items go by keys there."""
    rest = re.sub(r"^\[\d+\]", "", path)
    if rest != path:
        items = [part(fields, key) for key in fields if key.startswith(("k:", "v:", "i:"))]
        return any(_owns(item, rest) for item in items) if items else True
    rest = rest.removeprefix(".")
    if not rest or not fields:
        return True
    names = [key.removeprefix("f:") for key in fields if key.startswith("f:")]
    return any(
        _owns(part(fields, f"f:{name}"), rest.removeprefix(name)) for name in names if re.match(re.escape(name) + r"($|[.\[])", rest)
    )


def _instant(entry: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(str(entry.get("time"))).astimezone(UTC)
    except ValueError:
        return None
