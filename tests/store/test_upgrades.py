"""Upgrades of databases that are in use: whatever was written under an older revision is there afterwards."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy
from alembic import command
from alembic.script import ScriptDirectory

from calsync.store import schema
from calsync.store.db import Database
from tests.factories import START

pytestmark = pytest.mark.postgres

ROWS = (1, 2)
OURS = {"alembic_version", "change_head"}
"""Tables that revisions themselves write."""

Kept = dict[str, list[dict[str, Any]]]


@pytest.fixture
def db(empty_database_url: str) -> Iterator[Database]:
    db = Database(empty_database_url)
    yield db
    db.close()


def test_rows_of_every_revision_survive_all_later_ones(db: Database) -> None:
    written: Kept = {}
    revisions = [script.revision for script in ScriptDirectory(str(schema.MIGRATIONS)).walk_revisions()]
    for revision in reversed(revisions):
        with schema.changing(db) as connection:
            command.upgrade(schema._config(connection), revision)
        with db.engine.connect() as connection:
            assert differing(written, stored(connection)) == []
        with schema.changing(db) as connection:
            written |= fill(connection, without={*written, *OURS})
    assert len(written) > 30
    assert schema.differences(db) == []


def test_a_lost_row_would_be_noticed(db: Database) -> None:
    schema.upgrade(db)
    with schema.changing(db) as connection:
        written = fill(connection, without=OURS)
        connection.exec_driver_sql("UPDATE setting SET version = 7 WHERE version = 1")
        assert differing(written, stored(connection)) == ["setting"]


def differing(written: Kept, found: Kept) -> list[str]:
    """Return the tables in which a row lost something that its table still has a column for."""
    return [name for name, rows in written.items() if rows != [_part(row, rows[0]) for row in found.get(name, [])]]


def _part(row: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name in names}


def stored(connection: sqlalchemy.Connection) -> Kept:
    return {table.name: _rows(connection, table) for table in _tables(connection) if table.name not in OURS}


def fill(connection: sqlalchemy.Connection, without: set[str]) -> Kept:
    """Write two rows into every table, of values that its columns take, and return them as they are read back."""
    tables = [table for table in _tables(connection) if table.name not in without]
    for table in tables:
        allowed = _allowed(connection, table)
        for number in ROWS:
            values = {column.name: _value(column, number) for column in table.columns}
            connection.execute(table.insert(), values | allowed)
    return {table.name: _rows(connection, table) for table in tables}


def _tables(connection: sqlalchemy.Connection) -> Sequence[sqlalchemy.Table]:
    metadata = sqlalchemy.MetaData()
    metadata.reflect(connection)
    return metadata.sorted_tables


def _rows(connection: sqlalchemy.Connection, table: sqlalchemy.Table) -> list[dict[str, Any]]:
    query = sqlalchemy.select(table).order_by(*table.primary_key.columns)
    return [dict(row) for row in connection.execute(query).mappings()]


def _allowed(connection: sqlalchemy.Connection, table: sqlalchemy.Table) -> dict[str, str]:
    """Return a word for each column that takes only some, by the checks of its table."""
    checks = sqlalchemy.inspect(connection).get_check_constraints(table.name)
    found = [re.match(r"\W*(\w+)\W.*?'(\w+)'", str(check["sqltext"]), re.DOTALL) for check in checks]
    return {match[1]: match[2] for match in found if match and match[1] in table.columns}


def _value(column: sqlalchemy.Column[Any], number: int) -> Any:
    if column.foreign_keys:
        return None if column.nullable else number
    kind = column.type.python_type
    if kind is str:
        return f"{number}{column.name}"[: getattr(column.type, "length", None) or 100]
    plain = {int: number, float: float(number), bool: number == 1, bytes: bytes([number])}
    moments = {datetime: START + timedelta(days=number), date: START.date() + timedelta(days=number)}
    return {**plain, **moments, dict: {"n": number}, object: {"n": number}}[kind]  # JSON is either of the last two
