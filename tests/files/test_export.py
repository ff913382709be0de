"""Exports are written whole, read back to the line, and run in no spreadsheet."""

import csv
import hashlib
import json
import os
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.files.atomic import write_whole
from console.files.export import csv_cell, csv_line, read_export, read_records, safe_name, write_export, write_json
from console.model.audit import Entry, Record, RecordKind
from console.model.errors import BadFile
from console.model.rollout import Actor

ENTRY = Entry(RecordKind.INTENT, Actor("Rita", "desk:1:a"), datetime(2026, 11, 27, tzinfo=UTC), "start")


def record(seq: int, text: str = "") -> Record:
    body = json.dumps({"seq": seq, "reason": text}, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return Record(seq, ENTRY, "", hashlib.sha256(body).hexdigest(), body)


def test_an_export_reads_back_to_the_very_bytes_that_were_hashed(tmp_path):
    path = tmp_path / "audit.jsonl"
    records = [record(1), record(2, 'Zürich \u2028 \U0001f600 \\ "quoted" \n'), record(3)]
    assert write_export(path, iter(records)) == 3
    back = list(read_records(path))
    assert [(one.seq, one.hash, one.body.encode()) for one in back] == [(one.seq, one.hash, one.body) for one in records]
    assert all(hashlib.sha256(one.body.encode()).hexdigest() == one.hash for one in back)
    assert len(list(read_export(path))) == 3


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",))), max_size=5))
def test_any_text_survives_an_export(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("export") / "a.jsonl"
    records = [record(number, text) for number, text in enumerate(texts)]
    write_export(path, records)
    assert [one.body.encode() for one in read_records(path)] == [one.body for one in records]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_an_export_is_for_its_owner_only_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "audit.jsonl"
    path.write_text("before")
    path.chmod(0o644)
    write_export(path, [record(1)])
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["audit.jsonl"]


def test_an_export_that_fails_half_way_leaves_what_was_there(tmp_path):
    path = tmp_path / "audit.jsonl"
    path.write_text("before")

    def lines():
        yield "one\n"
        raise OSError(28, "No space left on device")

    with pytest.raises(BadFile, match="no space left on device"):
        write_whole(path, lines())
    assert path.read_text() == "before"
    assert [found.name for found in tmp_path.iterdir()] == ["audit.jsonl"]


@pytest.mark.parametrize("where", ["none/audit.jsonl", ".", "a\x00b"])
def test_a_place_that_cannot_be_written_is_a_message(tmp_path, where):
    with pytest.raises(BadFile, match="cannot be written"):
        write_export(tmp_path / where, [record(1)])


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        "3",
        "null",
        '{"seq": 1}',
        '{"seq": "1", "hash": "a", "body": "b"}',
        '{"seq": 1, "hash": 2, "body": "b"}',
        "[" * 100_000,
    ],
)
def test_a_line_that_is_no_record_is_named(tmp_path, line):
    path = tmp_path / "audit.jsonl"
    write_export(path, [record(1)])
    with path.open("a") as file:
        file.write("\n" + line + "\n")
    with pytest.raises(BadFile, match=r"audit\.jsonl:3: found"):
        list(read_records(path))
    assert len(list(read_export(path))) == 3


def test_a_file_that_is_no_export_is_refused_at_once(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"hello\xff\nworld\n")
    with pytest.raises(BadFile, match=r"a\.txt:1: found hello"):
        read_export(path)
    with pytest.raises(BadFile, match="cannot be read: no such file"):
        read_export(tmp_path / "none")
    with pytest.raises(BadFile, match="cannot be read"):
        read_export(tmp_path)


def test_a_line_without_an_end_is_not_read_into_memory(tmp_path):
    path = tmp_path / "long.jsonl"
    path.write_bytes(b"x" * (5 * 1024 * 1024))
    with pytest.raises(BadFile, match="4 MiB"):
        read_export(path)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_bad_file(tmp_path_factory, data):
    path: Path = tmp_path_factory.mktemp("export") / "a"
    path.write_bytes(data)
    for read in (read_export, read_records):
        try:
            list(read(path))
        except BadFile:
            continue


def test_a_document_is_written_as_json(tmp_path):
    write_json(tmp_path / "a.json", {"format": 1, "windows": []})
    assert json.loads((tmp_path / "a.json").read_text()) == {"format": 1, "windows": []}


@given(st.text())
def test_a_file_name_names_no_other_place(text):
    name = safe_name(text, ".jsonl")
    assert PurePosixPath(name).name == PureWindowsPath(name).name == name
    assert not name.startswith(".")
    assert name.endswith(".jsonl")
    assert name.isascii()
    assert len(name) < 100
    assert PureWindowsPath(name).stem.lower() not in {"con", "nul", "aux", "prn", "com1", "lpt1"}


@pytest.mark.parametrize(
    ("text", "name"),
    [("../../etc/passwd", "etc-passwd"), ("..", "export"), ("CON", "export-CON"), ("nul.txt", "export-nul.txt"), ("a\\b", "a-b")],
)
def test_a_path_becomes_a_plain_name(text, name):
    assert safe_name(text) == name


@given(st.text())
def test_no_cell_begins_as_a_formula(text):
    cell = csv_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell in {text, "'" + text}


@given(st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",))), min_size=2, max_size=5))
def test_a_row_reads_back_with_its_guards(cells):
    rows = list(csv.reader(StringIO(csv_line(cells), newline="")))
    assert rows == [[csv_cell(cell) for cell in cells]]
