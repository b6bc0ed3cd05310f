"""Whether a database is at this program's revision, without loading Alembic.

Loading it takes longer than most commands; `schema.py` is asked only when something is wrong.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy

from calsync.store.db import Database

VERSIONS = Path(__file__).parent / "migrations" / "versions"


def is_current(db: Database) -> bool:
    """Return whether the schema is surely the newest one; False when that takes a closer look."""
    query = sqlalchemy.text("SELECT version_num FROM alembic_version")
    try:
        with db.engine.connect() as connection:
            found = connection.scalars(query).all()
    except sqlalchemy.exc.SQLAlchemyError:
        return False
    return list(found) == [newest()]


def newest() -> str:
    """Return the newest revision: files are named by their number, `0001_the_first_tables.py`."""
    names = sorted(path.stem for path in VERSIONS.glob("[0-9]*.py"))
    return names[-1].partition("_")[0]
