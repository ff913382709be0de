"""The configuration of the Buildbot that tests talk to: builders whose steps are the scripts in a folder, by their names."""

import os
from pathlib import Path

from buildbot.plugins import schedulers, steps, util, worker
from buildbot.process.buildstep import BuildStep
from buildbot.process.results import SUCCESS
from buildbot_worker import base

# A worker holds back what a step prints for 5 s, and no setting changes that; tests wait for lines.
base.BotBase.buffer_timeout = property(lambda self: 0.05, lambda self, value: None)

PASSWORD = os.environ["BUILDBOT_PASSWORD"]


class Scripts(BuildStep):
    """Adds a step for each script: `1-build.sh` becomes the step build."""

    name = "scripts"
    hideStepIf = True  # noqa: N815 - the name that Buildbot reads

    def run(self):
        folder = Path(self.getProperty("folder"))
        timeout = self.getProperty("timeout") or None
        for path in sorted(folder.glob("*.sh"), reverse=True):
            step = steps.ShellCommand(
                name=path.stem.partition("-")[2],
                command=["/bin/sh", str(path)],
                env={"RELEASE_VERSION": util.Property("version")},
                maxTime=float(timeout) if timeout else None,
                haltOnFailure=True,
            )
            self.build.addStepsAfterCurrentStep([step])
        return SUCCESS


def builder(name, where):
    return util.BuilderConfig(name=name, workernames=[where], factory=util.BuildFactory([Scripts()]))


def force(name, builders, *properties):
    fields = [util.StringParameter(name=each) for each in properties]
    return schedulers.ForceScheduler(name=name, builderNames=builders, codebases=[util.CodebaseParameter("")], properties=fields)


NAMES = ["release", *(f"release-{number}" for number in range(8))]
c = BuildmasterConfig = {
    "workers": [worker.LocalWorker("here", max_builds=4), worker.Worker("away", "pass")],
    "protocols": {"pb": {"port": f"tcp:{os.environ['BUILDBOT_PB']}:interface=127.0.0.1"}},
    "builders": [*(builder(name, "here") for name in NAMES), builder("idle", "away")],
    "schedulers": [
        force("release", [*NAMES, "idle"], "version", "release_key", "folder", "timeout"),
        force("keyless", ["release"], "version", "folder"),
    ],
    "www": {"port": f"tcp:{os.environ['BUILDBOT_WWW']}:interface=127.0.0.1", "plugins": {}},
    "db": {"db_url": "sqlite:///state.sqlite"},
    "title": "tests",
    "titleURL": "x",
    "buildbotURL": f"http://127.0.0.1:{os.environ['BUILDBOT_WWW']}/",
    "buildbotNetUsageData": None,
}
if PASSWORD:
    c["www"]["auth"] = util.UserPasswordAuth({"ana": PASSWORD})
    c["www"]["authz"] = util.Authz(
        allowRules=[util.AnyControlEndpointMatcher(role="releasers")], roleMatchers=[util.RolesFromUsername(["releasers"], ["ana"])]
    )
