"""Named values set by admins, one row each, guarded by a version."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy
from sqlmodel import Session, col

from calsync.errors import Refused
from calsync.store import tables as t


def find(session: Session, name: str) -> tuple[dict[str, Any], int] | None:
    """Return the value and its version, or None when nobody has set it."""
    row = session.get(t.Setting, name)
    return None if row is None else (row.value, row.version)


_FIND_ALL = sqlalchemy.select(col(t.Setting.name), col(t.Setting.value)).where(
    col(t.Setting.name).in_(sqlalchemy.bindparam("names", expanding=True))
)


def find_all(session: Session, *names: str) -> dict[str, dict[str, Any]]:
    """Return the values of these names by one query; a name that nobody has set is {}."""
    found = session.connection().execute(_FIND_ALL, {"names": names})
    values: dict[str, dict[str, Any]] = {name: {} for name in names}
    for name, value in found:
        values[name] = value
    return values


def put(session: Session, name: str, value: dict[str, Any], version: int, *, by_id: int | None, at: datetime) -> int:
    """Save `value` over `version` (0: nobody has set it) and return the new version.

    Raises Refused with the code `stale` when another person saved since that version was read.
    """
    if version == 0:
        return _add(session, t.Setting(name=name, value=value, changed_by_id=by_id, changed_at=at))
    changed = session.connection().execute(
        sqlalchemy.update(t.Setting)
        .where(col(t.Setting.name) == name, col(t.Setting.version) == version)
        .values(value=value, version=version + 1, changed_by_id=by_id, changed_at=at)
    )
    if changed.rowcount != 1:
        raise stale()
    return version + 1


def _add(session: Session, row: t.Setting) -> int:
    try:
        with session.begin_nested():
            session.add(row)
    except sqlalchemy.exc.IntegrityError as error:
        raise stale() from error
    return row.version


def stale() -> Refused:
    """Return what to raise when somebody saved since a value was read."""
    return Refused(
        "Somebody else saved these settings while you were editing them. Nothing was changed: look at the new "
        "values, then enter yours again.",
        code="stale",
    )
