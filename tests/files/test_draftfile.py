"""A drafted target as a file: commented, read back as the same target, and merged into a file that is there with its comments kept."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from console.files.draftfile import commented, drafted, git_state, keep
from console.files.targetfile import load_target, read_target
from console.files.write import write_target
from console.model.errors import BadFile, StaleWrite
from console.model.target import Environment, Target

EXAMPLES = sorted((Path(__file__).parents[2] / "resources" / "examples").glob("*.yaml"))


def bare(target: Target) -> Target:
    """Return a target without what its file's bytes and place decide."""
    return replace(target, path="", digest="")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_what_a_file_says_already_changes_nothing_in_it(example: Path, tmp_path: Path) -> None:
    path = tmp_path / example.name
    path.write_bytes(example.read_bytes())
    written = drafted(load_target(path), path)
    assert written.difference == ()
    assert written.text == example.read_text(encoding="utf-8")


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.stem != "practice"], ids=lambda path: path.stem)
def test_only_what_was_answered_anew_changes_and_every_comment_stays(example: Path, tmp_path: Path) -> None:
    path = tmp_path / example.name
    path.write_bytes(example.read_bytes())
    target = load_target(path)
    gates = tuple(gate.name for gate in target.gates)
    stages = tuple(replace(each, wait_s=600, gates=gates) for each in target.stages)
    wanted = replace(target, environment=Environment.STAGING, owner="another team", stages=stages)
    written = drafted(wanted, path)
    got = read_target(written.text.encode(), str(path))
    assert (got.environment, got.owner, [stage.wait_s for stage in got.stages]) == (
        Environment.STAGING,
        "another team",
        [600] * len(stages),
    )
    assert (got.traffic, got.undo, got.notify, got.freezes) == (target.traffic, target.undo, target.notify, target.freezes)
    before, after = (_comments(text) for text in (example.read_text(encoding="utf-8"), written.text))
    lost = before - after
    assert all(comment in _comments(_stages(example)) | {""} for comment in lost), lost


def test_answers_against_which_the_rest_of_the_file_speaks_are_refused_with_what_it_says(tmp_path: Path) -> None:
    example = next(each for each in EXAMPLES if each.stem == "haproxy")
    path = tmp_path / example.name
    path.write_bytes(example.read_bytes())
    target = load_target(path)
    with pytest.raises(BadFile, match="from_stage"):
        drafted(replace(target, stages=target.stages[:1]), path)


def _comments(text: str) -> set[str]:
    return {line.partition("#")[2].strip() for line in text.splitlines() if "#" in line and '"' not in line.partition("#")[0]}


def _stages(example: Path) -> str:
    """Return the lines of the section that is replaced whole, and of those that the change touches."""
    text = example.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith(("environment:", "owner:", "speed:"))]
    part = text[text.index("\nstages:") :].split("\n\n")[0] if "\nstages:" in text else ""
    return "\n".join((part, *lines))


def test_what_cannot_hold_beside_the_rest_of_the_file_is_refused(tmp_path: Path) -> None:
    example = next(each for each in EXAMPLES if each.stem == "practice")
    path = tmp_path / "practice.yaml"
    path.write_bytes(example.read_bytes())
    with pytest.raises(BadFile, match=r"With these answers .*speed"):
        drafted(replace(load_target(path), environment=Environment.PRODUCTION), path)  # its speed is the practice shop's alone


def test_a_new_file_is_commented_and_says_the_same(tmp_path: Path) -> None:
    target = load_target(EXAMPLES[0])
    text = commented(write_target(target))
    assert text.count("\n# ") > 4
    assert bare(read_target(text.encode(), target.path)) == bare(target)
    written = drafted(target, tmp_path / "new.yaml")
    assert (written.difference, written.replaces) == ((), False)
    keep(written)
    assert (tmp_path / "new.yaml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("text", ["- a\n- list\n", "a: [\n", "just words\n", "\x00\n"])
def test_what_is_no_target_file_is_left_alone(text: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadFile, match="no target file"):
        drafted(load_target(EXAMPLES[0]), path)
    assert path.read_text(encoding="utf-8") == text


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    written = drafted(load_target(EXAMPLES[0]), path)
    path.write_text("somebody else's\n", encoding="utf-8")
    with pytest.raises(StaleWrite, match="changed in between"):
        keep(written)
    assert path.read_text(encoding="utf-8") == "somebody else's\n"


def test_a_folder_tells_its_repository_and_looking_runs_none_of_its_hooks(tmp_path: Path) -> None:
    assert git_state(tmp_path / "missing") is None
    repository, trap = tmp_path / "targets", tmp_path / "trap"
    subprocess.run(["git", "init", "-q", "-b", "main", str(repository)], check=True)
    hook = repository / "watch.sh"
    hook.write_text(f"#!/bin/sh\ntouch {trap}\n", encoding="utf-8")
    hook.chmod(0o700)
    subprocess.run(["git", "-C", str(repository), "config", "core.fsmonitor", str(hook)], check=True)
    state = git_state(repository)
    assert state is not None
    assert (Path(state.root).resolve(), state.branch, state.changed) == (repository.resolve(), "main", 1)
    assert not trap.exists()
