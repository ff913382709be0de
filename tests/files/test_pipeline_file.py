"""The `pipeline` section: every system is written as it was read, and what cannot work is said with its place."""

from dataclasses import replace

import pytest

from console.files.problems import BadTargetFile, told
from console.files.targetfile import read_target
from console.files.write import write_target
from console.model.pipelines import BuildbotPipeline, GithubPipeline, GitlabPipeline, JenkinsPipeline, PipelineSpec
from console.model.places import resource
from console.model.systems import SecretRef

TOKEN = SecretRef("keyring", "ci token")
SPECS = (
    BuildbotPipeline("http://127.0.0.1:8010/", "shop release", "force"),
    BuildbotPipeline("https://ci/x", "b", "s", "VERSION", "KEY", {"branch": "main", "yes": "no"}, "ana", TOKEN, 90.0, 2.5),
    GitlabPipeline("https://gitlab.example", "shop/checkout"),
    GitlabPipeline("https://gitlab.example/x", "42", "v1", "VERSION", "KEY", {"REGION": "eu"}, TOKEN, 90.0, 2.5),
    JenkinsPipeline("https://jenkins.example", "shop/release"),
    JenkinsPipeline("https://jenkins.example/x", "r", "V", "K", {"REGION": "eu"}, "ana", TOKEN, 90.0, 2.5),
    GithubPipeline("octo-org/shop.js", "release.yml"),
    GithubPipeline("o/r", "42", "v1", "https://git.example/api/v3", "VERSION", "KEY", {"dry": "yes"}, TOKEN, 90.0, 2.5),
)


def example(system: str) -> str:
    return resource("examples", f"{system}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_every_pipeline_reads_back_as_written(spec: PipelineSpec) -> None:
    target = replace(read_target(example("buildbot").encode(), "shop.yaml"), pipeline=spec)
    assert read_target(write_target(target).encode(), "shop.yaml").pipeline == spec


def test_the_buildbot_example_means_what_it_says() -> None:
    target = read_target(example("buildbot").encode(), "shop.yaml")
    login = SecretRef("keyring", "buildbot-shop")
    parameters = ("version", "release_key", {"branch": "main"})
    assert target.pipeline == BuildbotPipeline(
        "https://ci.example.com", "shop-release", "release", *parameters, "release-console", login, 2700
    )
    assert target.commands == ()


@pytest.mark.parametrize(
    ("system", "old", "new", "said"),
    [
        ("buildbot", "  token: keyring:buildbot-shop\n", "", "pipeline.token: found nothing"),
        ("buildbot", "user: release-console ", "user: release:console ", "pipeline.user: found release:console"),
        ("buildbot", "key_parameter: release_key ", "key_parameter: version ", "pipeline.key_parameter: found version"),
        ("buildbot", "{branch: main}", "{version: 1}", "pipeline.parameters.version: found a value for version"),
        ("github", "repository: octo-org/shop", "repository: shop", "pipeline.repository"),
        ("github", "key_input: release_key ", "key_input: version ", "pipeline.key_input: found version"),
        ("gitlab", "{REGION: eu}", "{RELEASE_KEY: x}", "pipeline.variables.RELEASE_KEY"),
        ("jenkins", "  token: keyring:jenkins-shop ", "  # ", "pipeline.token: found nothing"),
        ("buildbot", "scheduler: release", "schedular: release", "did you mean scheduler?"),
        ("buildbot", "token: keyring:buildbot-shop", "token: hunter2", "pipeline.token"),
    ],
)
def test_what_cannot_work_is_said_with_its_place(system: str, old: str, new: str, said: str) -> None:
    assert old in example(system)
    with pytest.raises(BadTargetFile) as caught:
        read_target(example(system).replace(old, new).encode(), "shop.yaml")
    words = [told(problem) for problem in caught.value.problems]
    assert any(said in each for each in words), words
    assert "hunter2" not in " ".join(words)
