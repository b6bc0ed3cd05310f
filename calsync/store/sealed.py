"""Everything in the database that is sealed, found by what the tables say about their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy
from sqlmodel import Session, col

from calsync.store import instance
from calsync.store import tables as t
from calsync.store.secrets import Secrets, WrongKey

BATCH = 500
"""Rows in one transaction at most."""
KEY_CHECK = "calsync"
"""What `Instance.key_check` is, sealed: it tells whether a key is the one this database is encrypted with."""


def key_fits(session: Session, secrets: Secrets) -> bool:
    """Return whether the keys at hand open this database; True while nothing binds it to a key."""
    row = session.get(t.Instance, 1)
    if row is None or not row.key_check:
        return True
    try:
        return secrets.unseal(row.key_check.encode()) == KEY_CHECK
    except WrongKey:
        return False


def bind_key(session: Session, secrets: Secrets) -> None:
    """Bind the database to its key the first time, compare later. Raises WrongKey when it does not fit."""
    if not key_fits(session, secrets):
        raise WrongKey(secrets.source)
    row = instance.get(session)
    if not row.key_check:
        row.key_check = secrets.seal(KEY_CHECK).decode()


def columns() -> list[sqlalchemy.Column[Any]]:
    """Return every sealed column of every table."""
    tables = t.metadata.sorted_tables
    return [column for table in tables for column in table.columns if column.info.get("sealed")]


def reseal(
    session: Session, column: sqlalchemy.Column[Any], after_id: int, change: Callable[[bytes], bytes]
) -> tuple[int, int]:
    """Change up to BATCH sealed values after `after_id`; return the last id and how many there were."""
    key = next(iter(column.table.primary_key.columns))
    rows = session.execute(
        sqlalchemy.select(key, column)
        .where(key > after_id, column.is_not(None))
        .order_by(key)
        .limit(BATCH)
        .with_for_update()
    ).all()
    for id_, sealed in rows:
        changed = sqlalchemy.update(column.table).where(key == id_)
        session.connection().execute(changed.values({column: change(sealed)}))
    return (rows[-1][0] if rows else after_id), len(rows)


def reseal_settings(session: Session, change: Callable[[bytes], bytes]) -> int:
    """Change the sealed values inside settings and the key check; return how many there were."""
    count = 0
    for row in session.scalars(sqlalchemy.select(t.Setting).order_by(col(t.Setting.name)).with_for_update()):
        if found := len(list(_sealed_in(row.value))):
            row.value = _changed(row.value, change)
            count += found
    known = instance.get(session)
    if known.key_check:
        known.key_check = change(known.key_check.encode()).decode()
    return count


def _sealed_in(value: Any) -> Iterator[str]:
    match value:
        case {"sealed": str(text)}:
            yield text
        case dict():
            for each in value.values():
                yield from _sealed_in(each)
        case list():
            for each in value:
                yield from _sealed_in(each)


def _changed(value: Any, change: Callable[[bytes], bytes]) -> Any:
    match value:
        case {"sealed": str(text)}:
            return {**value, "sealed": change(text.encode()).decode()}
        case dict():
            return {name: _changed(each, change) for name, each in value.items()}
        case list():
            return [_changed(each, change) for each in value]
    return value
