"""What every channel promises, against the API contract only: no vendor's service runs here.

The shapes are those of the vendors' published documents: Slack's Block Kit, Microsoft's adaptive cards 1.4, PagerDuty's Events API v2,
Grafana's annotations API, Standard Webhooks 1.0, CloudEvents 1.0 (JSON format) and CDEvents 0.4.1.
"""

import asyncio
import base64
import importlib.util
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest
from clock import FakeClock
from faults.accepting import accepting
from faults.proxy import Fault, fault_proxy
from faults.scripted import Answer, ScriptedServer, bomb, scripted_server

from console.model.errors import BadFile, ConsoleError, OutcomeUnknown, Refused, Unreachable
from console.model.notes import (
    KINDS,
    CdeventsChannel,
    GrafanaChannel,
    Note,
    NoteKind,
    Notifier,
    PagerDutyChannel,
    SlackChannel,
    TeamsChannel,
    WebhookChannel,
)
from console.model.places import resource
from console.model.systems import SecretRef
from console.providers.clients.http import HttpClient
from console.providers.notify import cdevents, grafana, pagerduty, slack, teams, webhook
from console.providers.notify.cdevents import CdeventsNotifier
from console.providers.notify.grafana import GrafanaNotifier
from console.providers.notify.pagerduty import PagerDutyNotifier
from console.providers.notify.slack import SlackNotifier
from console.providers.notify.teams import TeamsNotifier
from console.providers.notify.webhook import WebhookNotifier

pytestmark = pytest.mark.anyio

CANARY = "c4nary-Zq7-of-the-shop"
REF = SecretRef("env", "X")
AT = datetime(2026, 11, 24, 10, 0, 5, 123456, tzinfo=UTC)
KEY = "whsec_" + base64.b64encode(b"0123456789abcdefghijklmnopqrstuv").decode()
NAMES = ["slack", "teams", "webhook", "pagerduty", "cdevents", "grafana"]
ACCEPTED = {
    "slack": Answer(200, b"ok", {"content-type": "text/plain"}),
    "teams": Answer(202, b"", {}),
    "webhook": Answer(204, b"", {}),
    "pagerduty": Answer(202, b'{"status": "success", "message": "Event processed", "dedup_key": "k"}'),
    "cdevents": Answer(202, b"", {}),
    "grafana": Answer(200, b'{"message": "Annotation added", "id": 1}'),
}


def note(kind: NoteKind = NoteKind.GATE_FAILED, **more: object) -> Note:
    given = {
        "rollout": "R-12",
        "version": "5.2b",
        "before": "5.1",
        "phase": kind.value,
        "weight": 5,
        "verdict": "Payment completion: 0 of 12 against 97 of 100.",
        "why": "the shop sells nothing <!channel> @here [x](http://evil)",
        "who": "Ana",
        "next": "Roll back.",
        **more,
    }
    return Note("note-1", kind, AT, "checkout-eu", "Checkout", "production", **given)  # type: ignore[arg-type]


def told(secret: str) -> Callable[[], asyncio.Future[str]]:
    async def give() -> str:
        return secret

    return lambda: asyncio.ensure_future(give())


@pytest.fixture(params=NAMES)
async def channel(request: pytest.FixtureRequest):
    """Make the channel under test for a server, with the canary in every secret of it."""
    clients: list[HttpClient] = []

    def make(url: str, *, timeout_s: float = 1.0, clock: FakeClock | None = None) -> Notifier:
        http = HttpClient()
        clients.append(http)
        secret = told(f"{url}/hooks/{CANARY}/T0%2Bx?sig={CANARY}&v=1")
        if request.param == "slack":
            return SlackNotifier(SlackChannel(REF, timeout_s), "ops", http, secret)
        if request.param == "teams":
            return TeamsNotifier(TeamsChannel(REF, timeout_s), "ops", http, secret)
        if request.param == "webhook":
            spec = WebhookChannel(REF, REF, timeout_s)
            return WebhookNotifier(spec, "ops", http, clock or FakeClock(), secret, told(CANARY + "-long-enough"))
        if request.param == "pagerduty":
            return PagerDutyNotifier(PagerDutyChannel(REF, url, timeout_s), "ops", http, told(CANARY))
        if request.param == "grafana":
            return GrafanaNotifier(GrafanaChannel(url, REF, timeout_s=timeout_s), "ops", http, told(CANARY))
        return CdeventsNotifier(CdeventsChannel(url, REF, "/shop", timeout_s), "ops", http, told(CANARY))

    make.name = request.param  # type: ignore[attr-defined]
    make.kind = NoteKind.STARTED if request.param == "cdevents" else NoteKind.GATE_FAILED  # type: ignore[attr-defined]
    yield make
    for client in clients:
        await client.aclose()


async def raised(notifier: Notifier, told_note: Note) -> ConsoleError:
    with pytest.raises(ConsoleError) as caught:
        await notifier.tell(told_note)
    return caught.value


async def test_a_note_is_accepted_and_sent_as_one_post_of_json(channel) -> None:
    async with scripted_server() as server:
        server.script(ACCEPTED[channel.name])
        await channel(server.url).tell(note(channel.kind))
    assert len(server.requests) == 1
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST ")
    assert b"json" in head.lower()
    assert json.loads(body)


async def test_a_note_that_is_sent_again_is_the_same_note(channel) -> None:
    """What a receiver tells notes apart by does not change, so that one sent twice is one."""
    clock = FakeClock()
    async with scripted_server() as server:
        server.script(ACCEPTED[channel.name])
        notifier = channel(server.url, clock=clock)
        await notifier.tell(note(channel.kind))
        clock.advance(60)
        await notifier.tell(note(channel.kind))
    first, second = (request.partition(b"\r\n\r\n") for request in server.requests)
    assert first[2] == second[2]
    if channel.name == "webhook":
        assert first[0] != second[0], "a new timestamp, or a receiver would refuse it as a replay"
        assert re.findall(rb"webhook-id: \S+", first[0]) == re.findall(rb"webhook-id: \S+", second[0])


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (Answer(400, b'{"message": "Invalid", "errors": ["no"]}'), Refused),
        (Answer(401), Refused),
        (Answer(403, b"invalid_token"), Refused),
        (Answer(404, b"no_service"), Refused),
        (Answer(410, b"channel_is_archived"), Refused),
        (Answer(429, b"", {"retry-after": "7"}), Refused),
        (Answer(302, b"", {"location": "http://127.0.0.1:1/"}), Refused),
        (Answer(500), Refused),
        (Answer(503, b"", {"retry-after": "7"}), Refused),
        (Answer(raw=b"garbage\r\n\r\n"), OutcomeUnknown),
        (bomb(9_000_000), OutcomeUnknown),
        (Answer(200, b"<html>Sign in</html>", {"content-type": "text/html"}), ConsoleError),
    ],
)
async def test_each_kind_of_no_is_its_own_error_and_says_what_to_do(channel, answer: Answer, wanted: type[ConsoleError]) -> None:
    async with scripted_server() as server:
        server.script(answer)
        error = await raised(channel(server.url), note(channel.kind))
    assert isinstance(error, wanted)
    assert error.advice
    if answer.status in {429, 503}:
        assert isinstance(error, Refused)
        assert error.retry_after_s == 7.0
    assert len(server.requests) == 1, "it is not sent twice, nor to another address"


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.HANG_AFTER, Fault.DRIP])
async def test_a_channel_that_is_cut_or_hangs_has_perhaps_been_told(channel, fault: Fault) -> None:
    async with scripted_server() as server, fault_proxy(server.url) as proxy:
        server.script(ACCEPTED[channel.name])
        proxy.set(fault)
        error = await raised(channel(proxy.url, timeout_s=0.3), note(channel.kind))
    assert isinstance(error, Unreachable)
    assert error.sent


async def test_nothing_was_sent_where_nobody_listens(channel) -> None:
    async with scripted_server() as gone:
        pass
    error = await raised(channel(gone.url), note(channel.kind))
    assert isinstance(error, Unreachable)
    assert not error.sent


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
async def test_no_message_shows_a_secret_although_the_server_repeats_all_it_was_told(channel, status: int) -> None:
    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        said = json.dumps({"message": head.decode(), "errors": [(await reader.readexactly(length)).decode()]}).encode()
        if status != 400:
            said = head[:300].replace(b"\r\n", b" ")
        writer.write(b"HTTP/1.1 %d %s\r\ncontent-length: %d\r\n\r\n" % (status, CANARY.encode(), len(said)) + said)
        await writer.drain()

    async with accepting(repeat) as port:
        error = await raised(channel(f"http://127.0.0.1:{port}"), note(channel.kind))
    cause: BaseException | None = error
    while cause is not None:
        assert CANARY not in str(cause)
        assert not any(CANARY in str(each) for each in cause.args)
        cause = cause.__cause__


@pytest.mark.parametrize("kind", KINDS)
async def test_every_happening_is_sent_or_is_none_of_the_channels(channel, kind: NoteKind) -> None:
    async with scripted_server() as server:
        server.script(ACCEPTED[channel.name])
        await channel(server.url).tell(note(kind))
    if channel.name in {"slack", "teams", "webhook", "grafana"}:
        assert len(server.requests) == 1


async def test_a_test_note_is_marked_as_one_wherever_it_goes(channel) -> None:
    async with scripted_server() as server:
        server.script(ACCEPTED[channel.name])
        await channel(server.url).tell(replace(note(NoteKind.TEST), rollout="", version="", before="", weight=None))
    assert len(server.requests) == 1
    assert b"TEST, nothing happened" in server.requests[0]


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("http://hooks.example/x", "not https"),
        (CANARY, "none"),
        ("ftp://hooks.example/x", "none"),
        ("https:///x", "none"),
        ("https://h:0/x", "none"),
    ],
)
@pytest.mark.parametrize("kind", ["slack", "teams", "webhook"])
async def test_a_secret_address_that_is_none_or_not_https_is_not_posted_to(kind: str, address: str, word: str) -> None:
    http = HttpClient()
    made = {
        "slack": lambda: SlackNotifier(SlackChannel(REF), "ops", http, told(address)),
        "teams": lambda: TeamsNotifier(TeamsChannel(REF), "ops", http, told(address)),
        "webhook": lambda: WebhookNotifier(WebhookChannel(REF, REF), "ops", http, FakeClock(), told(address), told(KEY)),
    }
    error = await raised(made[kind](), note())
    assert isinstance(error, BadFile)
    assert word in error.message
    assert CANARY not in str(error)
    await http.aclose()


# Slack


def test_a_chat_message_mentions_nobody_and_keeps_to_slacks_limits() -> None:
    body = slack.message(note(verdict="v" * 300, why="w" * 300 + "<!everyone>"))
    assert "<!" not in body["text"]
    assert "@here" not in slack.message(note())["text"]
    assert "](http" not in slack.message(note())["text"]
    header, section = body["blocks"]
    for block, limit in ((header, 150), (section, 3000)):
        assert block["text"]["type"] == "plain_text"
        assert 0 < len(block["text"]["text"]) <= limit
    assert (body["mrkdwn"], body["parse"], body["link_names"], body["unfurl_links"]) == (False, "none", False, False)
    assert len(slack.message(replace(note(), title="T" * 300))["blocks"][0]["text"]["text"]) == 150


# Teams

LOOKS = {
    "weight": {"Lighter", "Default", "Bolder"},
    "size": {"Small", "Default", "Medium", "Large", "ExtraLarge"},
    "color": {"Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_card_is_one_of_version_1_4_in_which_markdown_means_nothing(kind: NoteKind) -> None:
    body = teams.message(note(kind))
    (attachment,) = body["attachments"]
    assert (body["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    for block in card["body"]:
        assert set(block) == {"type", "inlines"}
        assert block["type"] == "RichTextBlock"
        for run in block["inlines"]:
            assert run["type"] == "TextRun"
            assert isinstance(run["text"], str)
            assert all(value in LOOKS[name] for name, value in run.items() if name not in {"type", "text"})


def test_the_largest_note_fits_into_one_card() -> None:
    wide = "\U0001f600" * 300
    full = note(verdict=wide, why=wide, who=wide, next=wide, version=wide, before=wide)
    assert len(json.dumps(teams.message(replace(full, title=wide))).encode()) < teams.CARD_LIMIT


# Standard Webhooks


def test_the_signature_is_that_of_the_published_vector() -> None:
    key = webhook.key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "x")
    signed = webhook.signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def receiver() -> ModuleType:
    """Return the receiver that ships with the program; it shares no code with it."""
    spec = importlib.util.spec_from_file_location("receive_webhook", resource("receive_webhook.py"))
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
    return module


def receive(request: bytes, key: bytes, now: datetime, seen: dict[str, float]) -> str:
    head, _, body = request.partition(b"\r\n\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])}
    return str(receiver().refusal(headers, body, key, now.timestamp(), seen))


async def test_the_receiver_that_ships_takes_a_note_once_and_refuses_what_was_changed_or_replayed() -> None:
    clock, seen = FakeClock(), dict[str, float]()
    http = HttpClient()
    async with scripted_server() as server:
        server.script(Answer(204, b"", {}))
        notifier = WebhookNotifier(WebhookChannel(REF, REF), "ops", http, clock, told(f"{server.url}/in"), told(KEY))
        await notifier.tell(note())
    await http.aclose()
    (request,), key = server.requests, receiver().key_of(KEY)
    assert key == webhook.key_of(KEY, "x")
    later = str(int(clock.now().timestamp()) + 60).encode()
    forged = re.sub(rb"(?<=webhook-timestamp: )\d+", later, request)
    for changed in (request.replace(b"5.2b", b"5.2c"), forged, request.replace(b"note-1", b"note-2")):
        assert "signature" in receive(changed, key, clock.now(), seen)
    assert "signature" in receive(request, b"another key of enough bytes", clock.now(), seen)
    assert "timestamp" in receive(request, key, clock.now() + timedelta(minutes=6), seen)
    assert receive(request, key, clock.now(), seen) == ""
    assert "came before" in receive(request, key, clock.now() + timedelta(minutes=4), seen)


@pytest.mark.parametrize(
    "secret", ["few-bytes", "whsec_" + base64.b64encode(b"few bytes").decode(), "whsec_not base64 at all, whatever it is"]
)
def test_a_weak_signing_key_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(BadFile) as caught:
        webhook.key_of(secret, "The channel ops")
    assert secret not in str(caught.value)


def test_the_body_of_a_webhook_holds_every_field_of_the_note() -> None:
    body = webhook.content_of(note())
    assert set(body) == {*Note.__dataclass_fields__, "format", "text"}
    assert body["at"] == "2026-11-24T10:00:05.123456Z"


# PagerDuty


def actions(kind: NoteKind, **more: object) -> list[tuple[str, str]]:
    sent = pagerduty.events(note(kind, **more))
    return [(path.removeprefix("v2/"), event.get("event_action", "") + event.get("dedup_key", "")[-8:]) for path, event in sent]


@pytest.mark.parametrize(
    ("kind", "more", "wanted"),
    [
        (NoteKind.STARTED, {}, [("change/enqueue", "")]),
        (NoteKind.STAGE_PASSED, {}, [("change/enqueue", "")]),
        (NoteKind.GATE_FAILED, {}, [("enqueue", "trigger-eu/R-12")]),
        (NoteKind.STEP_UNKNOWN, {}, [("enqueue", "trigger-eu/R-12")]),
        (NoteKind.DRIVER_LOST, {}, [("enqueue", "trigger-eu/R-12")]),
        (NoteKind.BACK_STOPPED, {}, [("enqueue", "triggerway-back")]),
        (NoteKind.HELD, {}, []),
        (NoteKind.HELD, {"by_person": True}, [("enqueue", "acknowledge-eu/R-12"), ("enqueue", "acknowledgeway-back")]),
        (NoteKind.GOING_BACK, {}, []),
        (NoteKind.GOING_BACK, {"by_person": True}, [("enqueue", "acknowledge-eu/R-12"), ("enqueue", "acknowledgeway-back")]),
        (NoteKind.RESUMED, {"by_person": True}, [("enqueue", "resolve-eu/R-12"), ("enqueue", "resolveway-back")]),
        (NoteKind.ROLLED_BACK, {}, [("enqueue", "resolve-eu/R-12"), ("enqueue", "resolveway-back"), ("change/enqueue", "")]),
        (NoteKind.DONE, {}, [("enqueue", "resolve-eu/R-12"), ("enqueue", "resolveway-back"), ("change/enqueue", "")]),
        (NoteKind.REFUSED, {}, []),
        (NoteKind.TEST, {}, [("change/enqueue", "")]),
        (NoteKind.GATE_FAILED, {"what": "rehearsal"}, []),
        (NoteKind.BACK_STOPPED, {"what": "rehearsal"}, []),
    ],
)
def test_pagerduty_calls_for_what_needs_a_person_and_never_for_a_rehearsal(kind: NoteKind, more: dict, wanted: list) -> None:
    assert actions(kind, **more) == wanted


@pytest.mark.parametrize("kind", [*KINDS, NoteKind.TEST])
def test_every_pagerduty_event_has_what_the_api_requires(kind: NoteKind) -> None:
    for path, event in pagerduty.events(replace(note(kind, by_person=True), title="T" * 300)):
        payload = event.get("payload")
        if path == pagerduty.CHANGES:
            assert set(event) == {"payload"}
            assert set(payload) == {"summary", "source", "timestamp", "custom_details"}
        else:
            assert event["event_action"] in {"trigger", "acknowledge", "resolve"}
            assert 0 < len(event["dedup_key"]) <= 255
        if payload is not None:
            assert 0 < len(payload["summary"]) <= 1024
            assert payload["source"]
            assert payload.get("severity", "info") in {"critical", "error", "warning", "info"}
        if event.get("event_action") == "trigger":
            assert payload["severity"]


async def test_the_routing_key_goes_into_the_body_and_a_soft_no_is_no_success() -> None:
    http = HttpClient()
    async with scripted_server() as server:
        server.script(Answer(202, b'{"status": "invalid event"}'))
        notifier = PagerDutyNotifier(PagerDutyChannel(REF, server.url + "/"), "ops", http, told("R0UTING"))
        error = await raised(notifier, note())
    await http.aclose()
    assert "success" in error.message
    assert server.requests[0].startswith(b"POST /v2/enqueue ")
    assert b'"routing_key":"R0UTING"' in server.requests[0].partition(b"\r\n\r\n")[2]


# CDEvents

CONTENT = {
    "dev.cdevents.pipelinerun.started.0.2.0": ("pipelineRun", {"pipelineName", "url"}, set()),
    "dev.cdevents.pipelinerun.finished.0.2.0": ("pipelineRun", set(), {"pipelineName", "url", "outcome", "errors"}),
    "dev.cdevents.service.deployed.0.2.0": ("service", {"environment", "artifactId"}, set()),
    "dev.cdevents.service.upgraded.0.2.0": ("service", {"environment", "artifactId"}, set()),
    "dev.cdevents.service.rolledback.0.2.0": ("service", {"environment", "artifactId"}, set()),
}
"""By type: the subject's type, the fields its content must have and those it may have besides."""


def checked(event: dict) -> str:
    """Hold an event against the CloudEvents JSON format and the CDEvents schemas, and return its type without version."""
    assert set(event) <= {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"}
    assert (event["specversion"], event["datacontenttype"]) == ("1.0", "application/cdevents+json")
    assert all(isinstance(event[name], str) and event[name] for name in ("id", "source", "type", "subject", "time"))
    data = event["data"]
    context, subject = data["context"], data["subject"]
    assert set(data) == {"context", "subject"}
    assert set(context) == {"version", "id", "source", "type", "timestamp", "chainId"}
    repeated = (context["id"], context["source"], context["type"], context["timestamp"], subject["id"])
    assert repeated == (event["id"], event["source"], event["type"], event["time"], event["subject"])
    assert context["version"] == "0.4.1"
    assert datetime.fromisoformat(context["timestamp"]).utcoffset() == timedelta(0)
    assert set(subject) == {"id", "source", "type", "content"}
    if event["type"] in CONTENT:
        kind, must, may = CONTENT[event["type"]]
        assert subject["type"] == kind
        assert must <= set(subject["content"]) <= must | may
    else:
        assert re.fullmatch(r"dev\.cdeventsx\.[a-zA-Z0-9]+-[a-zA-Z]+\.[a-zA-Z]+\.[0-9]\.[0-9]\.[0-9]", event["type"])
        assert re.fullmatch(r"[a-zA-Z0-9]+-[a-zA-Z]+", subject["type"])
    return event["type"].removeprefix("dev.cdevents.").rpartition(".0.2.0")[0]


@pytest.mark.parametrize(
    ("kind", "more", "wanted"),
    [
        (NoteKind.STARTED, {}, ["pipelinerun.started"]),
        (NoteKind.DONE, {}, ["service.upgraded", "pipelinerun.finished"]),
        (NoteKind.DONE, {"before": ""}, ["service.deployed", "pipelinerun.finished"]),
        (NoteKind.ROLLED_BACK, {}, ["service.rolledback", "pipelinerun.finished"]),
        (NoteKind.ROLLED_BACK, {"what": "rollback"}, ["service.rolledback", "pipelinerun.finished"]),
        (NoteKind.DONE, {"what": "rehearsal"}, []),
        (NoteKind.ROLLED_BACK, {"what": "flag"}, []),
        (NoteKind.GATE_FAILED, {}, []),
    ],
)
def test_each_cdevent_is_as_its_schema_has_it(kind: NoteKind, more: dict, wanted: list[str]) -> None:
    sent = cdevents.events(note(kind, **more), "/shop")
    assert [checked(event) for event in sent] == wanted
    assert len({event["id"] for event in sent}) == len(sent)


def test_a_service_that_was_rolled_back_runs_the_version_before() -> None:
    back, finished = cdevents.events(note(NoteKind.ROLLED_BACK), "/shop")
    assert back["data"]["subject"]["content"]["artifactId"] == "pkg:generic/checkout-eu@5.1"
    assert finished["data"]["subject"]["content"]["outcome"] == "failure"
    upgraded, finished = cdevents.events(note(NoteKind.DONE, version="5.2+b1/x"), "/shop")
    assert upgraded["data"]["subject"]["content"]["artifactId"] == "pkg:generic/checkout-eu@5.2%2Bb1%2Fx"
    assert finished["data"]["subject"]["content"]["outcome"] == "success"


def test_the_events_of_one_rollout_are_one_chain_and_a_test_is_an_event_of_our_own() -> None:
    chains = {event["data"]["context"]["chainId"] for kind in KINDS for event in cdevents.events(note(kind), "/shop")}
    assert len(chains) == 1
    (test,) = cdevents.events(note(NoteKind.TEST), "/shop")
    checked(test)


async def test_cdevents_are_sent_in_structured_mode_with_the_token_in_its_header() -> None:
    http = HttpClient()
    async with scripted_server() as server:
        server.script(Answer(202, b"", {}))
        await CdeventsNotifier(CdeventsChannel(server.url, REF, "/shop"), "ops", http, told(CANARY)).tell(note(NoteKind.DONE))
    await http.aclose()
    assert len(server.requests) == 2
    head = server.requests[0].partition(b"\r\n\r\n")[0].lower()
    assert b"content-type: application/cloudevents+json" in head
    assert f"authorization: bearer {CANARY}".lower().encode() in head


async def test_events_after_one_that_was_refused_are_not_sent() -> None:
    http = HttpClient()
    server: ScriptedServer
    async with scripted_server() as server:
        server.script(Answer(500))
        await raised(CdeventsNotifier(CdeventsChannel(server.url), "ops", http, None), note(NoteKind.DONE))
    await http.aclose()
    assert len(server.requests) == 1


# Grafana


def test_an_annotation_stands_at_its_time_with_its_tags_and_nothing_in_it_acts() -> None:
    body = grafana.annotation(note(why="<script>alert(1)</script> & more"), "uGlb_lG7z")
    assert set(body) == {"dashboardUID", "time", "tags", "text"}
    assert body["time"] == round(AT.timestamp() * 1000)
    assert body["tags"] == ["release-console", "checkout-eu", "production", "gate failed", "R-12", "note-1"]
    assert body["text"].startswith("Checkout (production): gate failed. rollout R-12 to 5.2b<br>Verdict: ")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in body["text"]
    assert "dashboardUID" not in grafana.annotation(note())


async def test_each_dashboard_is_annotated_and_one_that_may_have_been_is_looked_at_before_it_is_again() -> None:
    http, accepted = HttpClient(), ACCEPTED["grafana"]
    notifier = GrafanaNotifier(GrafanaChannel("http://x", REF, ("one", "two")), "ops", http, told(CANARY))
    async with scripted_server() as server:
        notifier._channel = replace(notifier._channel, url=f"{server.url}/grafana")
        server.script(accepted, Answer(raw=b""))
        with pytest.raises(ConsoleError):
            await notifier.tell(note())
        assert [b"/grafana/api/annotations " in request and request.startswith(b"POST") for request in server.requests] == [True, True]
        server.requests.clear()
        kept = Answer(body=json.dumps([{"id": 7, "tags": ["release-console", "note-1"]}]).encode())
        server.script(kept)
        await notifier.tell(note())
        assert [request.split(b" ")[0] for request in server.requests] == [b"GET"]
        assert b"tags=release-console&tags=note-1&dashboardUID=two" in server.requests[0]
        server.script(accepted, Answer(raw=b""))
        with pytest.raises(ConsoleError):
            await notifier.tell(note())
        server.requests.clear()
        server.script(Answer(403), accepted)
        await notifier.tell(note())
        assert [request.split(b" ")[0] for request in server.requests] == [b"GET", b"POST"]
    await http.aclose()
