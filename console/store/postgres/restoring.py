"""Puts a backup into an empty team's database, as its administrator: the records as they were, under their own log."""

from sqlalchemy import Connection, create_engine, insert, select
from sqlalchemy.pool import NullPool

from console.model.errors import BadFile
from console.store.backup import PEOPLE, people_of, portions
from console.store.postgres.address import Address
from console.store.postgres.connecting import SCHEMA, Raw, within
from console.store.postgres.setup import log_of, parts, refuse_foreign, told
from console.store.postgres.tables import people
from console.store.schema import about, metadata

_RESTORE_S = 3600.0


def restore(raw: Raw, address: Address, backup: Connection) -> list[str]:
    """Set an empty database up for a backup's log and fill it, in one transaction; `raw` is closed afterwards.

    Returns who has to be given a login again. Raises BadFile when the database holds records.
    """
    engine = create_engine("postgresql+psycopg://", creator=lambda: raw, poolclass=NullPool, use_native_hstore=False)
    with told(address), within(raw, _RESTORE_S), engine.connect() as conn:
        if log_of(raw):
            raise BadFile(f"{address} holds records already.", means="Nothing was changed.", advice="Restore into an empty database.")
        refuse_foreign(raw, address)
        log = str(backup.execute(select(about.c.value).where(about.c.key == "log")).scalar_one())
        for part in parts(address.database, log):
            for statement in part.statements:
                raw.execute(statement.encode())
        raw.execute(f"SET LOCAL search_path = {SCHEMA}")
        persons = people_of(backup)
        _fill(raw, conn, backup)
        if persons:
            conn.execute(insert(people), persons)
        _rules(raw, on=True)
        conn.commit()
    return [str(person["login"]) for person in persons if person["removed_at"] is None]


def _fill(raw: Raw, conn: Connection, backup: Connection) -> None:
    """Copy all tables with the rules off: they are about what people write, and this was written once."""
    _rules(raw, on=False)
    for table in metadata.sorted_tables:
        for rows in portions(backup, table):
            fresh = [row for row in rows if table is not about or row["key"] not in {"log", PEOPLE}]
            if fresh:
                conn.execute(insert(table), fresh)
        if "number" in table.c:
            highest = f"SELECT coalesce(max(number), 0) + 1 FROM {table.name}"  # noqa: S608
            raw.execute(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'number'), ({highest}), false)")


def _rules(raw: Raw, *, on: bool) -> None:
    raw.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in (*metadata.tables, people.name):
        raw.execute(f"ALTER TABLE {table} {'ENABLE' if on else 'DISABLE'} TRIGGER USER")
