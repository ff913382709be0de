"""Conflicts name who changed what and when, from any object that a server may send."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from console.providers.clients.kubeobjects import conflict, differences, turning
from console.providers.workloads.kubernetes import deployment_problems, pod_in_words, version_in


def _json(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=12
    )


SAID = _json(st.booleans() | st.integers() | st.text(max_size=5))
"""What objects hold: a null is the same as nothing there."""
JSON = _json(st.none() | st.booleans() | st.integers() | st.text(max_size=5))


def owned(manager: str, time: Any, fields: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields}


def test_who_owns_the_changed_field_is_named_and_not_who_wrote_last() -> None:
    now = {
        "spec": {"replicas": 3},
        "metadata": {
            "managedFields": [
                owned("kubectl-edit", "2026-11-24T10:00:00Z", {"f:spec": {"f:replicas": {}}}),
                owned("controller", "2026-11-24T11:00:00Z", {"f:status": {}}),
            ]
        },
    }
    said = conflict("Service shop", {"spec": {"replicas": 2}}, now).message
    assert said == "Service shop was changed by kubectl-edit at 2026-11-24 10:00:00 UTC in between: spec.replicas from 2 to 3."


def test_who_owns_a_container_or_a_field_with_dots_in_its_name_is_found() -> None:
    def containers(fields: Any) -> Any:
        return {"f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:name": {}, **fields}}, "f:notes": {"f:a.b/c": {}}}}

    time = "2026-11-24T10:00:00Z"
    image = {"f:spec": {"f:containers": {'k:{"name":"web"}': {"f:image": {}}}}}
    fields = [owned("maker", time, containers({})), owned("rita", time, image)]
    now = {"spec": {"containers": [{"name": "web", "image": "2"}], "notes": {"a.b/c": "1"}}, "metadata": {"managedFields": fields}}
    assert "changed by rita" in conflict("it", {"spec": {**now["spec"], "containers": [{"name": "web", "image": "1"}]}}, now).message
    assert "changed by maker" in conflict("it", {"spec": {**now["spec"], "notes": {"a.b/c": "0"}}}, now).message


@given(SAID, SAID)
def test_a_merge_patch_turns_one_object_into_the_other(before: Any, wanted: Any) -> None:
    before, wanted = {"x": before}, {"x": wanted}
    assert _without_nulls(_merged(before, turning(before, wanted))) == _without_nulls(wanted)


def _merged(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    made = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = _merged(made.get(key), value)
    return made


def _without_nulls(value: Any) -> Any:
    """A merge patch cannot say null, and a Kubernetes object has none that means anything."""
    if not isinstance(value, dict):
        return value
    return {key: _without_nulls(each) for key, each in value.items() if each is not None}


def test_many_changes_are_cut_and_counted() -> None:
    before, now = {"spec": {}}, {"spec": {f"f{number}": number for number in range(9)}}
    assert "; and 4 more" in conflict("it", before, now).message
    assert "changed by somebody in between" in conflict("it", before, now).message


@given(SAID, SAID)
def test_equal_values_differ_in_nothing_and_others_in_something(before: Any, now: Any) -> None:
    assert list(differences(before, before, "x")) == []
    assert bool(list(differences(before, now, "x"))) == (before != now)


@given(st.dictionaries(st.sampled_from(["spec", "status", "metadata", "containers", "conditions"]), JSON))
def test_no_object_breaks_what_is_said_about_it(found: Any) -> None:
    assert conflict("it", {}, found).message
    assert isinstance(pod_in_words(found), str)


def test_an_image_tells_its_tag_and_without_one_its_digest() -> None:
    def version(image: str) -> str:
        return version_in({"spec": {"containers": [{"name": "web", "image": image}]}}, "image", "", "it")

    assert version("registry:5000/a/shop:17.4.0") == "17.4.0"
    assert version("shop:17@sha256:" + "a" * 64) == "17"
    assert version("registry:5000/shop@sha256:" + "a" * 64) == "sha256:aaaaaaaaaaaa"


def test_each_way_in_which_a_deployment_is_not_done_has_words() -> None:
    def problems(**status: Any) -> str:
        return "; ".join(deployment_problems({"metadata": {"generation": 2}, "spec": {"replicas": 3}, "status": status}))

    whole = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
    assert problems(**whole) == ""
    assert "has not seen the newest change" in problems(**{**whole, "observedGeneration": 1})
    assert "1 of 3 replicas are updated" in problems(**{**whole, "updatedReplicas": 1})
    assert "1 replicas of an older version still run" in problems(**{**whole, "replicas": 4})
    assert "2 of 3 replicas are available" in problems(**{**whole, "availableReplicas": 2})
    late = {"type": "Progressing", "status": "False", "message": "has timed out progressing"}
    assert "timed out" in problems(**whole, conditions=[late])
