"""The parts of the practice shop, one at a time."""

import asyncio
import json
import random
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from console.demo import deploy, ledger, router, scenario
from console.demo.counters import Counters
from console.demo.flags import Flag, respond
from console.demo.ledger import Checkout, Ledger
from console.demo.load import Customers, pace
from console.demo.payments import ACCEPTS, Provider, Trouble
from console.demo.wire import Caller, Reply, Request, WireError, serve

CHILDREN = ("shop", "payments", "flags", "tokens", "deployer", "load", "guard")


@pytest.mark.parametrize("module", CHILDREN)
def test_a_process_of_the_shop_loads_the_standard_library_alone_so_that_it_starts_fast(module: str) -> None:
    program = (
        f"import sys, console.demo.{module}\n"
        "own = {name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names - {'__main__'}\n"
        "print(sorted(own), [name for name in sys.modules if name.startswith('console.') and not name.startswith('console.demo')])"
    )
    root = Path(ledger.__file__).parents[2]
    plain = subprocess.run([sys.executable, "-S", "-c", program], check=False, capture_output=True, text=True, cwd=root)
    assert plain.stdout.strip() == "['console'] []"


def test_counters_are_written_as_families_with_cumulative_buckets() -> None:
    counters = Counters(["/cart"])
    counters.served("/pay", 200, 0.02)
    counters.served("/pay", 502, 0.2)
    counters.served("/", 200, 99.0)
    counters.add("resolved_failed", 3)
    lines = counters.text().splitlines()
    assert 'http_requests_total{route="/pay",code="502"} 1' in lines
    assert 'http_requests_total{route="/cart",code="200"} 0' in lines
    assert "http_errors_total 1" in lines
    assert "resolved_failed_total 3" in lines
    assert 'http_request_duration_seconds_bucket{le="0.025"} 1' in lines
    assert 'http_request_duration_seconds_bucket{le="2.5"} 2' in lines
    assert 'http_request_duration_seconds_bucket{le="+Inf"} 3' in lines
    assert "http_request_duration_seconds_count 3" in lines
    assert lines[-1] == "# EOF"


def test_a_counter_that_nobody_declared_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Counters().add("resolved_okay")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    ledger.create(tmp_path / "shop.sqlite")
    return tmp_path / "shop.sqlite"


def opened(database: Path, side: str) -> Ledger:
    return Ledger(database, side)


def test_a_session_belongs_to_the_side_that_served_its_last_step_and_ends_once(database: Path) -> None:
    with closing(opened(database, "green")) as green, closing(opened(database, "blue")) as blue:
        green.put_in_cart("ann", 2)
        assert green.start_checkout("ann", 1)
        assert not green.start_checkout("ann", 1)
        assert blue.take_over("ann") == Checkout("open", 3750, 1)
        assert green.time_out(0.0) == 0
        assert blue.finish("ann", paid=True)
        assert not blue.finish("ann", paid=False)
        assert blue.time_out(0.0) == 0
        assert blue.checkout("ann") == Checkout("ok", 3750, 1)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT session, cents, side FROM orders").fetchall() == [("ann", 3750, "blue")]


def test_a_session_in_which_nothing_happens_times_out_on_the_side_that_has_it(database: Path) -> None:
    with closing(opened(database, "green")) as green, closing(opened(database, "blue")) as blue:
        green.put_in_cart("ben", 1)
        green.start_checkout("ben", 3)
        assert green.time_out(60.0) == 0
        assert blue.time_out(0.0) == 0
        assert green.time_out(0.0) == 1
        assert not green.finish("ben", paid=True)


def test_there_is_no_checkout_without_a_cart(database: Path) -> None:
    with closing(opened(database, "blue")) as blue:
        assert not blue.start_checkout("cleo", 1)
        assert blue.take_over("cleo") is None


def script(tmp_path: Path, name: str) -> Path:
    path = tmp_path / "0052_payment_ref.sql"
    path.write_text(";\n".join(scenario.load(name).migration) + ";\n")
    return path


def test_the_silent_migration_adds_the_field_and_leaves_it_empty(database: Path, tmp_path: Path) -> None:
    with closing(opened(database, "green")) as green:
        assert green.reference(1) is None
        assert deploy.migrate(database, script(tmp_path, "silent-payment")) == 0
        assert green.reference(1) == ""
        assert green.token(1) == "tok-card"


@pytest.mark.parametrize("name", ["healthy", "site-wide"])
def test_the_other_migrations_fill_the_field(name: str, database: Path, tmp_path: Path) -> None:
    assert deploy.migrate(database, script(tmp_path, name)) == 0
    with closing(opened(database, "green")) as green:
        assert green.reference(1) == "ref-tok-card"


def test_a_migration_that_fails_changes_nothing(database: Path, tmp_path: Path) -> None:
    path = tmp_path / "0053_broken.sql"
    path.write_text("ALTER TABLE payment_methods ADD COLUMN half TEXT;\nUPDATE no_such_table SET half = 1;\n")
    with pytest.raises(sqlite3.OperationalError, match="no_such_table"):
        deploy.migrate(database, path)
    with closing(sqlite3.connect(database)) as connection:
        assert "half" not in {row[1] for row in connection.execute("PRAGMA table_info(payment_methods)")}
        assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'migrations'").fetchall() == [("migrations",)]


def rate(provider: Provider, caller: str, now: float, reference: str = "tok") -> float:
    return sum(provider.charge(reference, caller, now) == "paid" for _ in range(2000)) / 2000


def test_the_provider_never_completes_a_charge_without_a_reference() -> None:
    provider = Provider(None, random.Random(1))
    assert {provider.charge("", "5.2b", 0.0) for _ in range(100)} == {"pending"}


def test_the_provider_takes_all_but_a_few_charges_in_normal_times() -> None:
    assert rate(Provider(None, random.Random(1)), "5.1", 0.0) == pytest.approx(ACCEPTS, abs=0.01)


def test_trouble_begins_after_the_canarys_first_charge_hits_both_and_ends_when_the_canary_is_quiet() -> None:
    provider = Provider(Trouble("5.2b", 0.6, after_s=6.0, quiet_s=60.0), random.Random(1))
    assert rate(provider, "5.1", 100.0) > 0.95
    assert rate(provider, "5.2b", 101.0) > 0.95
    assert rate(provider, "5.1", 106.9) > 0.95
    assert rate(provider, "5.1", 107.1) == pytest.approx(0.6, abs=0.04)
    assert rate(provider, "5.2b", 108.0) == pytest.approx(0.6, abs=0.04)
    assert rate(provider, "5.1", 167.0) == pytest.approx(0.6, abs=0.04)
    assert rate(provider, "5.1", 168.1) > 0.95


def ask_flag(method: str, path: str, body: bytes = b"", **query: str) -> Request:
    return Request(method, path, query, {}, body)


@pytest.mark.anyio
async def test_a_flag_is_in_effect_when_every_shop_that_watches_has_seen_its_last_change() -> None:
    now = 0.0
    flag = Flag("checkout_v52", lambda: now)
    assert flag.state()["in_effect"] is False
    await flag.watch("blue", 0, 0.0)
    green = asyncio.create_task(flag.watch("green", 1, 5.0))
    await flag.watch("blue", 1, 0.0)
    await asyncio.sleep(0)
    assert flag.state()["in_effect"] is True
    flag.put(on=False, percent=0)
    assert flag.state() == {"name": "checkout_v52", "on": False, "percent": 0, "in_effect": False}
    assert await green == {"on": False, "percent": 0, "revision": 2}
    await flag.watch("green", 2, 0.0)
    assert flag.state()["in_effect"] is False
    now = 9.5
    await flag.watch("green", 2, 0.0)
    assert flag.state()["in_effect"] is True, "a shop that stopped watching is gone, and must not hold the others up"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"on": 1}', b'{"on": true, "percent": 101}', b'{"on": true, "percent": "5"}', b'{"on": true, "percent": NaN}']
)
async def test_nonsense_does_not_change_the_flag(body: bytes) -> None:
    flag = Flag("checkout_v52", lambda: 0.0)
    assert (await respond(flag, ask_flag("PUT", "/flag", body))).status == 400
    assert flag.state()["on"] is True


@pytest.mark.anyio
async def test_the_flag_service_answers_what_it_does_not_know_with_an_error() -> None:
    flag = Flag("checkout_v52", lambda: 0.0)
    assert (await respond(flag, ask_flag("GET", "/elsewhere"))).status == 404
    assert (await respond(flag, ask_flag("DELETE", "/flag"))).status == 405
    assert (await respond(flag, ask_flag("GET", "/watch", shop="blue", seen="x"))).status == 400
    assert json.loads((await respond(flag, ask_flag("PUT", "/flag", b'{"on": true, "percent": 40}'))).body)["percent"] == 40


async def echo(request: Request) -> Reply:
    return Reply(200, f"{request.method} {request.path} {request.query} {request.cookie('a')} {request.body.decode()}".encode())


async def talked(talk: Callable[[int], Awaitable[None]], answer: Callable[[Request], Awaitable[Reply]] = echo) -> None:
    server, port = await serve(answer)
    async with server:
        await talk(port)


@pytest.mark.anyio
async def test_requests_share_one_connection() -> None:
    async def talk(port: int) -> None:
        caller = Caller(port)
        first = await caller.call("POST", "/x?y=1", headers={"cookie": "b=2; a=1"}, body=b"hello")
        assert first.body == b"POST /x {'y': '1'} 1 hello"
        held = list(caller._idle)
        assert (await caller.call("GET", "/")).status == 200
        assert caller._idle == held
        held[0][1].close()
        await held[0][1].wait_closed()

    await talked(talk)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: 999999\r\n\r\n",
        b"A" * 40_000,
    ],
)
async def test_a_client_that_does_not_speak_http_is_told_so_and_let_go(sent: bytes) -> None:
    async def talk(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        assert (await reader.readline()).startswith(b"HTTP/1.1 400")
        writer.close()
        await writer.wait_closed()

    await talked(talk)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\ncontent-le", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"]
)
async def test_an_answer_that_cannot_be_used_is_an_error(said: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        with pytest.raises(WireError):
            await Caller(server.sockets[0].getsockname()[1]).call("GET", "/")


@pytest.mark.anyio
async def test_customers_that_find_nobody_are_counted_as_failed() -> None:
    server, port = await serve(echo)
    server.close()
    await server.wait_closed()
    customers = Customers(port, pace(20.0, None), 1)
    await customers.buy(hurry=True)
    status = customers.status()
    assert status["failed"] == status["sent"] == 5


def test_page_traffic_grows_with_the_speed_within_bounds() -> None:
    assert pace(1.0, None).pages_per_s == 80
    assert pace(40.0, None).pages_per_s == 120
    assert pace(100.0, None).pages_per_s == 200
    assert pace(20.0, 0.0).pages_per_s == 0


def test_the_router_gives_stable_all_traffic_and_picks_by_the_session_cookie() -> None:
    config = router.configuration({"blue": 1, "green": 2}, "blue")
    connections = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    route = connections["route_config"]["virtual_hosts"][0]["routes"][0]["route"]
    assert route["weighted_clusters"]["clusters"] == [{"name": "blue", "weight": 100}, {"name": "green", "weight": 0}]
    assert route["weighted_clusters"]["use_hash_policy"] is True
    assert route["hash_policy"] == [{"cookie": {"name": "shop_session"}}]
    addresses = [config["admin"]["address"], config["static_resources"]["listeners"][0]["address"]]
    assert {(each["socket_address"]["address"], each["socket_address"]["port_value"]) for each in addresses} == {("127.0.0.1", 0)}
