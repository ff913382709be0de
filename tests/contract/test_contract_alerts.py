"""What every source of alerts promises: what fires for the target, and a silence that is one, can be renewed and ended, and ends itself."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from faults.proxy import Fault, fault_proxy
from faults.scripted import Answer, bomb, scripted_server
from servers.alertmanager_process import AlertmanagerServer

from console.model.alerts import MOST, AlertmanagerAlerts, SilenceWanted
from console.model.clock import SystemClock
from console.model.errors import ConsoleError, Malformed, OutcomeUnknown, Refused, TooLarge, Unreachable
from console.model.ports import Alerts
from console.providers.alerts.alertmanager import Alertmanager
from console.providers.clients.http import HttpClient, Token

pytestmark = pytest.mark.anyio

MATCH = 'service="check\\"out", env=~"prod|stage"'
LABELS = {"service": 'check"out', "env": "prod"}


@pytest.fixture(params=["alertmanager"])
async def source(request: pytest.FixtureRequest):
    """Make the provider under test for an address."""
    client = HttpClient()

    def make(url: str, *, timeout_s: float = 2.0, token: Token | None = None, match: str = MATCH) -> Alerts:
        return Alertmanager(AlertmanagerAlerts(url, match, timeout_s=timeout_s), client, SystemClock(), token)

    yield make
    await client.aclose()


def wanted(*, for_s: float = 600.0, comment: str = "rollout R-1 of 5.2 on shop", matchers: str = MATCH) -> SilenceWanted:
    return SilenceWanted(matchers, SystemClock().now() + timedelta(seconds=for_s), comment, "Rita")


async def test_what_fires_for_the_target_is_read_the_worst_first(source, alertmanager_server: AlertmanagerServer) -> None:
    fire = alertmanager_server.fire
    await asyncio.to_thread(fire, "SlowPages", severity="warning", summary="p95 above 2 s", ago_s=300, **LABELS)
    await asyncio.to_thread(fire, "CheckoutDown", severity="critical", summary="<b>no</b> \u202eorder", **LABELS)
    await asyncio.to_thread(fire, "Other", severity="critical", service="search", env="prod")
    found = await source(alertmanager_server.url).alerts()
    assert [(each.name, each.severity, each.summary, each.silenced) for each in found.alerts] == [
        ("CheckoutDown", "critical", "<b>no</b> \\u202eorder", False),
        ("SlowPages", "warning", "p95 above 2 s", False),
    ]
    assert (SystemClock().now() - found.alerts[1].since).total_seconds() == pytest.approx(300, abs=10)
    assert found.more == 0


async def test_a_silence_takes_effect_is_renewed_as_one_and_ended(source, alertmanager_server: AlertmanagerServer) -> None:
    alerts = source(alertmanager_server.url)
    await asyncio.to_thread(alertmanager_server.fire, "SlowPages", **LABELS)
    first = await alerts.silence(wanted())
    while not (await alerts.alerts()).alerts[0].silenced:
        await asyncio.sleep(0.05)
    again = await alerts.silence(wanted(for_s=900.0))
    (kept,) = await asyncio.to_thread(alertmanager_server.silences)
    assert (first.id, again.id) == (kept["id"], kept["id"])
    assert datetime.fromisoformat(kept["endsAt"]) == pytest.approx(again.until, abs=timedelta(seconds=1))
    assert (kept["createdBy"], kept["comment"]) == ("Rita", "rollout R-1 of 5.2 on shop")
    assert {(each["name"], each["value"], each["isRegex"]) for each in kept["matchers"]} == {
        ("service", 'check"out', False),
        ("env", "prod|stage", True),
    }
    await alerts.end_silence(again.id)
    assert await asyncio.to_thread(alertmanager_server.silences) == []
    while (await alerts.alerts()).alerts[0].silenced:
        await asyncio.sleep(0.05)


async def test_another_rollout_and_other_matchers_are_another_silence(source, alertmanager_server: AlertmanagerServer) -> None:
    alerts = source(alertmanager_server.url)
    made = [await alerts.silence(each) for each in (wanted(), wanted(comment="R-2"), wanted(matchers='a!="b", c!~"d"'))]
    assert len({each.id for each in made}) == 3
    kept = next(each for each in await asyncio.to_thread(alertmanager_server.silences) if each["id"] == made[2].id)
    assert {(each["name"], each["isRegex"], each["isEqual"]) for each in kept["matchers"]} == {
        ("a", False, False),
        ("c", True, False),
    }
    assert (await alerts.silence(wanted(matchers='c!~"d", a!="b"'))).id == made[2].id


async def test_a_silence_that_nobody_ends_ends_by_itself(source, alertmanager_server: AlertmanagerServer) -> None:
    alerts = source(alertmanager_server.url)
    made = await alerts.silence(wanted(for_s=0.7))
    while await asyncio.to_thread(alertmanager_server.silences):
        await asyncio.sleep(0.1)
    await alerts.end_silence(made.id)


async def test_ending_what_is_over_or_unknown_is_no_error(source, alertmanager_server: AlertmanagerServer) -> None:
    alerts = source(alertmanager_server.url)
    made = await alerts.silence(wanted())
    for _ in range(2):
        await alerts.end_silence(made.id)
    await alerts.end_silence("00000000-0000-4000-8000-000000000000")


async def test_a_silence_after_an_ended_one_is_a_new_one(source, alertmanager_server: AlertmanagerServer) -> None:
    alerts = source(alertmanager_server.url)
    first = await alerts.silence(wanted())
    await alerts.end_silence(first.id)
    assert (await alerts.silence(wanted())).id != first.id


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.HANG_BEFORE, Fault.HANG_AFTER])
async def test_a_silence_that_is_cut_or_hangs_is_perhaps_kept_and_asking_again_makes_no_second_one(
    source, alertmanager_server: AlertmanagerServer, fault: Fault
) -> None:
    async with fault_proxy(alertmanager_server.url) as proxy:
        proxy.set(fault, lambda request, number: request.startswith(b"POST"))
        with pytest.raises(Unreachable) as caught:
            await source(proxy.url, timeout_s=0.5).silence(wanted())
    assert caught.value.sent
    await source(alertmanager_server.url).silence(wanted())
    assert len(await asyncio.to_thread(alertmanager_server.silences)) == 1


async def test_an_end_that_was_done_although_its_answer_was_cut_is_seen_to_be_done(source, alertmanager_server: AlertmanagerServer) -> None:
    made = await source(alertmanager_server.url).silence(wanted())
    async with fault_proxy(alertmanager_server.url) as proxy:
        proxy.set(Fault.CUT_AFTER, lambda request, number: request.startswith(b"DELETE"))
        await source(proxy.url, timeout_s=0.5).end_silence(made.id)
        proxy.set(Fault.CUT_BEFORE, lambda request, number: request.startswith(b"DELETE"))
        other = await source(alertmanager_server.url).silence(wanted())
        with pytest.raises(Unreachable):
            await source(proxy.url, timeout_s=0.5).end_silence(other.id)


async def test_nothing_was_sent_when_nobody_listens(source) -> None:
    async with scripted_server() as gone:
        pass
    for ask in (source(gone.url).alerts(), source(gone.url).silence(wanted()), source(gone.url).end_silence("a")):
        with pytest.raises(Unreachable) as caught:
            await ask
        assert not caught.value.sent


def alert(**changes: object) -> dict[str, object]:
    labels, notes = {"alertname": "A"}, {"summary": "s"}
    status = {"state": "active", "silencedBy": [], "inhibitedBy": []}
    return {
        "labels": labels,
        "annotations": notes,
        "status": status,
        "startsAt": "2026-11-24T10:00:00.123456789Z",
        "fingerprint": "f",
        **changes,
    }


def listed(*items: object) -> Answer:
    return Answer(body=json.dumps(items).encode())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(401), Refused),
        (Answer(403), Refused),
        (Answer(404), Refused),
        (Answer(429, headers={"retry-after": "3"}), Refused),
        (Answer(500), Refused),
        (Answer(body=b"<html>login</html>"), Malformed),
        (Answer(body=b"{}"), Malformed),
        (listed(1), Malformed),
        (listed(alert(labels=[])), Malformed),
        (listed(alert(startsAt="yesterday")), Malformed),
        (listed(alert(startsAt="2026-11-24T10:00:00")), Malformed),
        (listed(alert(status={"state": "active"})), Malformed),
        (Answer(raw=b"garbage\r\n\r\n"), Malformed),
        (bomb(100_000_000), TooLarge),
    ],
)
async def test_each_kind_of_bad_answer_is_its_own_error(source, answer: Answer, error: type[ConsoleError]) -> None:
    async with scripted_server() as server:
        server.script(answer)
        with pytest.raises(error) as caught:
            await source(server.url).alerts()
    assert caught.value.advice


async def test_inhibited_alerts_are_left_out_and_too_many_are_counted(source) -> None:
    async with scripted_server() as server:
        inhibited = alert(status={"state": "suppressed", "silencedBy": [], "inhibitedBy": ["x"]})
        server.script(listed(inhibited, *(alert(fingerprint=str(number)) for number in range(MOST + 2))))
        found = await source(server.url).alerts()
    assert (len(found.alerts), found.more) == (MOST, 2)
    assert b"filter=service%3D%22check%5C%22out%22&filter=env%3D~%22prod%7Cstage%22" in server.requests[0]


@pytest.mark.parametrize(
    ("answer", "error"), [(Answer(400), Refused), (Answer(403), Refused), (Answer(503), OutcomeUnknown), (Answer(body=b"{}"), Malformed)]
)
async def test_each_kind_of_no_to_a_silence_is_its_own_error(source, answer: Answer, error: type[ConsoleError]) -> None:
    async with scripted_server() as server:
        server.script(listed(), answer)
        with pytest.raises(error):
            await source(server.url).silence(wanted())


async def test_the_secret_is_sent_in_its_header_and_shown_nowhere(source) -> None:
    async def token() -> str:
        return "alert-secret-77"

    async with scripted_server() as server:
        server.script(Answer(403, body=b"alert-secret-77 may not"))
        with pytest.raises(Refused) as caught:
            await source(server.url, token=token).alerts()
    assert b"Bearer alert-secret-77" in server.requests[0]
    assert "alert-secret" not in str(caught.value)


def test_a_source_can_be_described_by_a_target_file() -> None:
    assert replace(AlertmanagerAlerts("http://a", 'a="b"'), silence='c="d"').silence == 'c="d"'
