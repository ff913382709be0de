"""The outside systems that a target file names, a value each: what is needed to reach them, and nothing of how."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass

from console.model.kubernetes import KubeTraffic, KubeWorkloads

Side = str
"""One of the two sides of a target's traffic, by the name its file gives it ("blue", "green")."""


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is found: `keyring:NAME`, `env:NAME` or `cmd:COMMAND`; never the secret itself."""

    scheme: str
    name: str


@dataclass(frozen=True, slots=True)
class EnvoyTraffic:
    """A route with weighted clusters whose weights are runtime keys of an Envoy.

    `admin` is the admin interface's base URL, `runtime_prefix` the route's `runtime_key_prefix`, `clusters` the cluster of each side.
    """

    admin: str
    runtime_prefix: str
    clusters: Mapping[Side, str]
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class TraefikTraffic:
    """A weighted service in a YAML file that Traefik's file provider watches.

    `api` is the base URL of its API, `file` the file as this computer sees it (from the target file's folder where it is relative),
    `service` the weighted service's name, `services` the service of each side. `metrics` is where its Prometheus metrics are, `api` with
    /metrics unless told otherwise. `token` is sent as a bearer token, or with `user` as that user's password.
    """

    api: str
    file: str
    service: str
    services: Mapping[Side, str]
    metrics: str = ""
    timeout_s: float = 5.0
    token: SecretRef | None = None
    user: str = ""


@dataclass(frozen=True, slots=True)
class HaproxyTraffic:
    """A HAProxy backend driven by its runtime API; `address` is `unix:PATH` or `HOST:PORT`; `servers` are each side's servers."""

    address: str
    backend: str
    servers: Mapping[Side, tuple[str, ...]]
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class AlbTraffic:
    """A rule of an AWS Application Load Balancer that forwards to two weighted target groups.

    `rule` is the ARN of the rule, or of the listener for its default action; `groups` is the target group's ARN of each side. Credentials
    come from the chain of AWS's own tools, with `profile` where it is given.
    """

    rule: str
    groups: Mapping[Side, str]
    profile: str = ""
    timeout_s: float = 5.0

    @property
    def region(self) -> str:
        """Return the region that the rule's ARN names."""
        return self.rule.split(":")[3]


TrafficSpec = EnvoyTraffic | HaproxyTraffic | TraefikTraffic | AlbTraffic | KubeTraffic


@dataclass(frozen=True, slots=True)
class HttpWorkloads:
    """Sides that tell their version at an HTTP address, as JSON with a `version` field or as plain text."""

    urls: Mapping[Side, str]
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class OpenMetricsSource:
    """Sides that expose OpenMetrics text; `headers_secret` is sent as a bearer token."""

    urls: Mapping[Side, str]
    poll_s: float = 5.0
    timeout_s: float = 5.0
    token: SecretRef | None = None

    @property
    def interval_s(self) -> float:
        """Return how far apart new numbers come; after two of it they are stale."""
        return self.poll_s


@dataclass(frozen=True, slots=True)
class PrometheusSource:
    """Counters that a Prometheus, or what speaks its API, keeps; `sides` are the label matchers of each side.

    `scrape_s` is how often the Prometheus reads the service. `queries` gives metrics of the file PromQL of their own, by name, with
    `$side` where the matchers of a side go.
    """

    url: str
    sides: Mapping[Side, str]
    queries: Mapping[str, str] = field(default_factory=dict)
    poll_s: float = 5.0
    scrape_s: float = 15.0
    timeout_s: float = 5.0
    token: SecretRef | None = None
    user: str = ""
    """Sent with the token as its password, where the server wants that instead of a bearer token."""

    @property
    def interval_s(self) -> float:
        """Return how far apart new numbers come, so that two of it are two polls and one scrape; after that they are stale."""
        return self.poll_s + self.scrape_s / 2


@dataclass(frozen=True, slots=True)
class CommandStage:
    """A declared command that is one stage of a pipeline; it passes when it exits 0."""

    name: str
    run: tuple[str, ...]
    timeout_s: float = 600.0


@dataclass(frozen=True, slots=True)
class CommandPipeline:
    """Declared commands, run in order in `folder`; the version arrives as RELEASE_VERSION in their environment."""

    stages: tuple[CommandStage, ...]
    folder: str = "."

    @property
    def limit_s(self) -> float:
        """Return the longest that a run takes."""
        return sum(stage.timeout_s for stage in self.stages)


@dataclass(frozen=True, slots=True)
class HttpFlag:
    """One flag behind a small HTTP interface: GET gives `{name, on, percent, in_effect}`, PUT sets `{on, percent}`.

    `in_effect` tells whether those who evaluate the flag have seen it as it is now; null where nobody can tell.
    """

    url: str
    name: str
    timeout_s: float = 5.0
    token: SecretRef | None = None
    raise_at_start: bool = False


@dataclass(frozen=True, slots=True)
class UnleashFlag:
    """A flag in one environment of an Unleash, raised and lowered by its gradual rollout.

    `url` is the server's base URL. `token` may change the flag (an admin or a service account's token); `client_token` is one of those
    that the SDKs of this environment use, to see what they see: without it nobody can tell what is in effect.
    """

    url: str
    name: str
    environment: str
    project: str = "default"
    timeout_s: float = 5.0
    token: SecretRef | None = None
    client_token: SecretRef | None = None
    raise_at_start: bool = False


@dataclass(frozen=True, slots=True)
class LaunchDarklyFlag:
    """A boolean flag in one environment of a LaunchDarkly project, raised and lowered by the percentage of its default rule.

    `project`, `environment` and `name` are keys. `token` is an access token that may change the flag.
    """

    name: str
    project: str
    environment: str
    url: str = "https://app.launchdarkly.com"
    timeout_s: float = 5.0
    token: SecretRef | None = None
    raise_at_start: bool = False


@dataclass(frozen=True, slots=True)
class HttpUndo:
    """A step of the way back behind HTTP: POST to `run` does it (idempotent), GET of `check` gives `{"done": bool, "detail": str}`.

    `since` beside them, an instant as ISO 8601 with a zone, tells since when.
    """

    run: str
    check: str
    timeout_s: float = 5.0
    token: SecretRef | None = None


@dataclass(frozen=True, slots=True)
class CommandUndo:
    """A step of the way back by declared commands, run in `folder`: `check` exits 0 when it is done, 1 when it is not.

    The last line that `check` prints is the detail; a line `since: 2026-11-24T10:00:00Z` tells since when.
    """

    run: tuple[str, ...]
    check: tuple[str, ...]
    folder: str = "."
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class ArgoCdUndo:
    """One action on an Argo CD application; `action` is pause or resume (its auto-sync), rollback, sync, or healthy, which only looks.

    `project` and `namespace` are needed where Argo CD asks for them; `prune` lets a rollback or sync remove what it no longer names.
    """

    url: str
    application: str
    action: str
    project: str = ""
    namespace: str = ""
    prune: bool = False
    timeout_s: float = 5.0
    token: SecretRef | None = None


@dataclass(frozen=True, slots=True)
class MigrationUndo:
    """A migration of the target's database, by its name there: taken back by its own command, and done when the tool's table says so."""

    migration: str
    timeout_s: float = 60.0


WorkloadsSpec = HttpWorkloads | KubeWorkloads
MetricsSpec = OpenMetricsSource | PrometheusSource
FlagSpec = HttpFlag | UnleashFlag | LaunchDarklyFlag
UndoSpec = HttpUndo | CommandUndo | ArgoCdUndo | MigrationUndo
"""How a declared step is done and verified; a manual one has none: a person does it and signs."""


def secrets_in(part: object) -> Iterator[SecretRef]:
    """Yield where every secret of a system is found, and of the systems in it."""
    if isinstance(part, SecretRef):
        yield part
    elif is_dataclass(part):
        for each in fields(part):
            yield from secrets_in(getattr(part, each.name))
    elif isinstance(part, tuple):
        for one in part:
            yield from secrets_in(one)
