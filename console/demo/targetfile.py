"""The practice target's file: what the console needs to know of a running practice shop, as YAML."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from console.demo.load import SESSIONS_PER_S
from console.demo.router import LOOPBACK, RUNTIME_PREFIX
from console.model.places import PACKAGE

NAME = "practice"
STABLE, CANARY = "blue", "green"
FLAG = "checkout_v52"
DATABASE = "shop.sqlite"
MIGRATION = "0052_payment_ref.sql"
COLUMN = "payment_methods.payment_ref"
"""What the migration adds, by which it is seen that it was taken back."""
DEPLOY = PACKAGE / "demo" / "deploy.py"
STAGES = ((5, 15, False), (25, 10, False), (50, 10, False), (95, 5, False), (95, 10, True))
"""Weight in per cent, wait in minutes of shop time, bake."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Ports on 127.0.0.1 where the parts of a running practice shop answer."""

    shop: int
    admin: int
    stable: int
    canary: int
    payments: int
    flags: int
    load: int
    tokens: int
    deployer: int


TEXT = """\
# Made by the practice shop. Its ports are new at each start. Waits are already divided by the speed; money and minutes are
# shown in the shop's time.

format: 1
name: {name}
title: Practice shop
environment: practice
owner: you
sides: [{stable}, {canary}]

traffic:
  provider: envoy
  admin: {admin}
  runtime_prefix: {prefix}
  clusters: {{{stable}: {stable}, {canary}: {canary}}}

workloads:
  provider: http
  urls:
    {stable}: {stable_url}/version
    {canary}: {canary_url}/version

metrics:
  provider: openmetrics
  poll: 1 s
  urls:
    {stable}: {stable_url}/metrics
    {canary}: {canary_url}/metrics

pipeline:
  provider: command
  folder: {folder}
  stages:
    - name: Check the pages
      run: {check}
      timeout: 60 s
    - name: Migrate the database
      run: {migrate}
      timeout: 60 s
    - name: Ready for traffic
      run: {ready}
      timeout: 60 s

flag:
  provider: http
  url: {flag_url}
  name: {flag}
  raise_at_start: true

gates:
  - name: Payment completion
    kind: sessions
    must_see: total failure
  - name: Error share
    kind: threshold
    numerator: http_errors
    denominator: http_requests
    limit: 5 %

stages:
{stages}

panels:
  - {{name: Requests, kind: rate, numerator: http_requests, unit: /s}}
  - {{name: Error share, kind: share, numerator: http_errors, denominator: http_requests, unit: "%"}}
  - {{name: Response time p95, kind: quantile, numerator: http_request_duration_seconds, quantile: 0.95, unit: s}}
  - {{name: Payment completion, kind: share, numerator: payments_ok, denominator: payment_attempts, unit: "%"}}

rollback:
  - traffic
  - flag
  - name: code
    kind: code
    run: {deployer}/code
    check: {deployer}/code
    timeout: 20 s
    expected: 0.3 s
  - name: migration
    kind: migration
    run: {take_back}
    check: {is_back}
    after: [code]
    timeout: 20 s
    expected: 0.2 s
    class: lossy
    loses: what 5.2b has written into payment_ref since the release began
    snapshot: {{check: {snapshot}, max_age: 4 h}}
  - name: tokens
    kind: cache
    run: {tokens}/purge
    check: {deployer}/tokens
    after: [code]
    timeout: 10 s
    expected: 0.1 s

ready:
  - {{name: the version before still runs, check: "{deployer}/ready/old-version", closes: true}}
  - {{name: expanded and not contracted, check: "{deployer}/ready/schema", closes: true}}
  - {{name: token format, check: "{tokens}/fit"}}

reconcilers:
  - name: deploy robot
    pause: {{run: "{deployer}/reconciler/pause", check: "{deployer}/reconciler/pause"}}
    resume: {{run: "{deployer}/reconciler/resume", check: "{deployer}/reconciler/resume"}}
    timeout: 10 s

rehearse: true

after_a_fail:
  roll_back_after: 20 s

loss:
  currency: EUR
  per_session: 37.50
  sessions_per_min: {sessions_per_min:.2f}

speed: {speed}
"""


def _stage(weight: int, wait_s: float, *, bake: bool) -> str:
    ending = ", bake: true" if bake else ""
    return f"  - {{weight: {weight} %, wait: {wait_s:.3f} s{ending}}}"


def _url(port: int, path: str = "") -> str:
    return f"http://{LOOPBACK}:{port}{path}"


def text(at: Addresses, folder: Path, speed: float) -> str:
    """Return the target file; commands and paths are written as JSON, which YAML reads as it is meant."""
    sides = [f"{LOOPBACK}:{at.stable}", f"{LOOPBACK}:{at.canary}"]
    script = [sys.executable, "-S", str(DEPLOY)]
    migration = [str(folder / DATABASE), str(folder / MIGRATION)]
    return TEXT.format(
        name=NAME,
        speed=format(speed, ".15g"),
        sessions_per_min=SESSIONS_PER_S * 60,
        stable=STABLE,
        canary=CANARY,
        admin=_url(at.admin),
        prefix=RUNTIME_PREFIX,
        stable_url=_url(at.stable),
        canary_url=_url(at.canary),
        folder=json.dumps(str(folder)),
        check=json.dumps([*script, "check", *sides]),
        migrate=json.dumps([*script, "migrate", *migration]),
        take_back=json.dumps([*script, "take-back", *migration]),
        is_back=json.dumps([*script, "is-back", *migration, COLUMN]),
        snapshot=json.dumps([*script, "snapshot", *migration]),
        tokens=_url(at.tokens),
        deployer=_url(at.deployer),
        ready=json.dumps([*script, "ready", *sides]),
        flag_url=_url(at.flags, "/flag"),
        flag=FLAG,
        stages="\n".join(_stage(weight, minutes * 60 / speed, bake=bake) for weight, minutes, bake in STAGES),
    )
