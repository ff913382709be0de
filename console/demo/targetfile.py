"""The practice target's file: what the console needs to know of a running practice shop, as YAML."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from console.demo.router import LOOPBACK, RUNTIME_PREFIX
from console.model.places import PACKAGE

NAME = "practice-shop"
STABLE, CANARY = "blue", "green"
FLAG = "checkout_v52"
DATABASE = "shop.sqlite"
MIGRATION = "0052_payment_ref.sql"
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


TEXT = """\
# Made by the practice shop; its ports are new at each start, and its waits are divided by its speed.
name: {name}
title: Practice shop
environment: practice
owner: you
speed: {speed:g}
sides: [{stable}, {canary}]
traffic:
  envoy:
    admin: {admin}
    runtime_prefix: {prefix}
    clusters: {{{stable}: {stable}, {canary}: {canary}}}
workloads:
  urls:
    {stable}: {stable_url}/version
    {canary}: {canary_url}/version
metrics:
  urls:
    {stable}: {stable_url}/metrics
    {canary}: {canary_url}/metrics
  poll_s: 1
pipeline:
  folder: {folder}
  stages:
    - name: Check the pages
      run: {check}
      timeout_s: 60
    - name: Migrate the database
      run: {migrate}
      timeout_s: 60
    - name: Ready for traffic
      run: {ready}
      timeout_s: 60
flag:
  url: {flag_url}
  name: {flag}
gates:
  - name: Payment completion
    kind: sessions
    ok: resolved_ok
    failed: resolved_failed
    harm_to: 0
  - name: Server errors
    kind: threshold
    numerator: http_errors
    denominator: http_requests
    limit: 0.05
panels:
  - {{name: Requests, kind: rate, numerator: http_requests, unit: /s}}
  - {{name: Error share, kind: share, numerator: http_errors, denominator: http_requests, unit: "%"}}
  - {{name: Response time p95, kind: quantile, numerator: http_request_duration_seconds, quantile: 0.95, unit: s}}
  - {{name: Payment completion, kind: share, numerator: payments_ok, denominator: payment_attempts, unit: "%"}}
stages:
{stages}
rollback: [traffic, flag]
auto_rollback_after_s: 20
prices:
  currency: EUR
  per_session: 37.5
  sessions_per_min: 13.33
"""


def _stage(weight: int, wait_s: float, *, bake: bool) -> str:
    ending = ", bake: true" if bake else ""
    return f'  - {{weight: {weight}, wait_s: {wait_s:g}, gates: ["Payment completion", "Server errors"]{ending}}}'


def _url(port: int, path: str = "") -> str:
    return f"http://{LOOPBACK}:{port}{path}"


def text(at: Addresses, folder: Path, speed: float) -> str:
    """Return the target file; commands and paths are written as JSON, which YAML reads as it is meant."""
    sides = [f"{LOOPBACK}:{at.stable}", f"{LOOPBACK}:{at.canary}"]
    script = [sys.executable, str(DEPLOY)]
    return TEXT.format(
        name=NAME,
        speed=speed,
        stable=STABLE,
        canary=CANARY,
        admin=_url(at.admin),
        prefix=RUNTIME_PREFIX,
        stable_url=_url(at.stable),
        canary_url=_url(at.canary),
        folder=json.dumps(str(folder)),
        check=json.dumps([*script, "check", *sides]),
        migrate=json.dumps([*script, "migrate", str(folder / DATABASE), str(folder / MIGRATION)]),
        ready=json.dumps([*script, "ready", *sides]),
        flag_url=_url(at.flags, "/flag"),
        flag=FLAG,
        stages="\n".join(_stage(weight, minutes * 60 / speed, bake=bake) for weight, minutes, bake in STAGES),
    )
