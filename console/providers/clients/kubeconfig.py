"""Reads kubeconfigs as kubectl does, and nothing but reads: what would have to be run is returned as words."""

import base64
import binascii
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.model.errors import BadFile
from console.model.kubernetes import KubeCluster
from console.model.text import clean

LIMIT = 4 * 1024 * 1024
"""Bytes of a kubeconfig, and of a file that it names."""

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds the account that it runs under (kubernetes.io, "Accessing the Kubernetes API from a Pod")."""

_REFUSED = {
    "insecure-skip-tls-verify": "It asks not to verify the server: name its certificate-authority instead.",
    "proxy-url": "It goes through a proxy, which is not supported.",
    "tls-server-name": "It asks for another name in the certificate, which is not supported: use that name in the address.",
    "auth-provider": "It uses an auth-provider, which Kubernetes has removed: let its tool write an exec entry.",
    "username": "It logs in with a name and a password, which Kubernetes has removed: use a token, a certificate or an exec entry.",
    "as": "It acts as somebody else, which is not supported: use an account with the rights.",
}


@dataclass(frozen=True, slots=True)
class Plugin:
    """A command that gives credentials (client.authentication.k8s.io); `environment` is set beside the caller's."""

    api_version: str
    command: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    cluster_info: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """Return all that decides what would run: what is set in its environment, the command, its arguments."""
        return (*(f"{name}={value}" for name, value in self.environment.items()), self.command, *self.arguments)


@dataclass(frozen=True, slots=True)
class Access:
    """How a cluster is reached: certificates as PEM, the token itself or the file that it is read from anew."""

    server: str
    authority: str = ""
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    certificate: str = ""
    key: str = field(default="", repr=False)
    plugin: Plugin | None = None


def access_of(cluster: KubeCluster, folder: Path) -> Access:
    """Return how a cluster is reached, from its kubeconfig or from the pod's account; `folder` is where the target file lies.

    Raises BadFile, in words, for what cannot be read or used. Blocks: it reads files.
    """
    if cluster.in_cluster:
        return _account()
    files = [(path, _read_file(path)) for path in _paths(cluster, folder)]
    context, at = _named(files, "contexts", "context", cluster.context)
    server, server_at = _named(files, "clusters", "cluster", _text(context, "cluster", at))
    user, user_at = _named(files, "users", "user", _text(context, "user", at))
    for entry, place in ((server, server_at), (user, user_at)):
        for key, why in _REFUSED.items():
            if entry.get(key):
                raise _unusable(f"The context {_shown(cluster.context)} in {place.name} cannot be used.", why)
    token_file = user.get("tokenFile")
    return Access(
        server=_text(server, "server", server_at).rstrip("/"),
        authority=_pem(server, "certificate-authority", server_at),
        token=str(user.get("token") or ""),
        token_file=user_at.parent / str(token_file) if token_file else None,
        certificate=_pem(user, "client-certificate", user_at),
        key=_pem(user, "client-key", user_at),
        plugin=_plugin(user["exec"], user_at) if user.get("exec") else None,
    )


def contexts_in(cluster: KubeCluster, folder: Path) -> tuple[str, ...]:
    """Return the names of the contexts that a kubeconfig has. Raises BadFile. Blocks."""
    return _names([(path, _read_file(path)) for path in _paths(cluster, folder)], "contexts")


def login_words(access: Access) -> str:
    """Return the command that would log in as a target file spells it, "" when there is none."""
    if access.plugin is None:
        return ""
    return f"login: [{', '.join(_quoted(word) for word in access.plugin.words)}]"


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _paths(cluster: KubeCluster, folder: Path) -> list[Path]:
    if cluster.kubeconfig:
        return [folder / Path(cluster.kubeconfig).expanduser()]
    listed = [Path(each) for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    found = [path for path in listed if path.exists()] if listed else [Path.home() / ".kube" / "config"]
    return found or listed


def _read_file(path: Path) -> Mapping[str, Any]:
    from ruamel.yaml import YAML  # noqa: PLC0415 - only targets on Kubernetes pay for it
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    text = _bounded(path)
    try:
        tree = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise _unusable(f"The kubeconfig {path} is not YAML.", "Let kubectl config view read it.") from error
    if not isinstance(tree, dict):
        raise _unusable(f"The kubeconfig {path} is none.", "Let kubectl config view read it.")
    return tree


def _bounded(path: Path) -> str:
    try:
        with path.open("rb") as file:
            found = file.read(LIMIT + 1)
        if len(found) > LIMIT:
            raise _unusable(f"{path} is larger than {LIMIT // 1024} KiB.", "Check the path.")
        return found.decode("utf-8")
    except OSError as error:
        raise _unusable(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}.", "Check the path, and who may read it."
        ) from None
    except UnicodeDecodeError:
        raise _unusable(f"{path} is not text.", "Check the path.") from None


def _named(files: list[tuple[Path, Mapping[str, Any]]], kind: str, inner: str, name: str) -> tuple[Mapping[str, Any], Path]:
    """Return an entry by name from the first file that has it, with that file."""
    for path, tree in files:
        for each in _entries(tree, kind):
            if each.get("name") == name and isinstance(each.get(inner), dict):
                return each[inner], path
    known = ", ".join(_shown(each) for each in _names(files, kind)[:8])
    where = " or ".join(str(path) for path, _ in files)
    raise _unusable(f"{where} has no {inner} named {_shown(name)}.", f"It has: {known}." if known else "It has none at all.")


def _entries(tree: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return the mappings in a list, none where it is no list."""
    found = tree.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _names(files: list[tuple[Path, Mapping[str, Any]]], kind: str) -> tuple[str, ...]:
    found = [str(each.get("name", "")) for _, tree in files for each in _entries(tree, kind)]
    return tuple(dict.fromkeys(found))


def _text(entry: Mapping[str, Any], key: str, path: Path) -> str:
    found = entry.get(key)
    if not isinstance(found, str) or not found:
        raise _unusable(f"The kubeconfig {path} lacks a {key} where one must be.", "Let kubectl config view read it.")
    return found


def _pem(entry: Mapping[str, Any], key: str, path: Path) -> str:
    """Return a certificate or key that stands in the entry, or in the file that it names; "" when there is none."""
    inline = entry.get(f"{key}-data")
    if inline:
        try:
            return base64.b64decode(str(inline), validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            raise _unusable(f"The {key}-data in {path} is no base64.", "Let its tool write the kubeconfig anew.") from None
    return _bounded(path.parent / str(entry[key])) if entry.get(key) else ""


def _plugin(entry: Any, path: Path) -> Plugin:
    if not isinstance(entry, dict):
        raise _unusable(f"The exec entry in {path} is none.", "Let kubectl config view read it.")
    if entry.get("interactiveMode") == "Always":
        raise _unusable(f"The exec entry in {path} needs a person at a terminal.", "Use a login that works without one.")
    environment = {str(each["name"]): str(each.get("value", "")) for each in _entries(entry, "env") if "name" in each}
    command = _text(entry, "command", path)
    if not Path(command).is_absolute() and len(Path(command).parts) > 1:
        command = str(path.parent / command)  # a relative path is seen from the kubeconfig, a bare name from PATH
    return Plugin(
        api_version=_text(entry, "apiVersion", path),
        command=command,
        arguments=tuple(str(each) for each in entry["args"]) if isinstance(entry.get("args"), list) else (),
        environment=environment,
        cluster_info=bool(entry.get("provideClusterInfo")),
    )


def _account() -> Access:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise _unusable("This console does not run in a pod.", "Name a context of a kubeconfig in the target file instead of in_cluster.")
    host = f"[{host}]" if ":" in host else host
    return Access(f"https://{host}:{port}", _bounded(ACCOUNT / "ca.crt"), token_file=ACCOUNT / "token")


def _shown(name: str) -> str:
    return clean(shlex.quote(name), 80)


def _unusable(message: str, advice: str) -> BadFile:
    return BadFile(message, means="The cluster cannot be reached; nothing was sent.", advice=advice)
