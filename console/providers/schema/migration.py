"""A migration as a step, forward or back: run by the declared command, and done only when the tool's own table says so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from console.model.clock import Clock
from console.model.database import Applied, ColumnSeen, MigrationSeen, MigrationTool
from console.model.errors import ConsoleError, Malformed, NotAllowed, OutcomeUnknown, Refused, RemoteError, WrongSystem
from console.model.readings import UndoState
from console.policy.schema import column_problem, in_the_way
from console.providers.clients.commands import Ended, Errand, run_command
from console.providers.clients.postgres import Password
from console.providers.schema.postgres import PostgresSchema

_ASIDES = ("[SQL:", "[parameters:", "(Background on this error")
"""Lines that SQLAlchemy puts behind the cause of an error."""

_KEEPS = "Nothing was changed by this step."


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a command needs: its file's folder, the time, whether a person trusts the file, and the migrator's password."""

    folder: Path
    clock: Clock
    trusted: Callable[[], bool]
    password: Password | None = None


class MigrationStep:
    """Applies a migration, or takes it back where `back` is set.

    What runs gets a bare environment, RELEASE_STEP_KEY, and the time-outs that the file declares: as PGOPTIONS for what uses libpq, as
    FLYWAY_INIT_SQL for Flyway, whose driver does not read that. With a `migrator` in the file it also gets PGHOST, PGPORT, PGDATABASE,
    PGUSER and PGPASSWORD of that login (and Flyway's own names for them), so that no file of the tool needs a password.
    """

    def __init__(self, schema: PostgresSchema, name: str, around: Surroundings, timeout_s: float, *, back: bool) -> None:
        self._schema, self._spec = schema, schema.spec.migration(name)
        self._around, self._timeout_s, self._back = around, timeout_s, back

    @property
    def _argv(self) -> Sequence[str]:
        return self._spec.undo if self._back else self._spec.run

    async def look(self) -> UndoState:
        """Return whether it is done, as the table says now: applied with its columns filled, or not applied where it goes back.

        Raises Malformed where the table leaves it open, and what `PostgresSchema` raises.
        """
        at = self._around.clock.now()
        seen, columns = await self._schema.migration(self._spec.name)
        if seen.applied is Applied.UNKNOWN:
            raise Malformed(f"Whether {seen.revision} is applied is not known: {seen.detail}.", advice="Look at the table by hand.")
        words = _words(seen)
        if self._back:
            return UndoState(seen.applied is Applied.NO, at, words, seen.at)
        problems = [found for found in map(self._problem, columns) if found]
        done = seen.applied is Applied.YES and not problems
        return UndoState(done, at, "; ".join([words, *problems]), seen.at)

    async def run(self, key: str) -> None:
        """Run the command, unless the table says that there is nothing to do; accepted, not yet observed.

        Raises NotAllowed before anything ran: another database, not trusted, no command, or on the way forward a database that cannot be
        read, or somebody who holds a lock on its tables. A command that ended badly raises Refused or OutcomeUnknown, unless the table
        says that it did its work.
        """
        if await self._nothing_to_do():
            return
        if not self._argv:
            what = "taking it back" if self._back else "applying it"
            message = f"The file declares no command for {what}: {self._spec.name}."
            raise NotAllowed(message, means=_KEEPS, advice="Let the pipeline or a person do it; the step is done once the table says so.")
        errand = await self._errand(key)
        ended = await run_command(errand, trusted=self._around.trusted())
        if ended.code != 0:
            await self._check_after(f"{errand.name} {ended.end}.{_told(ended)}")

    async def _check_after(self, message: str) -> None:
        """Let the table say what a command did that ended badly. Raises Refused where it did nothing, OutcomeUnknown where that is open."""
        advice = "Put right what it complains of, then retry; what is applied already is not run again."
        try:
            seen, _ = await self._schema.migration(self._spec.name)
        except ConsoleError as error:
            raise OutcomeUnknown(f"{message} {error.message}", means="It may have done a part of its work.", advice=advice) from error
        wanted, before = (Applied.NO, Applied.YES) if self._back else (Applied.YES, Applied.NO)
        if seen.applied is before:
            raise Refused(message, means=f"{_words(seen)}; what ran outside a transaction may have stayed.", advice=advice)
        if seen.applied is not wanted:
            raise OutcomeUnknown(message, means=f"{_words(seen)}.", advice=advice)

    async def _nothing_to_do(self) -> bool:
        try:
            seen, _ = await self._schema.migration(self._spec.name)
            if not self._back and seen.applied is not Applied.YES:
                await self._check_forward(seen)
        except WrongSystem as error:
            raise NotAllowed(error.message, means=_KEEPS, advice=error.advice) from error
        except RemoteError as error:
            if self._back:  # going back is never held up by what cannot be read: the command itself finds nothing to do
                return False
            raise NotAllowed(f"Nothing was run: {error.message}", means=_KEEPS, advice=error.advice) from error
        return seen.applied is (Applied.NO if self._back else Applied.YES)

    async def _check_forward(self, seen: MigrationSeen) -> None:
        """Raise NotAllowed where a migration must not be tried: doubt stops what goes forward."""
        if seen.applied in {Applied.FAILED, Applied.UNKNOWN}:
            message = f"{seen.revision} is {seen.applied.value}: {seen.detail}."
            raise NotAllowed(message, means="Nothing was run.", advice="Put the schema and the table right by hand, then resume.")
        locks = await self._schema.locks(self._spec.tables)
        found = [words for each in locks if (words := in_the_way(each, self._schema.spec.lock_timeout_s))]
        if found:
            message = f"Nothing was run: {found[0]}."
            raise NotAllowed(message, means=_KEEPS, advice="End that session, or wait for it, then resume.")

    async def _errand(self, key: str) -> Errand:
        secret = await self._secret()
        environment = {"RELEASE_STEP_KEY": key, **self._timeouts(), **self._login(secret)}
        hidden = (secret,) if secret else ()
        folder = self._around.folder / self._spec.folder
        return Errand(self._argv, folder, self._timeout_s, changes=True, environment=environment, hidden=hidden)

    async def _secret(self) -> str:
        """Return the migrator's password. Raises NotAllowed on the way forward; a locked keyring does not keep anybody from going back."""
        if self._around.password is None:
            return ""
        try:
            return await self._around.password()
        except ConsoleError as error:
            if self._back:
                return ""
            raise NotAllowed(f"Nothing was run: {error.message}", means=_KEEPS, advice=error.advice) from error

    def _login(self, secret: str) -> dict[str, str]:
        """Return where a command finds the database that is read here, as the migrator."""
        spec, address = self._schema.spec, self._schema.address
        if spec.migrator is None:
            return {}
        found = {
            "PGHOST": address.host,
            "PGPORT": str(address.port),
            "PGDATABASE": address.database,
            "PGUSER": spec.migrator.login,
            "PGPASSWORD": secret,
            "PGSSLMODE": address.mode,
            "PGSSLROOTCERT": address.options.get("sslrootcert", ""),
        }
        if spec.tool is MigrationTool.FLYWAY:
            url = f"jdbc:postgresql://{address.host or 'localhost'}:{address.port}/{address.database}"
            found |= {"FLYWAY_URL": url, "FLYWAY_USER": spec.migrator.login, "FLYWAY_PASSWORD": secret}
        return {name: value for name, value in found.items() if value}

    def _timeouts(self) -> dict[str, str]:
        """Return what keeps a migration from queueing everybody else behind a lock that it waits for."""
        spec = self._schema.spec
        limits = {"lock_timeout": spec.lock_timeout_s, "statement_timeout": spec.statement_timeout_s}
        given = {name: round(limit * 1000) for name, limit in limits.items() if limit is not None}
        options = {"PGOPTIONS": " ".join(f"-c {name}={ms}" for name, ms in given.items())}
        if spec.tool is MigrationTool.FLYWAY:
            options["FLYWAY_INIT_SQL"] = "; ".join(f"SET {name} = {ms}" for name, ms in given.items())
        return options

    def _problem(self, seen: ColumnSeen) -> str:
        wanted = next(each for each in self._spec.columns if each.name == seen.name)
        return column_problem(wanted, seen)


def _told(ended: Ended) -> str:
    """Return what a tool says of an error, as a sentence: the last line that tells a cause, not where to read about it."""
    lines = [line for line in ended.lines if line and not line.startswith(_ASIDES)]
    return f" It says: {lines[-1]}" if lines else ""


def _words(seen: MigrationSeen) -> str:
    detail = f", {seen.detail}" if seen.detail else ""
    how = {Applied.YES: "is applied", Applied.NO: "is not applied", Applied.FAILED: "failed", Applied.UNKNOWN: "is unknown"}
    return f"{seen.revision} {how[seen.applied]}{detail}"
