"""A labelled fake of the wizard's side of the desk: a HAProxy and a Prometheus that are always the same, on no network and no disk."""

from pathlib import Path

from console.model.discovery import Preview
from console.model.systems import HttpWorkloads
from console.model.wizard import Found, GitState, MetricsFound, Part, Right, Route, Success, Telling, Tried, Written
from console.policy.drafting import guessed
from tests.desktop import samples

SERVERS = (
    Part("blue1", detail="10.0.0.11:8080 · weight 100", address="10.0.0.11:8080"),
    Part("blue2", detail="10.0.0.12:8080 · weight 100", address="10.0.0.12:8080"),
    Part("green1", detail="10.0.0.21:8080 · weight 0", address="10.0.0.21:8080"),
)
RIGHTS = (Right("read its servers and counters", True), Right("set weights and states (its level is admin)", True))
NO_ADMIN = Right(
    "set weights and states (its level is operator)", False, "Give the stats socket `level admin` in haproxy.cfg, and reload it."
)
SIDES = {"blue": 'deployment="checkout-blue"', "green": 'deployment="checkout-green"'}
FILE = """# A target of release-console. Spans are written as 45 s or 15 min, weights and shares as 5 %.
format: 1
name: checkout
title: Checkout
environment: production

# The two sides; which of them is stable is read at the start, never written here.
sides:
- blue
- green

# Where traffic is split. The console writes here once the target is armed, and nowhere before.
traffic:
  provider: haproxy
  address: 127.0.0.1:9999
  backend: checkout
  servers:
    blue:
    - blue1
    - blue2
    green:
    - green1
  timeout: 5 s
"""
DIFFERENCE = (
    "--- checkout.yaml as it is",
    "+++ checkout.yaml as it would be",
    "@@ -4 +4 @@",
    "-environment: staging",
    "+environment: production",
)


def _previews(ok, failed):
    told = []
    for side, counts in (("blue", (ok, failed)), ("green", (ok // 19, failed // 19))):
        told.append(tuple(Preview(side, "counter", float(value), 3, samples.NOW) for value in counts))
    return tuple(told)


SUCCESSES = (
    Success("checkout_resolved_ok against checkout_resolved_failed", "checkout_resolved_ok", "checkout_resolved_failed", {}, True,
            _previews(18_402, 566)),
    Success("http_requests_total, answers 5xx count as failed", "requests_ok", "requests_failed", {}, False, _previews(412_880, 1_204)),
)  # fmt: skip


class FakeWizard:
    """Answers at once; what is put into `errors` by a method's name is raised."""

    def __init__(self):
        self.calls, self.errors = [], {}
        self.routes = (
            Route("haproxy", "checkout", guessed(SERVERS), "3 servers"),
            Route("haproxy", "static", guessed(SERVERS[:2]), "2 servers"),
        )
        self.rights, self.difference, self.git = RIGHTS, (), GitState("/home/rita/targets", "main", 2)
        self.problems = {}

    def _note(self, method, *args):
        self.calls.append((method, args))
        if method in self.errors:
            raise self.errors[method]

    def called(self, method):
        return [args for name, args in self.calls if name == method]

    async def contexts(self, kubeconfig):
        self._note("contexts", kubeconfig)
        return ("prod-eu", "staging-eu")

    async def namespaces(self, reach):
        self._note("namespaces", reach)
        if reach.context == "prod-eu" and not reach.login:
            return Found("prod-eu", login=("aws", "eks", "get-token", "--cluster-name", "prod-eu"))
        return ("default", "shop")

    async def look(self, reach, progress):
        self._note("look", reach)
        progress("Asking 127.0.0.1:9999")
        return Found("HAProxy at 127.0.0.1:9999", self.routes, self.rights, notes=("HAProxy 2.6.12",))

    async def versions(self, route, draft, progress):
        self._note("versions", route, draft)
        return HttpWorkloads({"blue": "http://10.0.0.11:8080/version", "green": "http://10.0.0.21:8080/version"})

    async def metrics(self, source, draft, route, label, progress):
        self._note("metrics", source, draft, route, label)
        labels = (Telling("deployment", SIDES, 14), Telling("instance", SIDES, 14))
        source = type(source)(source.url, SIDES, scrape_s=15.0, token=source.token)
        return MetricsFound(source, labels, SUCCESSES)

    async def attempt(self, draft, ports, progress):
        self._note("attempt", draft, ports)
        told = {
            "traffic": Tried(
                "traffic", "HAProxy at 127.0.0.1:9999", ("weights now: blue 100 %, green 0 %",),
                "haproxy lb-eu-1 checkout [blue1,blue2,green1]", self.rights,
            ),
            "workloads": Tried("workloads", "the sides' versions", ("blue runs 17.4.0", "green runs 18.0.0")),
            "metrics": Tried(
                "metrics", "Prometheus at http://127.0.0.1:9090", ("blue: ok 18,402, failed 566", "green: ok 968, failed 29"),
                rights=(Right("read its metrics; nothing is ever written there", True),),
            ),
            "flag": Tried("flag", "the flag's service", ("checkout_v52 is on, 5 %",)),
        }  # fmt: skip
        asked = ports or ("traffic", "workloads", *(("metrics",) if draft.metrics else ()), *(("flag",) if draft.flag else ()))
        return [Tried(port, told[port].system, problem=self.problems[port]) if port in self.problems else told[port] for port in asked]

    async def write_up(self, draft, path):
        self._note("write_up", draft, path)
        return Written(Path(path), FILE, self.difference, "d1" if self.difference else "", self.git)

    async def write(self, written):
        self._note("write", written)
        return written.path.stem

    async def stop(self):
        self._note("stop")
