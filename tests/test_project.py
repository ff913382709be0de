"""What holds for the project's files as a whole."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
LOCKS = (TOP / "constraints.txt", TOP / "packaging" / "constraints-dev.txt")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_file_holds_names_versions_and_hashes_but_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert blocks
    assert all("==" in block and "--hash=sha256:" in block for block in blocks)


def test_the_environment_to_run_is_part_of_the_one_to_test() -> None:
    run, dev = (set(re.findall(r"^(\S+==\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE)) for lock in LOCKS)
    assert run <= dev


def test_every_module_opens_with_a_sentence() -> None:
    for path in (TOP / "console").rglob("*.py"):
        first = path.read_text(encoding="utf-8").lstrip()
        assert first.startswith('"""'), path
