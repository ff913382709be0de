"""Target files are read whole, every mistake at once, and written so that they read back the same."""

import contextlib
import json
import random
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.files.build import window_id
from console.files.problems import BadTargetFile, told
from console.files.schema import target_schema
from console.files.targetfile import check_target, load_target, read_target
from console.files.write import write_target
from console.model.alerts import AlertmanagerAlerts
from console.model.errors import BadFile
from console.model.freeze import Blackout, FreezeWindow, OneOff, Weekly
from console.model.links import Link
from console.model.notes import Channel, GrafanaChannel
from console.model.places import resource
from console.model.systems import (
    AlbTraffic,
    CommandPipeline,
    CommandStage,
    EnvoyTraffic,
    HaproxyTraffic,
    HttpFlag,
    HttpWorkloads,
    LaunchDarklyFlag,
    OpenMetricsSource,
    PrometheusSource,
    SecretRef,
    TraefikTraffic,
    UnleashFlag,
)
from console.model.target import Environment, FreezeRule, Panel, PanelKind, Prices, SessionGate, Stage, Target, ThresholdGate

EXAMPLES = sorted(resource("examples").glob("*.yaml"))
ENVOY = resource("examples", "envoy.yaml").read_text(encoding="utf-8")


def problems_of(text: str) -> list[str]:
    with pytest.raises(BadTargetFile) as caught:
        read_target(text.encode(), "shop.yaml")
    return [told(problem) for problem in caught.value.problems]


def changed(old: str, new: str) -> str:
    assert old in ENVOY
    return ENVOY.replace(old, new)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_good_and_reads_back_as_written(path):
    assert check_target(path) == []
    target = load_target(path)
    assert target.path == str(path)
    assert len(target.digest) == 64
    assert read_target(write_target(target).encode(), str(path)) == replace(
        target, digest=read_target(write_target(target).encode(), "").digest
    )


def test_the_example_means_what_it_says():
    target = read_target(ENVOY.encode(), "shop.yaml")
    assert target.environment is Environment.PRODUCTION
    assert target.traffic == EnvoyTraffic("http://127.0.0.1:9901", "routing.shop", {"blue": "shop_blue", "green": "shop_green"})
    assert [stage.weight for stage in target.stages] == [5, 25, 50, 95, 95]
    assert target.stages[4] == Stage(95, 1800, ("Payment completion", "Error share"), bake=True)
    assert target.gates[0] == SessionGate("Payment completion")
    assert target.metrics.token == SecretRef("keyring", "checkout-metrics")
    assert target.blackout == Blackout("http_requests", 800, 0.8, 0.7)
    assert target.freezes[1].span == Weekly(frozenset({4, 5}), time(22), time(8))
    assert target.freezes[0].targets == ("checkout-eu",)
    assert target.prices == Prices("EUR", 37.5, 13.33)
    assert target.commands == ("make test", "make smoke")


def test_every_mistake_is_told_at_once_with_its_place_and_what_was_meant():
    text = changed("environment: production", "enviroment: production")
    text = text.replace("{weight: 25 %, wait: 15 min}", "{weight: 25 %, wait: 15, gates: [Payment complete]}")
    text = text.replace("Europe/Berlin\n      from", "Europe/Berln\n      from").replace("blue: shop_blue", "bleu: shop_blue")

    def line(words: str) -> int:
        return 1 + text[: text.index(words)].count("\n")

    gates, pay, zone = (
        "the name of a gate: Payment completion, Error share",
        line("Payment complete]"),
        "an IANA time zone such as Europe/Berlin",
    )
    assert problems_of(text) == [
        f"shop.yaml:{line('format:')}: environment: found nothing, wanted a value: the key is required",
        f"shop.yaml:{line('enviroment:')}: enviroment: found the key enviroment, wanted a known key (did you mean environment?)",
        f"shop.yaml:{line('clusters:')}: traffic.clusters.bleu: found the side bleu, wanted blue or green (did you mean blue?)",
        f"shop.yaml:{line('clusters:')}: traffic.clusters.blue: found nothing, wanted a value for the side blue",
        f"shop.yaml:{pay}: stages[1].gates[0]: found Payment complete, wanted {gates} (did you mean Payment completion?)",
        f"shop.yaml:{pay}: stages[1].wait: found 15, wanted a span of time such as 45 s, 15 min or 2 h",
        f"shop.yaml:{line('Berln')}: freeze.windows[0].zone: found Europe/Berln, wanted {zone} (did you mean Europe/Berlin?)",
    ]


@pytest.mark.parametrize(
    ("old", "new", "field", "word"),
    [
        ("format: 1", "format: 2", "format", "wanted 1"),
        ("address: keyring:checkout-chat", "address: https://hooks.example/T0/s3cret", "notify[0].address", "found ***"),
        ("on: [started, rolled back, done]", "on: [startet]", "notify[2].on[0]", "wanted"),
        ("name: on-call", "name: release chat", "notify[1].name", "a second time"),
        ("source: /checkout/release-console", "source: our console", "notify[4].source", "a URI or a part of one"),
        ("name: checkout-eu", "name: ../../etc", "name", "small letters"),
        ("sides: [blue, green]", "sides: [blue]", "sides", "at least 2"),
        ("sides: [blue, green]", "sides: [blue, blue]", "sides[1]", "different sides"),
        ("provider: envoy", "provider: envoi", "traffic.provider", "did you mean envoy?"),
        ("  provider: openmetrics\n", "", "metrics.provider", "required"),
        ("admin: http://127.0.0.1:9901", "admin: 127.0.0.1:9901", "traffic.admin", "http://"),
        ("blue: http://127.0.0.1:8081/version", "blue: http://127.0.0.1:8082/version", "workloads.urls", "its own"),
        ("token: keyring:checkout-metrics", "token: hunter2", "metrics.token", "found ***"),
        ("http://127.0.0.1:8090/flags", "http://rita:hunter2@127.0.0.1:8090/flags", "flag.url", "found ***"),
        ("run: [make, test]", "run: make test", "pipeline.stages[0].run", "a list"),
        ("run: [make, test]", "run: []", "pipeline.stages[0].run", "at least 1"),
        ("kind: sessions", "kind: sesions", "gates[0].kind", "did you mean sessions?"),
        ("name: Error share", "name: Payment completion", "gates[1].name", "second time"),
        ("limit: 5 %", "limit: high", "gates[1].limit", "a number"),
        ("must_see: total failure", "must_see: 120 %", "gates[0].must_see", "total failure"),
        ("weight: 25 %", "weight: 5 %", "stages[1].weight", "more than the 5 %"),
        ("weight: 50 %", "weight: 0", "stages[2].weight", "1 % to 100 %"),
        ("{weight: 50 %, wait: 15 min}", "{weight: 50 %, wait: 15 min, bake: true}", "stages[2].bake", "last stage"),
        ("rollback: [traffic, flag]", "rollback: [flag, traffic]", "rollback[0]", "traffic first"),
        ("rollback: [traffic, flag]", "rollback: [traffic, schema]", "rollback[1]", "traffic or flag"),
        ("from: 2026-11-26 18:00", "from: 2026-11-31 18:00", "freeze.windows[0].from", "local date and time"),
        ("until: 2026-12-01 08:00", "until: 2026-11-26 18:00", "freeze.windows[0].until", "after `from`"),
        ("days: [fri, sat]", "days: [fri, satt]", "freeze.windows[1].days[1]", "mon, tue or fri"),
        ("days: [fri, sat]", "days: []", "freeze.windows[1].days", "at least 1"),
        ("from: 22:00", "from: 2026-11-26", "freeze.windows[1].from", "local time"),
        ("open_at: 70 %", "open_at: 90 %", "freeze.blackout.open_at", "at most the 80%"),
        ("peak_per_min: 800", "peak_per_min: 0", "freeze.blackout.peak_per_min", "above 0"),
        ("denominator: payments, ", "", "panels[1].denominator", "the whole"),
        ("kind: rate, numerator", "kind: rate, denominator: x, numerator", "panels[0].denominator", "no whole"),
        ("per_session: 37.50", "per_session: 37,50", "loss", "a known key"),
        ("in_flight: hold", "in_flight: finish", "freeze.in_flight", "hold or roll back"),
        ("loss: {", "speed: 20\nloss: {", "speed", "practice"),
        ("roll_back_after: 20 s", "roll_back_after: no", "after_a_fail.roll_back_after", "span"),
        ("owner: checkout team", "owner: [a]", "owner", "one line"),
        ("title: Checkout EU", 'title: "Checkout\\eEU"', "title", "one line"),
        ("gates:\n", "gates: &g\n", "gates", "anchors"),
    ],
)
def test_a_mistake_names_its_field(old, new, field, word):
    found = problems_of(changed(old, new))
    assert any(field in line and word in line for line in found), found


def test_a_secret_written_by_mistake_is_never_repeated():
    text = changed("token: keyring:checkout-metrics", "token: hunter2").replace("admin: http://", "admin: http://rita:hunter2@")
    assert "hunter2" not in "\n".join(problems_of(text))


def test_gates_without_metrics_are_a_mistake():
    start, end = ENVOY.index("metrics:\n"), ENVOY.index("# Commands that")
    assert any("gates without metrics" in line for line in problems_of(ENVOY[:start] + ENVOY[end:]))


@pytest.mark.parametrize(
    ("address", "good"),
    [("unix:/run/h.sock", True), ("127.0.0.1:9999", True), ("unix:", False), ("localhost", False), ("a:0", False), ("a:70000", False)],
)
def test_a_haproxy_address_is_a_socket(address, good):
    text = resource("examples", "haproxy.yaml").read_text(encoding="utf-8").replace("unix:/run/haproxy/admin.sock", f'"{address}"')
    if good:
        assert read_target(text.encode(), "x").traffic.address == address
    else:
        assert any("unix:PATH or HOST:PORT" in line for line in problems_of(text))


def test_a_server_stands_on_one_side_only():
    text = resource("examples", "haproxy.yaml").read_text(encoding="utf-8").replace("green: [green1, green2]", "green: [blue1, green2]")
    assert any("traffic.servers.green[0]: found blue1 a second time" in line for line in problems_of(text))


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]", "just words", "~", "- a\n- b\n"])
def test_a_file_that_is_no_mapping_says_what_is_wanted(text):
    assert "a mapping that describes a target" in problems_of(text)[0]


def test_a_file_that_cannot_be_read_is_a_message(tmp_path: Path):
    assert told(check_target(tmp_path / "none.yaml")[0]).endswith("found no file, wanted a target file that can be read")
    assert "something that is no file" in told(check_target(tmp_path)[0])
    assert check_target(Path("a\x00b"))
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * 300_000)
    assert "256 KiB" in told(check_target(large)[0])


def test_a_hostile_file_is_answered_soon_with_the_first_mistakes():
    keys = "".join(f"enviroment{number}: x\n" for number in range(4000))
    names = ", ".join(f"Payment completio{number}" for number in range(4000))
    found = problems_of(keys + ENVOY.replace("{weight: 25 %, wait: 15 min}", "{weight: 25 %, wait: 15 min, gates: [" + names + "]}"))
    assert 100 < len(found) <= 200


def test_the_schema_for_editors_is_current():
    kept = resource("schemas", "target.schema.json").read_text(encoding="utf-8")
    assert kept == target_schema(), "write it anew: the file holds what console.files.schema.target_schema() returns"
    schema = json.loads(target_schema())
    assert set(schema["required"]) == {"format", "name", "environment", "sides", "traffic", "workloads"}
    assert all("description" in part for part in schema["$defs"].values())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_names_the_schema(path):
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert (path.parent / first.removeprefix("# yaml-language-server: $schema=")).is_file()


words = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=20).filter(lambda text: text == text.strip())
metric_names = st.from_regex(r"[A-Za-z_:][A-Za-z0-9_:]{0,20}", fullmatch=True).filter(str.isascii)
spans = st.floats(0.001, 86_400)
urls = st.sampled_from(["http://127.0.0.1:{n}", "https://shop.example/{n}?x=%20y", "http://[::1]:80{n}/"])
secrets = st.none() | st.sampled_from([SecretRef("keyring", "a b"), SecretRef("env", "TOKEN"), SecretRef("cmd", "pass show 'a' #1")])
names = st.lists(words, max_size=4, unique=True)
moments = st.datetimes(datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2100-01-01"))


@st.composite
def windows(draw, target: str, name: str) -> FreezeWindow:
    if draw(st.booleans()):
        start = draw(moments)
        span = OneOff(start, start + draw(st.timedeltas(timedelta(microseconds=1), timedelta(days=40))))
    else:
        span = Weekly(draw(st.frozensets(st.integers(0, 6), min_size=1)), draw(st.times()), draw(st.times()))
    zone = draw(st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"]))
    texts = draw(st.tuples(st.just("") | words, st.just("") | words))
    return FreezeWindow(window_id(target, name), name, *texts, zone, span, (target,), "file")


@st.composite
def gates(draw, name: str):
    if draw(st.booleans()):
        harm = draw(st.floats(0, 1, exclude_max=True))
        return SessionGate(name, draw(metric_names), draw(metric_names), harm, draw(st.booleans()), draw(st.booleans()))
    limit = draw(st.floats(0, 1e12))
    return ThresholdGate(name, draw(metric_names), draw(st.none() | metric_names), limit, draw(st.integers(0, 10**6)))


@st.composite
def panels(draw, name: str) -> Panel:
    kind = draw(st.sampled_from(PanelKind))
    whole = draw(metric_names) if kind is PanelKind.SHARE else None
    quantile = draw(st.floats(0.001, 0.999)) if kind is PanelKind.QUANTILE else 0.95
    return Panel(name, kind, draw(metric_names), whole, quantile, draw(st.just("") | words))


@st.composite
def stages(draw, gate_names: list[str]) -> tuple[Stage, ...]:
    weights = sorted(draw(st.lists(st.integers(1, 100), max_size=5, unique=True)))
    chosen = [tuple(draw(st.lists(st.sampled_from(gate_names), unique=True))) if gate_names else () for _ in range(len(weights) + 1)]
    made = [Stage(weight, draw(spans), chosen[number]) for number, weight in enumerate(weights)]
    if weights and draw(st.booleans()):
        made.append(Stage(weights[-1], draw(spans), chosen[-1], bake=True))
    return tuple(made)


@st.composite
def sources(draw, url_of: dict[str, str]):
    """A source of counters; no query, for those are only good for what is read."""
    if draw(st.booleans()):
        return OpenMetricsSource(url_of, draw(st.floats(0.1, 60)), draw(spans), draw(secrets))
    sides = {side: f'side=~"{number}|\\\\d", a!="b"' for number, side in enumerate(url_of)}
    times = (draw(st.floats(0.1, 60)), draw(st.floats(0.1, 300)), draw(spans))
    return PrometheusSource("https://prometheus.example/path?x=1", sides, {}, *times, draw(secrets), draw(st.just("") | words))


alerts = st.builds(
    AlertmanagerAlerts,
    st.just("http://alerts"),
    st.just('a="b"'),
    st.sampled_from(["", 'c=~"d|e"']),
    st.floats(0.1, 60),
    spans,
    secrets,
    st.just("") | words,
)


ACCOUNT = "arn:aws:elasticloadbalancing:eu-central-1:123456789012"
token = st.just(SecretRef("env", "TOKEN"))
flags = (
    st.builds(HttpFlag, st.just("http://f"), words, spans, secrets, st.booleans())
    | st.builds(UnleashFlag, st.just("http://u"), words, words, words, spans, token, secrets, st.booleans())
    | st.builds(LaunchDarklyFlag, words, words, words, st.just("https://l"), spans, token, st.booleans())
)


@st.composite
def targets(draw) -> Target:
    sides = draw(st.sampled_from([("blue", "green"), ("1", "2"), ("no", "yes"), ("a", "null")]))
    by_side = draw(urls)
    url_of = {side: by_side.replace("{n}", str(number + 1)) for number, side in enumerate(sides)}
    kind = draw(st.sampled_from(["envoy", "traefik", "alb", "haproxy"]))
    labels = dict(zip(sides, draw(st.lists(words, min_size=2, max_size=2, unique=True)), strict=True))
    if kind == "envoy":
        traffic = EnvoyTraffic("http://127.0.0.1:9901", draw(words), labels, draw(spans))
    elif kind == "traefik":
        service = draw(words.filter(lambda word: "@" not in word))
        traffic = TraefikTraffic(
            "http://t", "./t.yaml", service, labels, draw(st.sampled_from(["", "http://m"])), draw(spans), draw(secrets)
        )
    elif kind == "alb":
        groups = {side: f"{ACCOUNT}:targetgroup/t-{number}/0" for number, side in enumerate(sides)}
        traffic = AlbTraffic(f"{ACCOUNT}:listener/app/t/1/2", groups, draw(st.just("") | words), draw(spans))
    else:
        servers = draw(st.lists(words, min_size=2, max_size=6, unique=True))
        halves = (tuple(servers[:1]), tuple(servers[1:]))
        traffic = HaproxyTraffic("unix:/run/h.sock", draw(words), dict(zip(sides, halves, strict=True)), draw(spans))
    name = draw(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True).filter(str.isascii))
    gate_names, environment = draw(names), draw(st.sampled_from(Environment))
    commands = st.builds(CommandStage, words, st.lists(words | st.just(""), min_size=1, max_size=4).map(tuple), spans)
    close_at = draw(st.floats(0.01, 1))
    return Target(
        name=name,
        title=draw(words),
        environment=environment,
        sides=sides,
        traffic=traffic,
        workloads=HttpWorkloads(url_of, draw(spans)),
        metrics=draw(sources(url_of)),
        alerts=draw(st.none() | alerts),
        dashboards=tuple(Link(each, "https://g/d/x?orgId=1") for each in draw(names)),
        notify=draw(st.just(()) | st.just((Channel("graphs", GrafanaChannel("https://g", SecretRef("env", "T"), ("uid",))),))),
        pipeline=draw(
            st.none() | st.lists(commands, min_size=1, max_size=3, unique_by=lambda stage: stage.name).map(tuple).map(CommandPipeline)
        ),
        flag=draw(st.none() | flags),
        gates=tuple(draw(gates(gate)) for gate in gate_names),
        panels=tuple(draw(panels(panel)) for panel in draw(names)),
        stages=draw(stages(gate_names)),
        rollback=draw(st.sampled_from([(), ("traffic",), ("traffic", "flag")])),
        freezes=tuple(draw(windows(name, window)) for window in draw(names)),
        blackout=draw(st.none() | st.builds(Blackout, metric_names, st.floats(0.1, 1e6), st.just(close_at), st.floats(0.01, close_at))),
        freeze_rule=draw(st.sampled_from(FreezeRule)),
        return_if_lost_s=draw(st.sampled_from([None, 20.0, 90.0])),
        auto_rollback_after_s=draw(st.floats(0, 86_400)),
        prices=draw(st.none() | st.builds(Prices, words, st.floats(0, 1e6), st.none() | st.floats(0.01, 1e6))),
        owner=draw(st.just("") | words),
        speed=draw(st.floats(0.1, 100)) if environment is Environment.PRACTICE else 1.0,
    )


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(targets())
def test_every_target_reads_back_as_it_was_written(target):
    again = read_target(write_target(target).encode(), "")
    assert replace(again, digest="", commands=()) == target


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(EXAMPLES),
    st.integers(0, 2**32),
    st.lists(st.sampled_from(["drop", "double", "swap", "byte", "null", "word"]), max_size=4),
)
def test_a_damaged_file_is_bad_and_nothing_worse(path, seed, damages):
    picks, lines = random.Random(seed), path.read_bytes().split(b"\n")
    for damage in damages:
        at = picks.randrange(len(lines))
        if damage == "drop":
            del lines[at]
        elif damage == "double":
            lines.insert(at, lines[at])
        elif damage == "swap":
            other = picks.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        elif damage == "byte":
            cut = picks.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:cut] + bytes([picks.randrange(256)]) + lines[at][cut:]
        else:
            lines[at] = lines[at].split(b":")[0] + (b":" if damage == "null" else b": [1, {a: b}]")
    with contextlib.suppress(BadFile):
        read_target(b"\n".join(lines), "x.yaml")


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    st.sampled_from(
        [
            "sides",
            "traffic",
            "workloads",
            "metrics",
            "pipeline",
            "flag",
            "gates",
            "stages",
            "panels",
            "rollback",
            "ready",
            "reconcilers",
            "rehearse",
            "after_a_fail",
            "if_the_driver_is_lost",
            "freeze",
            "loss",
            "name",
        ]
    ),
)
def test_any_shape_in_any_section_is_bad_and_nothing_worse(value, section):
    document = {"format": "1", "name": "x", "environment": "staging", "sides": ["a", "b"], "stages": [], "gates": [], section: value}
    with pytest.raises(BadFile):
        read_target(json.dumps(document).encode(), "x.yaml")


def test_a_file_says_what_happens_when_its_driver_is_lost(tmp_path: Path):
    path = tmp_path / "shop.yaml"
    path.write_text(ENVOY, encoding="utf-8")
    assert load_target(path).return_if_lost_s is None
    path.write_text(changed("  then: hold ", "  then: return to stable "), encoding="utf-8")
    assert load_target(path).return_if_lost_s == 60
