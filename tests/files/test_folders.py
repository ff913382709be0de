"""Folders are private and where the person wants them."""

import os
from pathlib import Path

import pytest

from console.files.folders import folders, make_private
from console.model.errors import CannotRecord


def test_one_folder_holds_everything_when_it_is_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(tmp_path / "home"))
    found = folders()
    assert {found.config, found.data, found.logs} == {tmp_path / "home" / name for name in ("config", "data", "logs")}
    assert all(folder.is_dir() for folder in (found.config, found.data, found.logs))


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_folders_are_private_also_when_they_were_not(tmp_path, monkeypatch):
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(tmp_path))
    (tmp_path / "data").mkdir(mode=0o755)
    found = folders()
    assert [folder.stat().st_mode & 0o777 for folder in (found.config, found.data, found.logs)] == [0o700] * 3


@pytest.mark.skipif(not os.environ.get("HOME") or os.name != "posix", reason="the system's own places")
def test_without_a_choice_the_system_says_where(tmp_path, monkeypatch):
    monkeypatch.delenv("RELEASE_CONSOLE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    found = folders()
    assert all(tmp_path in folder.parents and "release-console" in folder.parts for folder in (found.config, found.data, found.logs))


def test_a_folder_that_cannot_be_made_is_a_message(tmp_path: Path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(tmp_path / "file"))
    with pytest.raises(CannotRecord, match="cannot be made") as caught:
        folders()
    assert "RELEASE_CONSOLE_HOME" in caught.value.advice
    with pytest.raises(OSError, match="ile"):
        make_private(tmp_path / "file" / "x")
