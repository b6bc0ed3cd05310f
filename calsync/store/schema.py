"""The schema's version: bring a database up to it, refuse one that we do not know, write the next revision.

The revisions themselves stand in `migrations/versions/`.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from calsync.errors import CalsyncError, Refused
from calsync.store import tables
from calsync.store.db import Database

MIGRATIONS = Path(__file__).parent / "migrations"
MEND = "calsync db upgrade"
AGAIN = "calsync db restore FILE"
UNFINISHED = "restoring-"
"""Stands before the revision of a database while a backup is being put back into it."""
MARK_UNFINISHED = f"UPDATE alembic_version SET version_num = '{UNFINISHED}' || version_num"  # noqa: S608
MARK_FINISHED = f"UPDATE alembic_version SET version_num = replace(version_num, '{UNFINISHED}', '')"  # noqa: S608


_UPGRADE_LOCK = 7_201_968  # any number that nothing else in the database locks


class UnknownSchema(CalsyncError):
    """The database is not at the revision that this program was written for."""

    def __init__(self, found: str | None, wanted: str, *, is_newer: bool) -> None:
        self.found, self.wanted, self.is_newer = found, wanted, is_newer
        super().__init__(self._explain())

    @property
    def way_out(self) -> str:
        """What a person does about it, in one sentence."""
        if self.is_newer:
            return "Install the newer version, or restore an older backup."
        return f"Run again: {AGAIN}" if self._is_unfinished else f"Run: {MEND}"

    @property
    def _is_unfinished(self) -> bool:
        return self.found is not None and self.found.startswith(UNFINISHED)

    def _explain(self) -> str:
        if self.is_newer:
            return (
                f"The database is at revision {self.found}, which this version of the program does not know "
                f"(it knows {self.wanted}). {self.way_out}"
            )
        if self._is_unfinished:
            return f"Restoring a backup into this database was interrupted. {self.way_out}"
        found = "is empty" if self.found is None else f"is at revision {self.found}"
        return f"The database {found}; this version needs revision {self.wanted}. {self.way_out}"


def upgrade(db: Database) -> None:
    """Create the tables or bring them up to date. Repeating it does nothing.

    Raises UnknownSchema when the database was made by a newer version, Refused when it is another program's. On SQLite
    foreign keys are off meanwhile: changing a table there means to copy it, which would otherwise delete what refers
    to it.
    """
    found = revision(db)
    if found is not None and found not in _known():
        raise UnknownSchema(found, head(), is_newer=not found.startswith(UNFINISHED))
    if found is None:
        refuse_others(db)
    with changing(db) as connection:
        upgrade_on(connection)


def refuse_others(db: Database) -> None:
    """Raise Refused when tables of another program bear names of ours: they would be in the way, or be replaced."""
    with db.engine.connect() as connection:
        found = _of_others(sqlalchemy.inspect(connection))
    if found:
        reason = (
            f"The database holds tables of another program: {', '.join(found[:3])}. Give Calsync an empty database of "
            "its own in DATABASE_URL. Nothing was changed."
        )
        raise Refused(reason, code="not_ours")


def _of_others(there: sqlalchemy.Inspector) -> list[str]:
    """Return names of ours in a database that is not ours; ours has had this table from the first revision on."""
    names = set(there.get_table_names())
    if "instance" in names and {"key_check", "epoch"} <= {each["name"] for each in there.get_columns("instance")}:
        return []
    return sorted(names.intersection([*tables.metadata.tables, "alembic_version"]))


@contextlib.contextmanager
def changing(db: Database) -> Iterator[sqlalchemy.Connection]:
    """Yield a connection in a transaction for changes of the schema, which fail as a whole or not at all.

    A second process that starts at the same moment waits for the first one's end.
    """
    with db.writer.connect() as connection:
        if db.is_sqlite:
            _set_foreign_keys(connection, "OFF")
        try:
            with connection.begin():
                if not db.is_sqlite:
                    connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
                yield connection
                _check_references(connection)
        finally:
            if db.is_sqlite:
                _set_foreign_keys(connection, "ON")


def upgrade_on(connection: sqlalchemy.Connection) -> None:
    """Bring the schema up to date on a connection that `changing` gave."""
    with warnings.catch_warnings():
        # Where a revision copies a table on SQLite, Alembic reads what it refers to as well, people among them. Their
        # index on an expression is passed over there, and stays: it is not their table that is copied.
        warnings.filterwarnings("ignore", message="Skipped unsupported reflection of expression-based index")
        command.upgrade(_config(connection), "head")


def is_known(revision: str) -> bool:
    """Return whether this program knows a revision and can upgrade from it."""
    return revision in _known()


def check(db: Database) -> None:
    """Return when the database is at this program's revision. Raises UnknownSchema, naming what mends it."""
    found = revision(db)
    if found != head():
        is_newer = found is not None and found not in _known() and not found.startswith(UNFINISHED)
        raise UnknownSchema(found, head(), is_newer=is_newer)


def head() -> str:
    """Return the revision that this program was written for."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head() or ""


def revision(db: Database) -> str | None:
    """Return the revision of the database; None when it has no tables of ours."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def differences(db: Database) -> list[Any]:
    """Return what Alembic finds different between the database and the models; empty when they agree."""
    with db.engine.connect() as connection, warnings.catch_warnings():
        # SQLite does not report indexes on expressions; a test of what they do stands in for the comparison.
        warnings.filterwarnings("ignore", message="autogenerate skipping|Skipped unsupported reflection")
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found: list[Any] = compare_metadata(context, tables.metadata)
        return found


def write_revision(message: str, rev_id: str) -> None:
    """Write the revision that leads from the newest one to the models as they are now.

    Read the result before committing it: renamed columns look like dropped and added ones, and an index on an
    expression is missing, for SQLite hides them.
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="autogenerate skipping")
        db = Database(f"sqlite:///{folder}/empty.db")
        upgrade(db)
        with db.engine.begin() as connection:
            command.revision(_config(connection), message, autogenerate=True, rev_id=rev_id)
        db.close()


def _known() -> set[str]:
    return {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}


def _config(connection: sqlalchemy.Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _set_foreign_keys(connection: sqlalchemy.Connection, state: str) -> None:
    # The pragma does nothing inside a transaction, so it goes past SQLAlchemy's.
    driver = connection.connection.driver_connection
    if driver is not None:
        driver.execute(f"PRAGMA foreign_keys={state}")


def _check_references(connection: sqlalchemy.Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise RuntimeError(f"the upgrade would leave {len(broken)} rows without what they refer to")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the next revision from the models.")
    parser.add_argument("message")
    parser.add_argument("--id", required=True, help="four digits, one more than the newest")
    given = parser.parse_args()
    write_revision(given.message, given.id)
