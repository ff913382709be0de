"""Everything that is kept, in one folder with one SQLite file."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from console.model.clock import Clock
from console.model.errors import CannotRecord, StoreError
from console.store import posix
from console.store.books import SqliteSamples, SqliteSettings, SqliteTargets
from console.store.consoles import ConsoleRows
from console.store.database import Database, Merge, Patience
from console.store.emergency import EmergencyJournal
from console.store.evidence import sign_now
from console.store.freezing import SqliteFreezes
from console.store.journal import SqliteJournal
from console.store.keys import Keys, Signer, read_keys
from console.store.merging import Spool
from console.store.personal import PersonalData
from console.store.sqlitefile import SqliteFile
from console.store.trail import AuditTrail, enrol
from console.store.trains import SqliteTrains
from console.store.ways import SqliteWays
from console.store.wheel import SqliteWheel

RECORDS = "records.db"
EMERGENCY = "emergency.journal"
PRACTICE_KEY = Path("practice", "audit.key")
UNSIGNED = Signer()

MakeDatabase = Callable[[Path, Patience, Merge, Clock], Database]
"""Makes the database of a file; a simulation brings one of its own."""

_log = logging.getLogger(__name__)


class SqliteStore:
    """The store of one person's consoles; several processes may use one folder."""

    spool_name = EMERGENCY
    person = ""
    """Under which login records are written; "" when whoever acts names themselves."""

    def __init__(self, folder: Path, clock: Clock, patience: Patience, make: MakeDatabase = SqliteFile, signer: Signer = UNSIGNED) -> None:
        self.folder = folder
        self._file = EmergencyJournal(folder / self.spool_name)
        self._spool = spool = Spool(self._file, clock)
        self._database = make(folder / RECORDS, patience, spool.merge, clock)
        self.keys = Keys(signer, folder / PRACTICE_KEY, clock)
        self._database.keys, self._database.chore = self.keys, sign_now
        self.keys.enrol = lambda key: self._database.submit(lambda conn: enrol(conn, key)).result()
        self.journal = SqliteJournal(self._database, spool)
        self.trains = SqliteTrains(self._database)
        self.wheel = SqliteWheel(self._database)
        self.consoles = ConsoleRows(self._database)
        self.audit = AuditTrail(self._database)
        self.freezes = SqliteFreezes(self._database)
        self.targets = SqliteTargets(self._database)
        self.samples = SqliteSamples(self._database)
        self.personal = PersonalData(self._database)
        self.settings = SqliteSettings(self._database)
        self.ways = SqliteWays(self._database, spool)
        self.trouble = ""
        """Why nothing could be recorded when the store was opened; "" when all was well. Each write tries again."""

    @property
    def database(self) -> Database:
        """Where all of it is kept."""
        return self._database

    @property
    def waiting(self) -> bool:
        """Tell whether a write waits for another program right now ("waiting for journal")."""
        return self._database.waiting

    async def unmerged(self) -> int:
        """Return how many records wait in this folder's journal for the database. Raises OSError while the file cannot be read."""
        return await self._spool.count()

    def begin(self) -> None:
        """Make the file ready, and merge what waits in the emergency journal; trouble is kept in words, not raised."""
        try:
            self._file.reserve()
        except OSError as error:
            self.trouble = f"The emergency journal cannot be reserved ({error.strerror or error})."
            _log.warning("%s", self.trouble)
        try:
            self.keys.begin(self._database.submit(read_keys).result())
        except CannotRecord as error:
            self.trouble = str(error)
            _log.warning("%s", self.trouble)

    async def ready(self) -> None:
        """Try to write again when the last write failed. Raises CannotRecord as long as nothing can be recorded."""
        self.keys.again()
        if self._database.failing:
            # A transaction without a change would succeed on a full disk: this one has to reach it.
            await self.settings.put("tried to write again", secrets.token_hex(8))

    async def version(self) -> int:
        """Return a number that changes whenever any process changed the records, cheap enough to ask twice a second."""
        return await self._database.version()

    async def changed(self) -> None:
        """Wait for ever: a file tells nobody that it changed; `version` does when it is asked."""
        await self._database.changed()

    async def close(self) -> None:
        """Sign what no checkpoint covers yet, finish what is written, and close."""
        if self.keys.mine is not None or self.keys.practice_loaded is not None:
            with suppress(CannotRecord):  # a disk that is full keeps its records for the next start
                await asyncio.wrap_future(self._database.submit(sign_now))
        await self._database.close()


def open_store(folder: Path, clock: Clock, patience: Patience | None = None, signer: Signer = UNSIGNED) -> SqliteStore:
    """Open the records in a folder, made private when it is new; not for the Qt thread, it waits for the disk.

    `signer` signs them: its key is loaded beside, and made by `audit.begin_signing`.

    A file that cannot be written now (full disk, read-only, newer program) still opens: `trouble` says why, every write raises
    CannotRecord, and backward steps use the emergency journal. Raises StoreError when the folder itself cannot be made.
    """
    try:
        posix.make_private(folder)
    except OSError as error:
        if not folder.is_dir():
            raise StoreError(
                f"The data folder {folder} cannot be made ({error.strerror or error}).",
                means="Nothing can be kept.",
                advice="Choose another folder with RELEASE_CONSOLE_HOME.",
            ) from error
        _log.warning("the data folder is not private: %s", error)
    store = SqliteStore(folder, clock, patience or Patience(), signer=signer)
    store.begin()
    return store
