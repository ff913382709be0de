"""The `database` section of a target file: what it means, what is a mistake, and that no password stands in it."""

from dataclasses import replace

import pytest

from console.files.problems import BadTargetFile, told
from console.files.targetfile import load_target, read_target
from console.files.write import write_target
from console.model.database import ColumnWanted, MigrationPhase, MigrationTool, Migrator
from console.model.places import resource
from console.model.plan import StepKind
from console.model.systems import MigrationUndo, SecretRef
from console.model.target import Reversibility
from console.model.verbs import Direction, Verb
from console.policy.planning import SidesNow, make_rehearsal_plan, make_rollout_plan, rollback_steps

PATH = resource("examples", "database.yaml")
TEXT = PATH.read_text(encoding="utf-8")


def changed(*pairs: tuple[str, str]) -> str:
    text = TEXT
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def problems_of(*pairs: tuple[str, str]) -> str:
    with pytest.raises(BadTargetFile) as caught:
        read_target(changed(*pairs).encode(), "shop.yaml")
    return "\n".join(told(problem) for problem in caught.value.problems)


def test_the_example_means_what_it_says():
    target = load_target(PATH)
    database = target.database
    assert database is not None
    assert (database.tool, database.base, database.history) == (MigrationTool.ALEMBIC, "0041", "alembic_version")
    assert (database.lock_timeout_s, database.statement_timeout_s) == (0.3, 600.0)
    assert database.migrator == Migrator("migrator", SecretRef("keyring", "checkout-db-migrator"))
    expand, contract = database.migrations
    assert expand.columns == (ColumnWanted("orders", "payment_ref", "text", None, 0.01),)
    assert (expand.run, expand.undo) == (("alembic", "upgrade", "0042"), ("alembic", "downgrade", "0041"))
    assert contract.phase is MigrationPhase.CONTRACT
    assert target.undo[0].spec == MigrationUndo("drop old payment", 60.0)
    assert target.undo[0].reversibility is Reversibility.ONE_WAY
    assert target.keyring_names == ("checkout-db-migrator", "checkout-db-watcher")
    assert target.commands == ("alembic upgrade 0042", "alembic downgrade 0041"), "asked for before anything of it runs"


def test_a_plan_migrates_before_traffic_and_never_contracts():
    plan = make_rollout_plan(load_target(PATH), "5.2b", SidesNow("blue", "5.1", "5.2b", {"blue": 100.0, "green": 0.0}))
    first = plan.steps[0]
    assert (first.kind, first.verb, first.direction) == (StepKind.MIGRATION, Verb.MIGRATE, Direction.FORWARD)
    assert (first.name, first.want, first.seq) == ("payment ref", {"done": True}, 0)
    assert [step.kind for step in plan.steps[1:]] == [StepKind.WEIGHT] * 4
    assert Verb.CONTRACT not in {step.verb for step in (*plan.steps, *plan.rollback)}
    assert [step.reversibility for step in plan.rollback] == [Reversibility.FREE, Reversibility.ONE_WAY]


def test_a_rehearsal_takes_no_migration_of_a_database_back():
    free = ("    class: one-way\n    loses: the old payment columns, with what was written to them\n", "")
    target = read_target(changed(("migration: drop old payment", "migration: payment ref"), free).encode(), "shop.yaml")
    sides = SidesNow("blue", "5.1", "5.2b", {"blue": 100.0, "green": 0.0})
    assert [step.kind for step in rollback_steps(target, "blue")] == [StepKind.WEIGHT, StepKind.MIGRATION]
    assert [step.kind for step in make_rehearsal_plan(target, sides).steps] == [StepKind.WEIGHT]


def test_a_database_reads_back_as_it_was_written():
    target = load_target(PATH)
    migrations = (replace(target.database.migrations[0], checksum=-5), *target.database.migrations[1:])
    flyway = replace(target.database, tool=MigrationTool.FLYWAY, base="", migrations=migrations, identity="1/2", table="audit.history")
    for one in (target, replace(target, database=flyway)):
        again = read_target(write_target(one).encode(), target.path)
        assert again.database == one.database
        assert again.undo == one.undo


@pytest.mark.parametrize(
    ("old", "new", "told_"),
    [
        ('  base: "0041"                        # where the schema stood before this release\n', "", "database.base"),
        ("tool: alembic  ", "tool: flyway ", "names each migration"),
        ("tool: alembic  ", "tool: django ", "APP.NAME"),
        ('revision: "0043"', 'revision: "0042"', "each migration once"),
        ("name: drop old payment", "name: payment ref", "each migration once"),
        ("migration: drop old payment", "migration: drop old paymnt", "drop old payment"),
        ("    class: one-way\n", "", "`undo` command"),
        ("    kind: migration\n", "    kind: cache\n", "only that kind takes a migration back"),
        ("    class: one-way\n", "    class: one-way\n    check: [true]\n", "nothing beside `migration`"),
        ("    loses: the old payment columns, with what was written to them\n", "", "what would be lost"),
        ("column: orders.payment_ref", "column: payment_ref", "TABLE.COLUMN"),
        ("tables: [orders]", "tables: ['orders; drop']", "a table's name"),
        ("max_null: 1 %", "max_null: 101 %", "from 0 % to 100 %"),
        ("phase: contract", "phase: shrink", "contract"),
        ("postgresql://watcher@db", "postgresql://db", "names no login and database"),
        ("postgresql://watcher@db.example.com/shop", "mysql://watcher@db.example.com/shop", "postgresql://LOGIN@HOST/DATABASE"),
    ],
)
def test_what_does_not_fit_together_is_said_with_what_would(old: str, new: str, told_: str):
    assert told_ in problems_of((old, new))


def test_a_password_in_the_address_is_refused_and_never_shown():
    said = problems_of(("postgresql://watcher@", "postgresql://watcher:canary-secret@"))
    assert "canary-secret" not in said
    assert "the password apart from it" in said


def test_a_step_that_goes_back_needs_the_command_of_its_migration():
    free = ("    class: one-way\n    loses: the old payment columns, with what was written to them\n", "")
    target = read_target(changed(("migration: drop old payment", "migration: payment ref"), free).encode(), "shop.yaml")
    assert target.undo[0].spec == MigrationUndo("payment ref", 60.0)
