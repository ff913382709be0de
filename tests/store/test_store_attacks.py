"""Each attack on the audit is found, and the first bad record is named, whichever database it is made on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from attacks import ATTACKS, Attack, SqliteVault, Vault, chained, fill, forged, outside, put, rows_of
from servers.postgres_process import PostgresServer
from team_kit import PostgresVault, Team, copied
from test_store_signing import Drawer

from console.store.keys import Signer

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", "postgres"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Vault]:
    if request.param == "sqlite":
        yield SqliteVault(tmp_path / "data")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = copied(server, request.getfixturevalue("bare_template"))
    yield PostgresVault(Team(server, name), tmp_path / "data")
    server.drop_database(name)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_an_attack_is_found_with_the_last_anchor_and_its_first_record_named(vault: Vault, attack: Attack):
    store = vault.open(Signer("ann", Drawer()))
    assert await store.audit.begin_signing() == ""
    await fill(store)
    anchor = outside(await store.audit.anchor(0))
    clean = await store.audit.verify(None, (anchor,))
    assert (clean.ok, clean.unanchored, clean.anchors) == (True, 0, 1), clean.problem
    key = store.keys.mine
    assert key is not None
    await store.close()
    with vault.unguarded() as conn:
        attack.act(conn, key)
    again = vault.open(Signer())
    found = await again.audit.verify(None, (anchor,))
    alone = await again.audit.verify()
    quick = await again.audit.verify(None, (anchor,), signatures=False)
    await again.close()
    assert found.first_bad == attack.first_bad, found.problem
    assert found.problem.split(":")[0] in {attack.word, "rewritten"}
    assert alone.ok == attack.needs_anchor, alone.problem
    assert attack.needs_anchor or alone.first_bad == attack.first_bad
    assert quick.first_bad == attack.first_bad or attack.name == "another's signature"


async def test_records_that_nobody_signed_are_safe_behind_an_anchor_only(vault: Vault):
    store = vault.open(Signer())
    await fill(store)
    anchor = outside(await store.audit.anchor(0))
    await store.close()
    with vault.unguarded() as conn:
        rows = rows_of(conn)
        put(conn, chained([*rows[:4], forged(rows[4]), *rows[5:]]))
    again = vault.open(Signer())
    alone, found = await again.audit.verify(), await again.audit.verify(None, (anchor,))
    await again.close()
    assert alone.ok
    assert (found.first_bad, "anchor.jsonl" in found.problem) == (5, True)
