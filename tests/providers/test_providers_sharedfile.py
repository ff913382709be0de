"""A file that others write too is replaced whole, and only while it is as it was read."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from console.model.errors import Refused, TooLarge
from console.providers.clients.sharedfile import FILE_LIMIT, ChangedMeanwhile, read_shared, replace_shared, why_not_writable


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "routes.yaml"
    path.write_text("one\n")
    return path


def test_what_was_written_is_what_is_read(file: Path) -> None:
    written = replace_shared(file, read_shared(file), "two\n")
    assert read_shared(file) == written
    assert written.text == "two\n"
    assert [path.name for path in file.parent.iterdir()] == ["routes.yaml"]


def test_a_file_that_was_changed_meanwhile_stays_as_it_is(file: Path) -> None:
    before = read_shared(file)
    file.write_text("by somebody else\n")
    with pytest.raises(ChangedMeanwhile):
        replace_shared(file, before, "two\n")
    assert file.read_text() == "by somebody else\n"
    assert [path.name for path in file.parent.iterdir()] == ["routes.yaml"]


def test_of_many_who_read_the_same_one_writes(file: Path) -> None:
    before = read_shared(file)

    def write(number: int) -> int:
        try:
            replace_shared(file, before, f"{number}\n")
        except ChangedMeanwhile:
            return -1
        return number

    with ThreadPoolExecutor(8) as pool:
        written = [number for number in pool.map(write, range(40)) if number >= 0]
    assert [f"{number}\n" for number in written] == [file.read_text()]


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_permissions_stay_and_a_link_goes_on_to_lead_there(file: Path, tmp_path: Path) -> None:
    file.chmod(0o640)
    link = tmp_path / "elsewhere" / "link.yaml"
    link.parent.mkdir()
    link.symlink_to(file)
    replace_shared(link, read_shared(link), "two\n")
    assert link.is_symlink()
    assert file.read_text() == "two\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_what_cannot_be_read_is_refused_with_advice(file: Path) -> None:
    file.write_bytes(b"\xff")
    with pytest.raises(Refused, match="no UTF-8"):
        read_shared(file)
    with pytest.raises(Refused, match="cannot be read") as caught:
        read_shared(file.parent)
    assert caught.value.advice
    file.write_bytes(b"x" * (FILE_LIMIT + 1))
    with pytest.raises(TooLarge):
        read_shared(file)


def test_a_file_that_is_gone_when_it_is_to_be_written_is_refused(file: Path) -> None:
    before = read_shared(file)
    file.unlink()
    with pytest.raises(Refused):
        replace_shared(file, before, "two\n")
    assert list(file.parent.iterdir()) == []


def test_a_folder_that_is_not_there_is_not_writable(file: Path) -> None:
    assert why_not_writable(file) == ""
    assert "may not write" in why_not_writable(file.parent / "none" / "routes.yaml")
