"""An Argo CD application in a target file: as a step of the way back, a check of readiness, and a reconciler."""

import pytest

from console.files.problems import BadTargetFile, told
from console.files.targetfile import read_target
from console.files.write import write_target
from console.model.places import resource
from console.model.systems import ArgoCdUndo, SecretRef
from console.model.target import Reconciler

TEXT = resource("examples", "argocd.yaml").read_text(encoding="utf-8")
URL, TOKEN = "https://argocd.example.com", SecretRef("keyring", "argocd")


def test_the_example_means_what_it_says() -> None:
    target = read_target(TEXT.encode(), "t.yaml")
    assert target.undo[0].spec == ArgoCdUndo(URL, "reviews-green", "rollback", timeout_s=300, token=TOKEN)
    assert target.ready[0].spec == ArgoCdUndo(URL, "reviews-blue", "healthy", timeout_s=5, token=TOKEN)
    pause, resume = (ArgoCdUndo(URL, "reviews-green", action, timeout_s=30, token=TOKEN) for action in ("pause", "resume"))
    assert target.reconcilers == (Reconciler("argo cd", pause, resume),)
    assert target.keyring_names == ("argocd",)
    assert target.commands == ()


def test_project_namespace_and_pruning_read_back_as_written() -> None:
    text = TEXT.replace("do: rollback", "do: sync, project: shop, namespace: apps, prune: true")
    target = read_target(text.encode(), "t.yaml")
    assert target.undo[0].spec == ArgoCdUndo(URL, "reviews-green", "sync", "shop", "apps", True, 300, TOKEN)
    assert read_target(write_target(target).encode(), "t.yaml").undo == target.undo


@pytest.mark.parametrize(
    ("old", "new", "field", "word"),
    [
        ("do: rollback", "do: rolback", "rollback[1].argocd.do", "did you mean rollback?"),
        (", do: rollback", "", "rollback[1].argocd.do", "required"),
        ("    kind: code\n", "    kind: code\n    run: http://10.0.0.1/undo\n", "rollback[1].run", "nothing beside `argocd`"),
        ("    kind: code\n", "    kind: manual\n    instructions: Call.\n", "rollback[1].argocd", "done by a person"),
        ("  - name: stable side", "  - check: http://10.0.0.1/ready\n    name: stable side", "ready[0].check", "nothing beside `argocd`"),
        ("  - name: argo cd\n    argocd:", "  - name: argo cd\n    argo:", "reconcilers[0].argo", "did you mean argocd?"),
        ("  - name: argo cd\n    argocd:", "  - name: argo cd\n    argo:", "reconcilers[0].pause", "or an Argo CD application"),
        ("application: reviews-blue}", "application: reviews-blue, do: sync}", "ready[0].argocd.do", "a known key"),
        ("https://argocd.example.com", "argocd.example.com", "reconcilers[0].argocd.url", "http"),
    ],
)
def test_a_mistake_names_its_field(old: str, new: str, field: str, word: str) -> None:
    assert old in TEXT
    with pytest.raises(BadTargetFile) as caught:
        read_target(TEXT.replace(old, new).encode(), "t.yaml")
    assert any(f": {field}: " in line and word in line for line in map(told, caught.value.problems)), list(map(told, caught.value.problems))
