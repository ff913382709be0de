"""The schema of a target's database, as it stands now."""

from console.engine.schema import look
from console.engine.state import LiveTarget
from console.model.database import SchemaView
from console.policy.planning import database_name
from console.policy.schema import lines, words


def schema_view(live: LiveTarget) -> SchemaView | None:
    """Return the schema line by line; None where the target's file names no database."""
    spec = live.target.database
    if spec is None:
        return None
    seen, state = look(live), live.schema.value
    sentence, light = words(spec, seen)
    return SchemaView(
        system=database_name(live.target),
        tool=spec.tool.value,
        words=sentence,
        light=light,
        lines=() if state is None else lines(spec, state),
        at=live.schema.at,
        limit_s=2 * spec.poll_s * live.stretch,
        identity="" if state is None else state.identity.fingerprint,
        pinned=bool(spec.identity),
        problem=seen.problem,
    )
