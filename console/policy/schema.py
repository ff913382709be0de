"""What a database's schema means for a release: what forbids a start, what a person should know, and whether the way back is open."""

from collections.abc import Sequence
from dataclasses import dataclass

from console.model.database import (
    Applied,
    ColumnSeen,
    ColumnWanted,
    LockHolder,
    Migration,
    MigrationPhase,
    MigrationSeen,
    PostgresDatabase,
    SchemaLight,
    SchemaLine,
    SchemaState,
)
from console.model.readiness import Light, ReadyItem

LONG_S = 5.0
"""A transaction that is open for less is ordinary work: it is over before anybody could act on it."""


@dataclass(frozen=True, slots=True)
class SchemaLook:
    """What was read last of a schema, and why it cannot be read now; `state` None was never read."""

    state: SchemaState | None = None
    problem: str = ""


def column_problem(wanted: ColumnWanted, seen: ColumnSeen) -> str:
    """Return what is wrong with a column, in words; "" when it is as the release needs it. What cannot be read is not taken for good."""
    if seen.exists is None:
        return f"{seen.name} is not known: {seen.problem}"
    if not seen.exists:
        return f"{seen.name} does not exist" + (f": {seen.problem}" if seen.problem else "")
    if wanted.type and _type(wanted.type) != _type(seen.type):
        return f"{seen.name} is of type {seen.type}, not {wanted.type}"
    if wanted.nullable is not None and wanted.nullable != seen.nullable:
        return f"{seen.name} {'may' if seen.nullable else 'may not'} be null"
    if wanted.max_null is None:
        return ""
    if seen.null_share is None:
        return f"how much of {seen.name} is null is not known: {seen.problem}"
    if seen.null_share > wanted.max_null:
        return f"{seen.name} is {_share(seen.null_share)} null ({seen.how}), and at most {_share(wanted.max_null)} may be"
    return ""


def in_the_way(each: LockHolder, lock_timeout_s: float) -> str:
    """Return why a change of a table would have to wait, in words; "" for a transaction that is over in a moment, or nobody can tell."""
    if each.for_s is None or each.for_s < LONG_S:
        return ""
    what = {"idle in transaction": "an idle transaction", "idle in transaction (aborted)": "a failed transaction", "prepared": ""}
    kind = what.get(each.state, "a running transaction")
    whose = f"{kind} of {each.who}" if kind and each.who else kind or each.who or "a transaction"
    then = f"a change of it would wait, and time out after {_span(lock_timeout_s)}"
    return f"{whose} has held a lock on {each.table} for {_span(each.for_s)}: {then}"


def obstacles(database: PostgresDatabase, look: SchemaLook, *, has_pipeline: bool) -> tuple[str, ...]:
    """Return what forbids a start, in words: a database that cannot be read is no evidence, and never a pass."""
    if look.state is None or look.problem:
        return (f"The database cannot be read: {_end(look.problem or 'not read yet')} Whether its schema fits is not known.",)
    found, state = [], look.state
    if not state.migrations and database.migrations:
        found += [f"Which migrations are applied cannot be read: {problem}" for problem in state.problems[:1]]
    for seen in state.migrations:
        found += _migration_obstacles(database.migration(seen.name), seen, has_pipeline=has_pipeline)
    pending = _pending(database, state)
    if state.read_only and any(each.run for each in pending):
        found.append("The database is a standby, which no migration can be run on.")
    if not has_pipeline:
        found += _locked(database, state, pending)
    return (*found, *_column_obstacles(database, state))


def warnings(database: PostgresDatabase, look: SchemaLook, *, has_pipeline: bool) -> tuple[str, ...]:
    """Return what a person should know before a start, in words."""
    if look.state is None or look.problem:
        return ()
    state, found = look.state, []
    pending = _pending(database, state)
    for each in pending:
        if each.phase is MigrationPhase.CONTRACT:
            then = "it contracts, which is no part of a rollout and waits until the old version is gone for good."
        elif each.run:
            then = "the plan runs it before traffic moves."
        else:
            then = "the plan looks, before traffic moves, whether the pipeline has applied it."
        found.append(f"Migration {each.revision} is not applied: {then}")
    found += _locked(database, state, pending) if has_pipeline else []
    found += [f"{seen.revision}: {_end(seen.detail)}" for seen in state.migrations if _is_another(seen)]
    return (*found, *state.problems)


def ready_item(database: PostgresDatabase, look: SchemaLook, declared: Sequence[str]) -> ReadyItem:
    """Return what the schema means for the way back: expanded is open, contracted is past it.

    `declared` are the migrations that the way back has a step of its own for, which then speaks for them.
    """
    state = look.state
    if state is None or look.problem or (database.migrations and not state.migrations):
        why = look.problem or (state.problems[0] if state is not None and state.problems else "not read yet")
        return ReadyItem("schema", Light.UNKNOWN, f"Cannot be read: {_end(why)}", None if state is None else state.at)
    unclear = [seen for seen in state.migrations if seen.applied in {Applied.UNKNOWN, Applied.FAILED}]
    if unclear:
        first = unclear[0]
        light = Light.UNKNOWN if first.applied is Applied.UNKNOWN else Light.CLOSING
        return ReadyItem("schema", light, f"{first.revision} {_how(first)}: {_end(first.detail)}", state.at)
    contracted = [seen for seen in state.migrations if seen.phase is MigrationPhase.CONTRACT and seen.applied is Applied.YES]
    own = [seen for seen in contracted if seen.name not in declared]
    if own:
        sentence = f"Contracted: {_names(own)} is applied, and the old version does not fit any more. Hold is what is left."
        return ReadyItem("schema", Light.SHUT, sentence, state.at)
    return ReadyItem("schema", Light.READY, _expanded(state.migrations, contracted), state.at)


def words(database: PostgresDatabase, look: SchemaLook) -> tuple[str, SchemaLight]:
    """Return a schema in one sentence, and how it is meant."""
    state = look.state
    if state is None:
        return (_end(look.problem), SchemaLight.UNKNOWN) if look.problem else ("Not read yet.", SchemaLight.UNKNOWN)
    if database.migrations and not state.migrations:
        return "Which migrations are applied is not known.", SchemaLight.UNKNOWN
    lights = [line.light for line in lines(database, state)]
    pending = sum(seen.applied is Applied.NO for seen in state.migrations)
    at = f"At {state.current}" if state.current else "Nothing is applied"
    if SchemaLight.WRONG in lights:
        return f"{at}; something is wrong with it.", SchemaLight.WRONG
    if SchemaLight.UNKNOWN in lights:
        return f"{at}; a part of it is not known.", SchemaLight.UNKNOWN
    if pending:
        return f"{at}; {pending} migration{'' if pending == 1 else 's'} pending.", SchemaLight.PENDING
    return f"{at}; everything that is declared is applied.", SchemaLight.GOOD


def lines(database: PostgresDatabase, state: SchemaState) -> tuple[SchemaLine, ...]:
    """Return a schema's card line by line: migrations, columns, who stands in the way, and what could not be read."""
    found = [_migration_line(seen) for seen in state.migrations]
    wanted = {each.name: (each, migration) for migration in database.migrations for each in migration.columns}
    applied = {seen.name for seen in state.migrations if seen.applied is Applied.YES}
    for column in state.columns:
        need, migration = wanted[column.name]
        found.append(_column_line(need, column, due=migration.name in applied))
    for each in state.locks:
        told = in_the_way(each, database.lock_timeout_s)
        if told:
            found.append(SchemaLine(each.table, SchemaLight.WRONG, f"{told[:1].upper()}{told[1:]}."))
    hidden = sorted({each.table for each in state.locks if each.for_s is None})
    if hidden:
        sentence = f"Somebody holds a lock on {', '.join(hidden)}; for how long shows with: GRANT pg_read_all_stats."
        found.append(SchemaLine("locks", SchemaLight.UNKNOWN, sentence))
    return (*found, *(SchemaLine("not read", SchemaLight.UNKNOWN, problem) for problem in state.problems))


def _migration_obstacles(each: Migration, seen: MigrationSeen, *, has_pipeline: bool) -> list[str]:
    if seen.applied is Applied.UNKNOWN:
        return [f"Whether migration {seen.revision} is applied is not known: {_end(seen.detail)}"]
    if seen.applied is Applied.FAILED:
        return [f"Migration {seen.revision} failed: {_end(seen.detail)}"]
    if seen.applied is Applied.NO and each.phase is not MigrationPhase.CONTRACT and not each.run and not has_pipeline:
        return [f"Migration {seen.revision} is not applied, and nothing in the plan applies it."]
    return []


def _column_obstacles(database: PostgresDatabase, state: SchemaState) -> tuple[str, ...]:
    """Return what is wrong with the columns of migrations that are applied: nothing of the plan would mend it any more."""
    applied = {seen.name for seen in state.migrations if seen.applied is Applied.YES}
    due = {each.name: each for migration in database.migrations if migration.name in applied for each in migration.columns}
    told = (column_problem(due[seen.name], seen) for seen in state.columns if seen.name in due)
    return tuple(f"Column {problem}." for problem in told if problem)


def _pending(database: PostgresDatabase, state: SchemaState) -> list[Migration]:
    return [database.migration(seen.name) for seen in state.migrations if seen.applied is Applied.NO]


def _locked(database: PostgresDatabase, state: SchemaState, pending: Sequence[Migration]) -> list[str]:
    """Return who stands in the way of the migrations that the plan itself would run."""
    tables = {table for each in pending if each.run and each.phase is not MigrationPhase.CONTRACT for table in each.tables}
    told = (in_the_way(each, database.lock_timeout_s) for each in state.locks if each.table in tables)
    return [f"{words[:1].upper()}{words[1:]}." for words in told if words]


def _migration_line(seen: MigrationSeen) -> SchemaLine:
    light = {
        Applied.YES: SchemaLight.GOOD,
        Applied.NO: SchemaLight.PENDING,
        Applied.FAILED: SchemaLight.WRONG,
        Applied.UNKNOWN: SchemaLight.UNKNOWN,
    }[seen.applied]
    if _is_another(seen):
        light = SchemaLight.WRONG
    when = f" since {seen.at.astimezone():%Y-%m-%d %H:%M}" if seen.at is not None and seen.applied is Applied.YES else ""
    detail = f", {seen.detail}" if seen.detail else ""
    one_way = ", one-way" if seen.phase is MigrationPhase.CONTRACT else ""
    return SchemaLine(seen.revision, light, f"{seen.phase.value}{one_way}: {_how(seen).removeprefix('is ')}{when}{detail}")


def _column_line(wanted: ColumnWanted, seen: ColumnSeen, *, due: bool) -> SchemaLine:
    problem = column_problem(wanted, seen)
    if not problem:
        share = "" if seen.null_share is None else f", {_share(seen.null_share)} null ({seen.how})"
        default = f", default {seen.default}" if seen.default else ""
        return SchemaLine(seen.name, SchemaLight.GOOD, f"{seen.type}{default}{share}")
    unknown = seen.exists is None or (seen.exists and wanted.max_null is not None and seen.null_share is None)
    light = SchemaLight.UNKNOWN if unknown else SchemaLight.WRONG if due else SchemaLight.PENDING
    return SchemaLine(seen.name, light, problem.removeprefix(f"{seen.name} "))


def _expanded(migrations: Sequence[MigrationSeen], contracted: Sequence[MigrationSeen]) -> str:
    added = [seen for seen in migrations if seen.phase is not MigrationPhase.CONTRACT and seen.applied is Applied.YES]
    open_ = [seen for seen in migrations if seen.phase is MigrationPhase.CONTRACT and seen.applied is Applied.NO]
    first = f"Expanded ({_names(added)})" if added else "Nothing of the release is applied yet"
    if contracted:
        return f"{first}; contracted ({_names(contracted)}), which has a step of its own."
    return f"{first}, and not contracted" + (f" ({_names(open_)} is pending)." if open_ else ".")


def _is_another(seen: MigrationSeen) -> bool:
    """Tell whether another file than the declared one was applied under this revision."""
    return seen.applied is Applied.YES and "checksum" in seen.detail


def _how(seen: MigrationSeen) -> str:
    return {Applied.YES: "is applied", Applied.NO: "is pending", Applied.FAILED: "failed", Applied.UNKNOWN: "is not known"}[seen.applied]


def _names(migrations: Sequence[MigrationSeen]) -> str:
    return ", ".join(seen.revision for seen in migrations)


def _type(name: str) -> str:
    """Return a type by the name that PostgreSQL gives it: a file may say `timestamptz` or `int`."""
    spelled = " ".join(name.lower().split())
    return _SHORT.get(spelled, spelled).replace("varchar", "character varying").replace("decimal", "numeric")


_SHORT = {
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "int2": "smallint",
    "bool": "boolean",
    "float8": "double precision",
    "float4": "real",
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "serial": "integer",
    "bigserial": "bigint",
}


def _share(share: float) -> str:
    return f"{share * 100:.3g} %" if share * 100 >= 0.01 or share == 0 else "less than 0.01 %"


def _span(seconds: float) -> str:
    """Return a span in words: `300 ms`, `9 s`, `4 min`, `3 h`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 90 else f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def _end(text: str) -> str:
    return f"{text.rstrip('.')}."
