"""Makes what reads a target's database, and what runs its migrations forward and back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from console.model.clock import Clock
from console.model.errors import BadFile
from console.model.ports import Undo
from console.model.systems import MigrationUndo, SecretRef
from console.model.target import Target

if TYPE_CHECKING:
    from console.providers.clients.http import Token
    from console.providers.schema.postgres import PostgresSchema


@dataclass(frozen=True, slots=True)
class Database:
    """A target's database: its schema, and a step for each migration."""

    schema: "PostgresSchema"
    folder: Path
    clock: Clock
    trusted: Callable[[], bool]
    migrator: "Token | None"

    def forward(self) -> dict[str, Undo]:
        """Return a step for each migration on its way forward, by the names that `Connections.undo` has."""
        return {f"migrate {each.name}": self._step(each.name, each.timeout_s, back=False) for each in self.schema.spec.migrations}

    def back(self, spec: MigrationUndo) -> Undo:
        """Return the step that takes a migration back."""
        return self._step(spec.migration, spec.timeout_s, back=True)

    def _step(self, name: str, timeout_s: float, *, back: bool) -> Undo:
        from console.providers.schema.migration import MigrationStep, Surroundings  # noqa: PLC0415

        around = Surroundings(self.folder, self.clock, self.trusted, self.migrator)
        return MigrationStep(self.schema, name, around, timeout_s, back=back)


def database_of(
    target: Target, folder: Path, clock: Clock, token: "Callable[[SecretRef | None], Token | None]", trusted: Callable[[], bool]
) -> Database | None:
    """Return a target's database, None where its file names none; nothing is asked yet. Raises BadFile where psycopg is missing."""
    spec = target.database
    if spec is None:
        return None
    try:
        from console.providers.schema.postgres import PostgresSchema  # noqa: PLC0415  # psycopg, for those who read a database only
    except ImportError as error:
        advice = 'Install it: pip install "release-console[postgres]"'
        raise BadFile(f"Reading a database needs psycopg, which is missing ({error}).", advice=advice) from error
    migrator = None if spec.migrator is None else token(spec.migrator.password)
    return Database(PostgresSchema(spec, clock, token(spec.password)), folder, clock, trusted, migrator)
