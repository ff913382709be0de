"""Permits: a two-person, narrow, expiring, one-use leave to go forward in a freeze."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Permit:
    """A leave that `approver` gave `asker` for one plan on one target, up to a weight, until an instant, once."""

    plan_hash: str
    target: str
    asker: str
    approver: str
    until: datetime
    max_weight: int
    used: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What a permit is held against: who wants which plan on which target at which weight (None: no weight), and when."""

    plan_hash: str
    target: str
    actor: str
    weight: int | None
    at: datetime


def misfit(permit: Permit, asked: Asked) -> str:
    """Return why a permit does not fit, in words; "" when it does."""
    reasons = (
        (permit.plan_hash != asked.plan_hash or not permit.plan_hash, "it is for another plan"),
        (permit.target != asked.target, f"it is for {permit.target}"),
        (permit.used, "it was used before"),
        (asked.at >= permit.until, "it has expired"),
        (permit.asker != asked.actor, f"it was given to {permit.asker}"),
        (permit.approver == asked.actor, "nobody can approve their own"),
        (asked.weight is not None and asked.weight > permit.max_weight, f"it reaches to {permit.max_weight} % only"),
    )
    return next((reason for wrong, reason in reasons if wrong), "")
