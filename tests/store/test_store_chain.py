"""The chain without a database: canonical bodies, redaction before hashing, and what the verifier finds."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_kit import entry, export_line

from console.model.audit import Record, RecordKind
from console.store.chain import FIRST_PREV, Row, entry_of, plain, seal, verify_rows
from console.store.exported import verify_export
from console.store.redact import _PATTERNS, redact, redact_text

LOG = "log-a"


def chain_of(count: int, log_id: str = LOG) -> tuple[list[Record], list[Row]]:
    records: list[Record] = []
    rows: list[Row] = []
    prev = FIRST_PREV
    for seq in range(1, count + 1):
        record, row = seal(entry(f"verb {seq}", detail={"n": seq}), seq=seq, prev=prev, log_id=log_id)
        prev = record.hash
        records.append(record)
        rows.append(row)
    return records, rows


def resealed(row: Row, **fields: object) -> Row:
    """Change a row and its body alike, and hash it anew: what a careful forger does."""
    body = json.dumps({**json.loads(row.body), **fields}, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    copies = {name: value for name, value in fields.items() if name in Row._fields}
    return row._replace(**copies, body=body, hash=sha256(body).hexdigest())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(detail=st.dictionaries(st.text(), json_values, max_size=4), text=st.text())
def test_any_entry_gets_a_body_that_verifies_and_reads_back(detail, text):
    record, row = seal(entry(text, reason=text, detail=detail), seq=1, prev=FIRST_PREV, log_id=LOG)
    report = verify_rows([row], LOG, 1)
    assert report.ok
    assert report.head == record.hash
    assert entry_of(record.body) == record.entry


def test_numbers_that_json_cannot_hold_become_text():
    assert plain([float("nan"), float("inf"), -float("inf"), 2**60, -(2**60), 2**53 - 1]) == [
        "NaN",
        "Infinity",
        "-Infinity",
        str(2**60),
        str(-(2**60)),
        2**53 - 1,
    ]


def test_a_broken_surrogate_and_a_bottomless_detail_are_still_recorded():
    deep: dict[str, object] = {}
    for _ in range(200):
        deep = {"in": deep}
    record, row = seal(entry("\ud800", detail=deep), seq=1, prev=FIRST_PREV, log_id=LOG)
    assert verify_rows([row], LOG, 1).ok
    assert "nested too deep" in record.body.decode()


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Bearer abc.def-123", "abc.def-123"),
        ("sent with bearer eyJhbGciOi.eyJzdWIi.c2ln", "eyJhbGciOi"),
        ("Basic dXNlcjpwYXNzMTIz", "dXNlcjpwYXNzMTIz"),
        ("https://ann:hunter2@ci.example/run", "hunter2"),
        ("https://ci.example/run?access_token=s3cr3t&page=2", "s3cr3t"),
        ("https://ci.example/run?page=2&api_key=s3cr3t", "s3cr3t"),
        ("password=hunter2", "hunter2"),
        ("token: ghp_0123456789abcdefghij0123", "ghp_0123456789abcdefghij0123"),
        ("glpat-abcdefghij0123456789", "glpat-abcdefghij0123456789"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "MIIE"),
    ],
)
def test_what_looks_like_a_secret_is_masked_before_hashing(text, hidden):
    record, _ = seal(entry("v", reason=text, detail={"seen": text, text: 1}), seq=1, prev=FIRST_PREV, log_id=LOG)
    assert hidden not in redact_text(text)
    assert hidden not in json.dumps(redact({"detail": [text]}))
    assert hidden.encode() not in record.body


@pytest.mark.parametrize("key", ["token", "API-Key", "db_password", "Authorization", "client_secret", "Set-Cookie", "credentials"])
def test_a_value_under_a_secret_name_is_masked_whatever_its_shape(key):
    assert redact({key: "x1"}) == {key: "***"}
    assert redact({key: ["x1"]}) == {key: "***"}
    assert redact({"outer": {key: {"a": "x1"}}}) == {"outer": {key: "***"}}


def test_a_fencing_token_and_plain_words_stay():
    text = "step up to 5 % on http://127.0.0.1:9901/runtime?a=1, basic checks passed, Basic Authentication, token: 7"
    assert redact({"token": 7, "ok": True, "note": text}) == {"token": 7, "ok": True, "note": text}


pieces = [
    "bearer ",
    "Basic ",
    "dXNlcjpwYXNz",
    "authorization",
    " ",
    "=",
    ":",
    "://",
    "@",
    "?token",
    "&",
    "ghp_",
    "a1" * 12,
    "glpat-",
    "eyJ",
    ".",
]


@given(st.lists(st.sampled_from(pieces) | st.text(max_size=3), max_size=10).map("".join))
def test_the_first_look_at_a_text_overlooks_no_secret(text):
    thorough = text
    for pattern, instead in _PATTERNS:
        thorough = pattern.sub(instead, thorough)
    assert redact_text(text) == thorough


@given(st.text())
def test_redacting_twice_changes_nothing_more(text):
    assert redact_text(redact_text(text)) == redact_text(text)


def test_an_untouched_chain_holds():
    records, rows = chain_of(5)
    report = verify_rows(rows, LOG, 5)
    assert report.ok
    assert (report.size, report.bodies_checked, report.unsigned, report.head) == (5, 5, 5, records[-1].hash)


@pytest.mark.parametrize("place", range(4))
def test_every_flipped_bit_of_a_body_is_found_in_its_record(place):
    _, rows = chain_of(5)
    body = rows[place].body
    for index in range(len(body)):
        for bit in range(8):
            flipped = body[:index] + bytes([body[index] ^ 1 << bit]) + body[index + 1 :]
            attacked = [*rows[:place], rows[place]._replace(body=flipped), *rows[place + 1 :]]
            report = verify_rows(attacked, LOG, 5)
            assert report.first_bad == place + 1
            assert report.problem.startswith("edited")


@pytest.mark.parametrize("column", ["kind", "actor", "at", "target", "rollout", "step", "hash"])
def test_an_edited_column_is_found_in_its_record(column):
    _, rows = chain_of(4)
    rows[1] = rows[1]._replace(**{column: "forged"})
    report = verify_rows(rows, LOG, 4)
    assert report.first_bad == 2
    assert report.problem.startswith("edited")


@pytest.mark.parametrize("place", range(4))
def test_an_edit_with_a_new_hash_is_found_by_the_record_that_follows(place):
    _, rows = chain_of(5)
    rows[place] = resealed(rows[place], target="forged")
    report = verify_rows(rows, LOG, 5)
    assert report.first_bad == place + 1
    assert report.problem.startswith("edited")


def test_a_forged_link_is_found_in_its_own_record():
    _, rows = chain_of(5)
    rows[2] = resealed(rows[2], prev="f" * 64)
    assert verify_rows(rows, LOG, 5).first_bad == 3


@pytest.mark.parametrize("gone", range(1, 5))
def test_a_deleted_record_is_named(gone):
    _, rows = chain_of(5)
    report = verify_rows([row for row in rows if row.seq != gone], LOG, 5)
    assert report.first_bad == gone
    assert report.problem.startswith("missing")


@pytest.mark.parametrize("gone", range(1, 5))
def test_a_deletion_that_renumbers_what_follows_is_found(gone):
    _, rows = chain_of(5)
    closed_up = [row if row.seq < gone else row._replace(seq=row.seq - 1) for row in rows if row.seq != gone]
    assert verify_rows(closed_up, LOG, 5).first_bad == gone


def test_two_records_that_changed_places_are_found():
    _, rows = chain_of(5)
    rows[1], rows[2] = rows[2]._replace(seq=2), rows[1]._replace(seq=3)
    report = verify_rows(rows, LOG, 5)
    assert report.first_bad == 2
    assert report.problem.startswith("reordered")


def test_an_inserted_record_is_found():
    _, rows = chain_of(5)
    for forged in (rows[2]._replace(seq=0), rows[2]._replace(seq=-4)):
        report = verify_rows([forged, *rows], LOG, 6)
        assert report.first_bad == forged.seq
        assert report.problem.startswith("inserted")
    shifted = [*rows[:2], rows[2], *[row._replace(seq=row.seq + 1) for row in rows[2:]]]
    assert verify_rows(shifted, LOG, 6).first_bad == 4


def test_a_record_of_another_log_is_found():
    _, rows = chain_of(3)
    _, others = chain_of(3, "log-b")
    report = verify_rows([rows[0], others[1], rows[2]], LOG, 3)
    assert report.first_bad == 2
    assert "another log" in report.problem


@pytest.mark.parametrize("seq", ["2", None, 2.5, b"2"])
def test_a_number_of_the_wrong_kind_is_found(seq):
    _, rows = chain_of(3)
    rows[1] = rows[1]._replace(seq=seq)
    assert not verify_rows(rows, LOG, 3).ok


@pytest.mark.parametrize("body", [None, "text", 7])
def test_a_body_of_the_wrong_kind_is_found(body):
    _, rows = chain_of(3)
    rows[1] = rows[1]._replace(body=body)
    assert verify_rows(rows, LOG, 3).first_bad == 2


def test_intents_without_an_outcome_are_listed():
    prev, rows = FIRST_PREV, []
    told = [(RecordKind.INTENT, "a"), (RecordKind.INTENT, "b"), (RecordKind.OUTCOME, "a"), (RecordKind.INTENT, "c")]
    for seq, (kind, step) in enumerate(told, 1):
        record, row = seal(entry("v", kind, detail={"step": step}), seq=seq, prev=prev, log_id=LOG)
        prev = record.hash
        rows.append(row)
    assert verify_rows(rows, LOG, 4).open_intents == ("b", "c")


def test_an_export_verifies_without_a_database():
    records, _ = chain_of(4)
    lines = [export_line(record) for record in records]
    report = verify_export(lines)
    assert report.ok
    assert (report.log_id, report.size, report.head) == (LOG, 4, records[-1].hash)
    assert verify_export([line.encode() + b"\n" for line in lines]).ok


def test_an_export_with_a_change_names_the_first_bad_record():
    records, _ = chain_of(4)
    lines = [export_line(record) for record in records]
    assert verify_export([lines[0], lines[1].replace("verb 2", "verb X"), *lines[2:]]).first_bad == 2
    assert verify_export([lines[0], *lines[2:]]).first_bad == 2
    assert verify_export([lines[1], lines[0], *lines[2:]]).first_bad == 1
    assert verify_export([lines[0], "garbage", *lines[2:]]).first_bad == 2
    assert verify_export([lines[0], lines[1].replace('"seq": 2', '"seq": 7'), *lines[2:]]).first_bad == 2
    assert verify_export(lines[2:]).first_bad == 1


def test_a_narrowed_export_may_have_gaps_but_no_changes():
    records, _ = chain_of(6)
    lines = [export_line(records[index]) for index in (1, 2, 4)]
    assert verify_export(lines, partial=True).ok
    assert verify_export([lines[0], lines[1].replace("verb 3", "verb X"), lines[2]], partial=True).first_bad == 3
    assert verify_export([lines[1], lines[0], lines[2]], partial=True).first_bad == 2


@given(st.lists(st.text() | st.binary(), max_size=4))
def test_no_garbage_in_an_export_raises(lines):
    verify_export(lines)


def test_a_verification_can_be_cancelled():
    _, rows = chain_of(2000)
    told: list[tuple[int, int]] = []

    def progress(done: int, size: int) -> bool:
        told.append((done, size))
        return False

    report = verify_rows(rows, LOG, 2000, progress)
    assert report.problem == "cancelled"
    assert told == [(1000, 2000)]
    assert replace(report, problem="").bodies_checked == 1000
