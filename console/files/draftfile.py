"""A drafted target as the file that will be written: with comments, or merged into a file that is there already with its comments kept."""

import difflib
import hashlib
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from console.files.atomic import write_whole
from console.files.merging import merged
from console.files.targetfile import read_target
from console.files.write import write_target
from console.files.yamltext import MAX_BYTES
from console.model.errors import BadFile, StaleWrite
from console.model.target import Target
from console.model.wizard import GitState, Written

_GIT_S = 5.0
_COMMENTS: Mapping[str, str] = {
    "sides": "The two sides; which of them is stable is read at the start, never written here.",
    "traffic": "Where traffic is split. The console writes here once the target is armed, and nowhere before.",
    "workloads": "Where each side tells its version.",
    "metrics": "Where the numbers come from that the gates judge.",
    "pipeline": "What builds and checks a release before it takes traffic.",
    "flag": "The feature flag that hides the change; the way back lowers it too.",
    "gates": "What tells that customers succeed. No evidence is never a pass.",
    "stages": "Traffic shares with their waits; every gate is judged in each. The bake is the watch before the last traffic moves.",
    "rollback": "The way back, traffic first. It needs no permit, and no freeze stops it.",
    "after_a_fail": "When a gate fails, traffic goes back by itself after this; Hold cancels.",
    "freeze": "What a rollout on its way does when a freeze begins: hold, or roll back.",
}


def drafted(target: Target, path: Path) -> Written:
    """Return the file that describes a target, as it would be written at a path. Raises BadFile where that cannot be."""
    path = path.expanduser().absolute()
    data = _existing(path)
    text = commented(write_target(target)) if data is None else merged(_text(data, path), target, path)
    read_target(text.encode(), str(path))
    lines = () if data is None else tuple(_difference(_text(data, path), text, path))
    return Written(path, text, lines, "" if data is None else hashlib.sha256(data).hexdigest(), git_state(path.parent))


def keep(written: Written) -> None:
    """Write a drafted file. Raises StaleWrite where the file is not the one that was compared any more, BadFile where it cannot be."""
    data = _existing(written.path)
    found = "" if data is None else hashlib.sha256(data).hexdigest()
    if found != written.digest:
        raise StaleWrite(
            f"{written.path} was changed in between.", means="Nothing was written.", advice="Look at the difference again, then write."
        )
    try:
        written.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadFile(
            f"The folder {written.path.parent} cannot be made: {(error.strerror or str(error)).lower()}.", advice="Choose another place."
        ) from error
    write_whole(written.path, written.text.splitlines(keepends=True))


def commented(text: str) -> str:
    """Return a target file with a comment above each of its sections."""
    lines = []
    for line in text.splitlines():
        key = re.match(r"([a-z_]+):", line)
        if key and key[1] in _COMMENTS:
            lines += ["", f"# {_COMMENTS[key[1]]}"]
        lines.append(line)
    return "\n".join(lines) + "\n"


def _not_ours(path: Path) -> BadFile:
    return BadFile(
        f"{path} is there already, and it is no target file.", means="Nothing was written.", advice="Choose another name for the file."
    )


def _difference(before: str, after: str, path: Path) -> list[str]:
    return [
        line.rstrip("\n")
        for line in difflib.unified_diff(
            before.splitlines(), after.splitlines(), f"{path.name} as it is", f"{path.name} as it would be", lineterm=""
        )
    ]


def _existing(path: Path) -> bytes | None:
    try:
        if not path.exists():
            return None
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadFile(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}.",
            means="Nothing was written.",
            advice="Choose another place.",
        ) from error
    if len(data) > MAX_BYTES:
        raise _not_ours(path)
    return data


def _text(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_ours(path) from error


def git_state(folder: Path) -> GitState | None:
    """Return the repository that a folder is in, None where it is in none, is not there yet, or git is not to be had. Blocks."""
    root = _git(folder, "rev-parse", "--show-toplevel")
    status = _git(folder, "status", "--porcelain=v1", "--branch", "--", ".")
    if root is None or status is None:
        return None
    head, *changed = status.splitlines() or [""]
    branch = head.removeprefix("## ").removeprefix("No commits yet on ").partition("...")[0]
    return GitState(root.strip(), branch, len(changed))


def _git(folder: Path, *words: str) -> str | None:
    """Return what git prints. It is told to run nothing that the repository's own configuration names: looking must not run code."""
    guarded = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=", "-c", "core.untrackedCache=false")
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "--no-optional-locks", *guarded, *words],  # noqa: S607  # git is where the person's PATH has it
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
