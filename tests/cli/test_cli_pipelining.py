"""What a command prints of a pipeline: each stage, each line and the run's page once, as they come."""

from dataclasses import replace
from datetime import UTC, datetime

from console.cli.pipelining import PipelineTeller
from console.model.readings import LogLine, PipelineRun, PipelineStageRun
from console.model.rollout import Phase
from tests.desktop import samples

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


def test_each_change_is_told_once_in_the_order_in_which_it_came() -> None:
    told: list[str] = []
    update = samples.healthy()
    (view,) = update.rollouts
    teller = PipelineTeller(view.target, told.append)
    stages = (PipelineStageRun("image", "running"), PipelineStageRun("smoke", "planned"))
    run = PipelineRun("1", "5.2b", "running", stages, link="https://ci.example/1", note="It waits for a worker.")
    log = (LogLine("image", 1, "building\x1b[31m", NOW),)
    for lines, state in ((log, run), (log, run), ((*log, LogLine("image", 2, "done", NOW)), replace(run, note=""))):
        teller.take(replace(update, rollouts=(replace(view, pipeline=state, log=lines),)))
    failed = (PipelineStageRun("image", "passed", exit_code=0), PipelineStageRun("smoke", "failed", exit_code=3))
    teller.take(replace(update, rollouts=(replace(view, pipeline=replace(run, stages=failed, state="failed", note=""), log=()),)))
    assert told == [
        "pipeline: https://ci.example/1",
        "pipeline: It waits for a worker.",
        "image| building",
        "image: running",
        "image| done",
        "image: passed",
        "smoke: failed, exit 3",
    ]


def test_what_is_over_and_what_is_another_target_s_is_not_told() -> None:
    told: list[str] = []
    update = samples.healthy()
    (view,) = update.rollouts
    over = replace(view, phase=Phase.DONE, pipeline=PipelineRun("1", "5.2b", "passed", (PipelineStageRun("image", "passed"),)))
    PipelineTeller(view.target, told.append).take(replace(update, rollouts=(over,)))
    PipelineTeller("another", told.append).take(update)
    assert told == []
