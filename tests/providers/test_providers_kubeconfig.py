"""Kubeconfigs are read as kubectl does, what cannot be used is told in words, and nothing in them is run."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from console.model.errors import BadFile
from console.model.kubernetes import KubeCluster
from console.providers.clients import kubeconfig
from console.providers.clients.kubeconfig import access_of, contexts_in, login_words


def written(path: Path, *, server: Any = None, user: Any = None, name: str = "prod") -> Path:
    config = {
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443/", **(server or {})}}],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": "t0"} if user is None else user}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def test_certificates_tokens_and_files_are_found_seen_from_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "ca.pem").write_text("AUTHORITY")
    key = base64.b64encode(b"KEY").decode()
    user = {"client-certificate-data": base64.b64encode(b"CERT").decode(), "client-key-data": key, "tokenFile": "token"}
    written(tmp_path / "keys" / "config", server={"certificate-authority": "ca.pem"}, user=user)
    access = access_of(KubeCluster("prod", kubeconfig="keys/config"), tmp_path)
    assert (access.server, access.authority, access.certificate, access.key) == ("https://10.0.0.1:6443", "AUTHORITY", "CERT", "KEY")
    assert access.token_file == tmp_path / "keys" / "token"
    assert "KEY" not in repr(access)


def test_kubectls_own_places_are_looked_at_and_the_first_file_that_has_a_name_counts(tmp_path: Path, monkeypatch) -> None:
    first = written(tmp_path / "first", user={"token": "first"})
    second = written(tmp_path / "second", user={"token": "second"}, name="other")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'gone'}:{first}:{second}")
    assert contexts_in(KubeCluster(), tmp_path) == ("prod", "other")
    assert access_of(KubeCluster("other"), tmp_path).token == "first"
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    written(tmp_path / "home" / ".kube" / "config", user={"token": "home"})
    assert access_of(KubeCluster("prod"), tmp_path).token == "home"


def test_an_unknown_context_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    written(tmp_path / "config")
    with pytest.raises(BadFile) as caught:
        access_of(KubeCluster("prd", kubeconfig="config"), tmp_path)
    assert "no context named prd" in caught.value.message
    assert caught.value.advice == "It has: prod."


@pytest.mark.parametrize(
    ("server", "user", "said"),
    [
        ({"insecure-skip-tls-verify": True}, None, "not to verify"),
        ({"proxy-url": "http://proxy"}, None, "proxy"),
        ({"tls-server-name": "other"}, None, "another name"),
        ({}, {"auth-provider": {"name": "gcp"}}, "auth-provider"),
        ({}, {"username": "u", "password": "hunter2"}, "a name and a password"),
        ({}, {"token": "t", "as": "admin"}, "somebody else"),
        ({}, {"client-certificate": "gone.pem"}, "Check the path"),
        ({}, {"client-key-data": "%%%"}, "anew"),
        ({}, {"exec": {"apiVersion": "v1", "command": "x", "interactiveMode": "Always"}}, "without"),
        ({}, {"exec": {"apiVersion": "v1"}}, "kubectl config view"),
    ],
)
def test_what_is_not_supported_is_told_and_never_worked_around(tmp_path: Path, server: Any, user: Any, said: str) -> None:
    written(tmp_path / "config", server=server, user=user)
    with pytest.raises(BadFile) as caught:
        access_of(KubeCluster("prod", kubeconfig="config"), tmp_path)
    assert said in caught.value.advice
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a list", "a: [", "\x00", "users: 1\ncontexts: x", "&a [*a]"])
def test_a_file_that_is_no_kubeconfig_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").write_text(text)
    with pytest.raises(BadFile):
        access_of(KubeCluster("prod", kubeconfig="config"), tmp_path)


def test_the_words_of_a_login_hold_all_that_decides_what_would_run(tmp_path: Path) -> None:
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "bin/login",
        "args": ["--cluster", 'a "b"'],
        "env": [{"name": "PROFILE", "value": "prod"}],
    }
    written(tmp_path / "config", user={"exec": plugin})
    access = access_of(KubeCluster("prod", kubeconfig="config"), tmp_path)
    assert access.plugin is not None
    assert access.plugin.words == ("PROFILE=prod", str(tmp_path / "bin" / "login"), "--cluster", 'a "b"')
    assert login_words(access) == f'login: ["PROFILE=prod", "{tmp_path}/bin/login", "--cluster", "a \\"b\\""]'


def test_in_a_pod_its_own_account_is_used_and_outside_of_one_that_is_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(kubeconfig, "ACCOUNT", tmp_path)
    (tmp_path / "ca.crt").write_text("AUTHORITY")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(BadFile, match="does not run in a pod"):
        access_of(KubeCluster(in_cluster=True), tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    access = access_of(KubeCluster(in_cluster=True), tmp_path)
    assert (access.server, access.authority, access.token_file) == ("https://[fd00::1]:6443", "AUTHORITY", tmp_path / "token")
