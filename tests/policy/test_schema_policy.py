"""What a schema means: migrations from their tool's rows, what forbids a start, and the light over the way back."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from console.model.database import (
    Applied,
    ColumnSeen,
    ColumnWanted,
    HistoryRow,
    LockHolder,
    Migration,
    MigrationPhase,
    MigrationSeen,
    MigrationTool,
    PostgresDatabase,
    SchemaLight,
    SchemaState,
)
from console.model.readiness import Light
from console.model.readings import Identity
from console.policy.migrations import applied, current
from console.policy.schema import SchemaLook, column_problem, in_the_way, lines, obstacles, ready_item, warnings, words

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
WANTED = ColumnWanted("orders", "payment_ref", "text", max_null=0.01)
EXPAND = Migration("payment ref", "0042", run=("alembic", "upgrade", "0042"), tables=("orders",), columns=(WANTED,))
MOVE = Migration("fill", "0043", MigrationPhase.MIGRATE)
CONTRACT = Migration("drop old", "0044", MigrationPhase.CONTRACT)
DATABASE = PostgresDatabase("postgresql://w@h/shop", MigrationTool.ALEMBIC, (EXPAND, MOVE, CONTRACT), base="0041")
GOOD = ColumnSeen("orders.payment_ref", exists=True, type="text", null_share=0.0, how="counted in 200 rows")
IDLE = LockHolder("orders", "web (cart)", "idle in transaction", 240.0, 7)
YES, NO, FAILED, UNKNOWN = Applied.YES, Applied.NO, Applied.FAILED, Applied.UNKNOWN


def state(*how: Applied, **more: object) -> SchemaState:
    seen = tuple(
        MigrationSeen(each.name, each.revision, each.phase, one, detail="it failed" if one is FAILED else "")
        for each, one in zip(DATABASE.migrations, how, strict=False)
    )
    made = SchemaState(Identity("1/2", "3"), NOW, "0042", seen, (GOOD,))
    return replace(made, **more)  # type: ignore[arg-type]


def against(found: SchemaState, *, has_pipeline: bool = True) -> tuple[str, ...]:
    return obstacles(DATABASE, SchemaLook(found), has_pipeline=has_pipeline)


@pytest.mark.parametrize(
    ("heads", "expected"),
    [
        ([], (NO, NO, NO)),
        (["0041"], (NO, NO, NO)),
        (["0042"], (YES, NO, NO)),
        (["0043"], (YES, YES, NO)),
        (["0044"], (YES, YES, YES)),
        (["0042", "branch"], (YES, NO, NO)),
        (["0050"], (UNKNOWN, UNKNOWN, UNKNOWN)),
    ],
)
def test_alembic_tells_where_it_stands_and_the_file_what_came_before(heads, expected):
    rows = [HistoryRow(head) for head in heads]
    assert tuple(seen.applied for seen in applied(DATABASE, rows)) == expected


def test_a_flyway_version_is_a_number_however_it_is_written():
    database = replace(DATABASE, tool=MigrationTool.FLYWAY, base="", migrations=(Migration("a", "2.10"), Migration("b", "3_1")))
    rows = [HistoryRow("2.10.0", 1, kind="SQL"), HistoryRow("03.1", 2, kind="SQL", description="last")]
    assert [seen.applied for seen in applied(database, rows)] == [YES, YES]
    assert current(MigrationTool.FLYWAY, rows) == "03.1 last"


def test_a_column_is_as_the_release_needs_it_or_is_said_not_to_be():
    assert column_problem(WANTED, GOOD) == ""
    empty = replace(GOOD, null_share=0.031, how="estimated from statistics made 12 min ago, the table is large")
    assert column_problem(WANTED, empty) == (
        "orders.payment_ref is 3.1 % null (estimated from statistics made 12 min ago, the table is large), and at most 1 % may be"
    )
    assert column_problem(WANTED, replace(GOOD, exists=False)) == "orders.payment_ref does not exist"
    assert column_problem(WANTED, replace(GOOD, type="integer")) == "orders.payment_ref is of type integer, not text"
    assert "is not known" in column_problem(WANTED, replace(GOOD, exists=None, problem="no"))
    assert "is not known: may not" in column_problem(WANTED, replace(GOOD, null_share=None, problem="may not"))
    assert column_problem(replace(WANTED, nullable=False), GOOD) == "orders.payment_ref may be null"
    assert column_problem(replace(WANTED, type="VARCHAR(40)"), replace(GOOD, type="character varying(40)")) == ""
    assert column_problem(replace(WANTED, type="timestamptz"), replace(GOOD, type="timestamp with time zone")) == ""


def test_a_database_that_cannot_be_read_is_no_pass():
    for look in (SchemaLook(), SchemaLook(None, "It hangs."), SchemaLook(state(YES, YES, NO), "It hangs.")):
        assert "cannot be read" in obstacles(DATABASE, look, has_pipeline=True)[0]
    assert "may not read" in against(state(problems=("w may not read alembic_version.",)))[0]


def test_what_is_applied_forbids_nothing_and_what_nobody_applies_does():
    assert against(state(YES, YES, NO)) == ()
    assert against(state(YES, NO, NO), has_pipeline=True) == ()
    assert against(state(YES, NO, NO), has_pipeline=False) == ("Migration 0043 is not applied, and nothing in the plan applies it.",)
    assert against(state(NO, YES, NO), has_pipeline=False) == ()
    assert against(state(FAILED, NO, NO)) == ("Migration 0042 failed: it failed.",)
    assert len(against(state(UNKNOWN, UNKNOWN, UNKNOWN))) == 3


def test_a_column_that_was_added_and_not_filled_forbids_a_start_once_its_migration_is_applied():
    empty = replace(GOOD, null_share=1.0)
    assert against(state(YES, YES, NO, columns=(empty,))) == (
        "Column orders.payment_ref is 100 % null (counted in 200 rows), and at most 1 % may be.",
    )
    assert against(state(NO, NO, NO, columns=(replace(GOOD, exists=False),))) == ()


def test_an_idle_transaction_forbids_a_start_that_would_run_into_it_and_is_told_before_a_long_pipeline():
    sentence = (
        "An idle transaction of web (cart) has held a lock on orders for 4 min: a change of it would wait, and time out after 300 ms."
    )
    found = state(NO, YES, NO, locks=(IDLE,))
    assert against(found, has_pipeline=False) == (sentence,)
    assert against(found) == ()
    assert sentence in warnings(DATABASE, SchemaLook(found), has_pipeline=True)
    assert against(state(YES, YES, NO, locks=(IDLE,)), has_pipeline=False) == ()
    assert in_the_way(replace(IDLE, for_s=None), 0.3) == ""
    assert in_the_way(replace(IDLE, for_s=0.5), 0.3) == ""
    assert in_the_way(replace(IDLE, state="active"), 2.0).startswith("a running transaction of web (cart)")


def test_a_standby_is_never_migrated():
    assert "standby" in against(state(NO, YES, NO, read_only=True))[0]
    assert against(state(YES, YES, NO, read_only=True)) == ()


def test_a_person_is_told_what_the_plan_runs_and_what_is_no_part_of_it():
    told = warnings(DATABASE, SchemaLook(state(NO, NO, NO)), has_pipeline=True)
    assert [sentence.partition(": ")[2].split()[0] for sentence in told] == ["the", "the", "it"]
    assert "runs it before traffic moves" in told[0]
    assert "whether the pipeline has applied it" in told[1]
    assert "no part of a rollout" in told[2]


@pytest.mark.parametrize(
    ("look", "light", "part"),
    [
        (SchemaLook(), Light.UNKNOWN, "not read yet"),
        (SchemaLook(state(YES, YES, NO), "It hangs."), Light.UNKNOWN, "It hangs."),
        (SchemaLook(state(problems=("may not",))), Light.UNKNOWN, "may not."),
        (SchemaLook(state(UNKNOWN, UNKNOWN, UNKNOWN)), Light.UNKNOWN, "0042 is not known"),
        (SchemaLook(state(FAILED, NO, NO)), Light.CLOSING, "0042 failed"),
        (SchemaLook(state(NO, NO, NO)), Light.READY, "Nothing of the release is applied yet, and not contracted (0044 is pending)."),
        (SchemaLook(state(YES, YES, NO)), Light.READY, "Expanded (0042, 0043), and not contracted (0044 is pending)."),
        (SchemaLook(state(YES, YES, YES)), Light.SHUT, "Contracted: 0044 is applied"),
    ],
)
def test_the_way_back_is_open_while_expanded_and_not_contracted(look, light, part):
    item = ready_item(DATABASE, look, ())
    assert item.light is light
    assert part in item.sentence


def test_a_contraction_with_a_step_of_its_own_speaks_through_that():
    item = ready_item(DATABASE, SchemaLook(state(YES, YES, YES)), ("drop old",))
    assert (item.light, item.sentence) == (Light.READY, "Expanded (0042, 0043); contracted (0044), which has a step of its own.")


def test_the_card_says_it_in_a_sentence_and_line_by_line():
    assert words(DATABASE, SchemaLook()) == ("Not read yet.", SchemaLight.UNKNOWN)
    assert words(DATABASE, SchemaLook(state(YES, NO, NO))) == ("At 0042; 2 migrations pending.", SchemaLight.PENDING)
    assert words(DATABASE, SchemaLook(state(YES, YES, YES)))[1] is SchemaLight.GOOD
    assert words(DATABASE, SchemaLook(state(YES, YES, NO, locks=(IDLE,))))[1] is SchemaLight.WRONG
    told = lines(DATABASE, state(YES, FAILED, NO, columns=(replace(GOOD, null_share=0.5),), problems=("w may not read x.",)))
    assert [(line.name, line.light.value) for line in told] == [
        ("0042", "good"),
        ("0043", "wrong"),
        ("0044", "pending"),
        ("orders.payment_ref", "wrong"),
        ("not read", "unknown"),
    ]
    assert told[2].sentence == "contract, one-way: pending"
    assert told[3].sentence.startswith("is 50 % null")
