"""The outside systems in a Kubernetes cluster that a target file names, a value each; `Side` as `console.model.systems` has it."""

from collections.abc import Mapping
from dataclasses import dataclass

Side = str


@dataclass(frozen=True, slots=True)
class KubeCluster:
    """How a Kubernetes cluster is reached: a kubeconfig's context by name, or the account of the pod that the console runs in.

    `kubeconfig` is seen from the target file's folder; "" is where kubectl looks. `login` are the words of the command by which the
    kubeconfig logs in: it runs only when it is the very one, and the file is trusted.
    """

    context: str = ""
    in_cluster: bool = False
    kubeconfig: str = ""
    login: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KubeService:
    """A Kubernetes Service whose selector names one side: `label` is the selector's key, `values` what it holds for each side."""

    cluster: KubeCluster
    namespace: str
    service: str
    label: str
    values: Mapping[Side, str]
    timeout_s: float = 5.0

    @property
    def title(self) -> str:
        """Return what it is, as screens show it."""
        return f"service {self.service}"


@dataclass(frozen=True, slots=True)
class KubeRoute:
    """A Gateway API HTTPRoute; `backends` is the Service of each side, and every rule that names both carries the split."""

    cluster: KubeCluster
    namespace: str
    route: str
    backends: Mapping[Side, str]
    timeout_s: float = 5.0

    @property
    def title(self) -> str:
        """Return what it is, as screens show it."""
        return f"httproute {self.route}"


@dataclass(frozen=True, slots=True)
class ArgoRollout:
    """An Argo Rollout with the canary strategy: what it calls stable is the target's first side until it has promoted the other one."""

    cluster: KubeCluster
    namespace: str
    rollout: str
    timeout_s: float = 5.0

    @property
    def title(self) -> str:
        """Return what it is, as screens show it."""
        return f"rollout {self.rollout}"


@dataclass(frozen=True, slots=True)
class KubeDeployments:
    """Kubernetes Deployments, one a side; `version` says where they tell theirs: `image`, `label KEY` or `annotation KEY`.

    `image` is the tag (or digest) of `container`, of the first one where that is "". Labels and annotations are those of the pods.
    """

    cluster: KubeCluster
    namespace: str
    deployments: Mapping[Side, str]
    version: str = "image"
    container: str = ""
    timeout_s: float = 5.0

    @property
    def title(self) -> str:
        """Return what it is, as screens show it."""
        return f"deployments {' and '.join(self.deployments.values())}"


@dataclass(frozen=True, slots=True)
class ArgoWorkloads:
    """The two versions that an Argo Rollout runs; `version` and `container` as `KubeDeployments` has them."""

    cluster: KubeCluster
    namespace: str
    rollout: str
    version: str = "image"
    container: str = ""
    timeout_s: float = 5.0

    @property
    def title(self) -> str:
        """Return what it is, as screens show it."""
        return f"rollout {self.rollout}"


KubeTraffic = KubeService | KubeRoute | ArgoRollout
KubeWorkloads = KubeDeployments | ArgoWorkloads
