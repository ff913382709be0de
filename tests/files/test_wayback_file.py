"""The declared steps of the way back in a target file: what they mean, what is a mistake, and that they read back as written."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.files.backchecks import _circle
from console.files.problems import BadTargetFile, told
from console.files.targetfile import load_target, read_target
from console.files.write import write_target
from console.model.places import resource
from console.model.systems import ArgoCdUndo, CommandUndo, HttpUndo, SecretRef, UndoSpec
from console.model.target import ReadyCheck, Reconciler, Reversibility, Snapshot, UndoKind, UndoStep

PATH = resource("examples", "haproxy.yaml")
HAPROXY = PATH.read_text(encoding="utf-8")
AT = "http://10.0.0.20:7000"


def problems_of(text: str) -> list[str]:
    with pytest.raises(BadTargetFile) as caught:
        read_target(text.encode(), "search.yaml")
    return [told(problem) for problem in caught.value.problems]


def changed(old: str, new: str) -> str:
    assert old in HAPROXY
    return HAPROXY.replace(old, new)


def test_the_declared_steps_mean_what_they_say():
    target = load_target(PATH)
    code, schema, cache, partners = target.undo
    token = SecretRef("keyring", "search-deploy")
    assert target.rollback == ("traffic",)
    assert code == UndoStep(
        "index code", UndoKind.CODE, HttpUndo(f"{AT}/undo/code", f"{AT}/undo/code", 120.0, token), deadline_s=120.0, predicted_s=30.0
    )
    assert (schema.after, schema.reversibility, schema.loses) == (
        ("index code",),
        Reversibility.LOSSY,
        "documents written since the release began",
    )
    assert schema.snapshot == Snapshot(HttpUndo("", f"{AT}/snapshot", 5.0), 4 * 3600.0)
    assert (cache.after, cache.from_stage) == (("traffic",), 2)
    assert (partners.spec, partners.instructions[:4], partners.deadline_s) == (None, "Tell", 900.0)
    assert target.ready == (
        ReadyCheck("token format", HttpUndo("", f"{AT}/ready/tokens"), closes=True),
        ReadyCheck("old index kept", HttpUndo("", f"{AT}/ready/index"), then_s=540.0),
    )
    assert target.reconcilers[0].name == "deploy robot"
    assert target.keyring_names == ("search-deploy",)
    assert not target.rehearse


def test_every_command_of_the_way_back_is_in_the_trust_prompt():
    text = changed(f"run: {AT}/undo/cache\n    check: {AT}/undo/cache", "run: [purge, cache]\n    check: [purge, --check]")
    text = text.replace(f'check: "{AT}/ready/index"', "check: [index, ready]").replace("keyring:search-deploy", "cmd:pass show search")
    text = text.replace(f'{{check: "{AT}/snapshot", max_age: 4 h}}', "{check: [snapshot, --fresh], max_age: 4 h}")
    target = read_target(text.encode(), "search.yaml")
    assert set(target.commands) == {"purge cache", "purge --check", "index ready", "pass show search", "snapshot --fresh"}
    assert isinstance(target.undo[2].spec, CommandUndo)


@pytest.mark.parametrize(
    ("old", "new", "field", "word"),
    [
        ("  - traffic\n", "", "rollback[0]", "traffic first"),
        ("after: [index code]", "after: [indexcode]", "rollback[2].after[0]", "did you mean index code?"),
        ("after: [index code]", "after: [flag]", "rollback[2].after[0]", "traffic, index code"),
        ("    timeout: 2 min", "    after: [partners]\n    timeout: 2 min", "rollback[1].after", "a circle"),
        ("name: query cache", "name: index code", "rollback[3].name", "second time"),
        ("name: query cache", "name: flag", "rollback[3].name", "steps of their own"),
        ("kind: cache", "kind: cash", "rollback[3].kind", "did you mean cache?"),
        (f"check: {AT}/undo/cache", "check: [purge, --check]", "rollback[3].check", "two addresses or two commands"),
        (f"check: {AT}/undo/cache", "chek: 1", "rollback[3].chek", "did you mean check?"),
        (f"    check: {AT}/undo/cache\n", "", "rollback[3].check", "only a manual step"),
        (f"    run: {AT}/undo/cache\n", "", "rollback[3].run", "only a manual step"),
        (f"run: {AT}/undo/cache", "run: http://rita:hunter2@10.0.0.20/", "rollback[3].run", "found ***"),
        (f"run: {AT}/undo/cache", "run: purge the cache", "rollback[3].run", "a command as a list of words"),
        (f'    snapshot: {{check: "{AT}/snapshot", max_age: 4 h}}\n', "", "rollback[2].snapshot", "no_way_back: signed"),
        ("    loses: documents written since the release began\n", "", "rollback[2].loses", "what would be lost"),
        ("class: lossy", "class: free", "rollback[2].snapshot", "only a lossy step"),
        ("class: lossy", "class: losy", "rollback[2].class", "did you mean lossy?"),
        ("max_age: 4 h", "max_age: 4", "rollback[2].snapshot.max_age", "span of time"),
        ("class: lossy", "class: lossy\n    no_way_back: signed", "rollback[2].no_way_back", "without a snapshot"),
        ("    instructions: Tell the partners' desk that the old index answers again.\n", "", "rollback[4].instructions", "has to do"),
        ("kind: manual", "kind: manual\n    run: [call]", "rollback[4].run", "done by a person"),
        ("kind: manual", "kind: manual\n    class: lossy", "rollback[4].class", "a person decides"),
        ("name: old index kept", "name: token format", "ready[1].name", "second time"),
        (
            f'resume: {{run: "{AT}/robot/resume", check: "{AT}/robot/resume"}}',
            "resume: {run: [a], check: [b]}",
            "reconcilers[0].resume",
            "for both",
        ),
        ("reconcilers:", "rehearse: maybe\nreconcilers:", "rehearse", "true or false"),
        ("kind: cache", "kind: cache\n    from_stage: 9", "rollback[3].from_stage", "a stage of this file, from 1 to"),
        ("kind: cache", "kind: cache\n    from_stage: 0", "rollback[3].from_stage", "a stage of this file, from 1 to"),
        ("kind: cache", "kind: cache\n    from_stage: two", "rollback[3].from_stage", "whole number"),
        ("kind: manual", "kind: manual\n    from_stage: 1", "rollback[4].from_stage", "no check"),
        ("closes: true}", "closes: true, then: 9 min}", "ready[0].then", "there is no way back"),
    ],
)
def test_a_mistake_in_the_way_back_names_its_field(old, new, field, word):
    found = problems_of(changed(old, new))
    assert any(field in line and word in line for line in found), found


def test_a_lossy_step_without_a_snapshot_may_be_signed_instead():
    text = changed(f'snapshot: {{check: "{AT}/snapshot", max_age: 4 h}}', "no_way_back: signed")
    assert read_target(text.encode(), "search.yaml").undo[1].snapshot is None


def test_a_one_way_step_needs_no_command_for_it_is_never_run():
    text = changed("class: lossy", "class: one-way").replace(f'    snapshot: {{check: "{AT}/snapshot", max_age: 4 h}}\n', "")
    text = text.replace(f"    run: {AT}/undo/schema\n", "")
    assert read_target(text.encode(), "search.yaml").undo[1].reversibility is Reversibility.ONE_WAY


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3), max_size=6))
def test_a_circle_is_found_exactly_where_there_is_one(edges):
    circle = _circle(edges)
    if circle:
        assert circle[0] == circle[-1]
        assert all(other in edges[name] for name, other in pairwise(circle))
        return
    left = {name: {other for other in others if other in edges} for name, others in edges.items()}
    while left:
        free = [name for name, others in left.items() if not others & left.keys()]
        assert free, "nothing is free, so there is a circle"
        for name in free:
            del left[name]


words = st.text("abcxyz -_é", min_size=1, max_size=12).map(str.strip).filter(lambda word: word and word not in {"traffic", "flag"})
spans = st.floats(0.001, 86_400)
urls = st.sampled_from(["http://a", "https://b.c/d?e=1", "http://127.0.0.1:1"])
tokens = st.none() | st.sampled_from([SecretRef("keyring", "a b"), SecretRef("cmd", "pass show 'a' #1")])
calls = st.lists(words | st.just(""), min_size=1, max_size=4).map(tuple)


@st.composite
def undo_steps(draw) -> tuple[UndoStep, ...]:
    made: list[UndoStep] = []
    for name in draw(st.lists(words, max_size=5, unique=True)):
        after = tuple(draw(st.lists(st.sampled_from(["traffic", *(step.name for step in made)]), max_size=3, unique=True)))
        kind, deadline = draw(st.sampled_from(UndoKind)), draw(spans)
        step = UndoStep(name, kind, None, after, deadline, draw(spans))
        if kind is UndoKind.MANUAL:
            made.append(replace(step, instructions=draw(words)))
            continue
        way = draw(st.sampled_from(Reversibility))
        by = draw(st.sampled_from(["http", "command", "argocd"]))
        token = None if by == "command" else draw(tokens)
        spec: UndoSpec = CommandUndo(draw(calls), draw(calls), ".", deadline)
        if by == "http":
            spec = HttpUndo(draw(urls), draw(urls), deadline, token)
        elif by == "argocd":
            project, namespace = draw(st.just("") | words), draw(st.just("") | words)
            action = draw(st.sampled_from(["rollback", "sync"]))
            spec = ArgoCdUndo(draw(urls), draw(words), action, project, namespace, draw(st.booleans()), deadline, token)
        loses = draw(words) if way is not Reversibility.FREE else ""
        snapshot = None
        if way is Reversibility.LOSSY and draw(st.booleans()):
            snapshot = Snapshot(HttpUndo("", draw(urls), 5.0, token), draw(spans))
        stage = draw(st.integers(0, 2))
        made.append(replace(step, spec=spec, reversibility=way, loses=loses, snapshot=snapshot, from_stage=stage))
    return tuple(made)


@st.composite
def reconcilers(draw, name: str) -> Reconciler:
    timeout, token = draw(spans), draw(tokens)
    if draw(st.integers(0, 2)) == 0:
        url, application = draw(urls), draw(words)
        return Reconciler(name, *(ArgoCdUndo(url, application, action, timeout_s=timeout, token=token) for action in ("pause", "resume")))
    if draw(st.booleans()):
        return Reconciler(name, *(HttpUndo(draw(urls), draw(urls), timeout, token) for _ in range(2)))
    return Reconciler(name, *(CommandUndo(draw(calls), draw(calls), ".", timeout) for _ in range(2)))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), undo_steps(), st.booleans())
def test_every_way_back_reads_back_as_it_was_written(data, undo, rehearse):
    ready = tuple(
        ReadyCheck(
            name,
            HttpUndo("", data.draw(urls), data.draw(spans), data.draw(tokens)),
            closes,
            None if closes else data.draw(st.none() | spans),
        )
        for name, closes in data.draw(st.lists(st.tuples(words, st.booleans()), max_size=3, unique_by=lambda pair: pair[0]))
    )
    paused = tuple(data.draw(reconcilers(name)) for name in data.draw(st.lists(words, max_size=2, unique=True)))
    target = replace(load_target(PATH), undo=undo, ready=ready, reconcilers=paused, rehearse=rehearse)
    again = read_target(write_target(target).encode(), target.path)
    assert replace(again, digest="", commands=()) == replace(target, digest="", commands=())
