"""Giving a PostgreSQL database back as its template was, so that the next test may have it.

A database is a folder of some 600 files, and copying them takes longer than most tests; what a test writes is a few
rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

MOST_BYTES = 128 * 1024
"""A table that grew larger has too many dead rows: its database is thrown away."""

_SHAPE = """
SELECT md5(string_agg(line, ',' ORDER BY line)) FROM (
    SELECT format('%s %s %s', oid, relname, relnatts) FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT format('%s.%s %s %s', attrelid, attname, atttypid, attnotnull) FROM pg_attribute
        WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    UNION ALL SELECT oid::text FROM pg_constraint
    UNION ALL SELECT oid::text FROM pg_trigger
    UNION ALL SELECT oid::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT nspname FROM pg_namespace
) AS lines (line)
"""
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
_LARGEST = (
    "SELECT max(pg_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
_SEQUENCES = "SELECT sequencename, start_value, last_value FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1"


@dataclass(frozen=True)
class Snapshot:
    """A database as its template left it: its shape, its few rows by table, how far its sequences are."""

    shape: str
    rows: dict[str, bytes]
    sequences: list[tuple[str, int, int | None]]


def snapshot(dsn: str) -> Snapshot:
    """Return what a database holds."""
    with psycopg.connect(dsn) as connection:
        rows = {table: _copy_of(connection, table) for table in _filled(connection, _tables(connection))}
        return Snapshot(_shape(connection), rows, _sequences(connection))


def reset(dsn: str, before: Snapshot) -> bool:
    """Bring a database back to what it was. False where that is not worth it: it was rebuilt, or has grown."""
    with psycopg.connect(dsn) as connection:
        if _shape(connection) != before.shape or _one(connection, _LARGEST) > MOST_BYTES:
            return False
        connection.execute("SET session_replication_role = replica")  # neither foreign keys nor triggers look on
        for table in before.rows.keys() | set(_filled(connection, _tables(connection))):
            _restore(connection, table, before.rows.get(table, b""))
        for known, now in zip(before.sequences, _sequences(connection), strict=True):
            if now != known:
                name, start, last = known
                connection.execute("SELECT setval(%s, %s, %s)", (f'"{name}"', last or start, last is not None))
    return True


def _restore(connection: psycopg.Connection, table: str, rows: bytes) -> None:
    if _copy_of(connection, table) == rows:
        return
    connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    if rows:
        with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as copy:
            copy.write(rows)


def _copy_of(connection: psycopg.Connection, table: str) -> bytes:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
        return b"".join(bytes(part) for part in copy)


def _filled(connection: psycopg.Connection, tables: Sequence[str]) -> list[str]:
    """Return the tables with rows in them."""
    asked = [
        sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(sql.Literal(table), sql.Identifier(table))
        for table in tables
    ]
    return [row[0] for row in connection.execute(sql.SQL(" UNION ALL ").join(asked))] if asked else []


def _tables(connection: psycopg.Connection) -> list[str]:
    return [row[0] for row in connection.execute(_TABLES)]


def _sequences(connection: psycopg.Connection) -> list[tuple[str, int, int | None]]:
    return [(name, start, last) for name, start, last in connection.execute(_SEQUENCES)]


def _shape(connection: psycopg.Connection) -> str:
    return str(_one(connection, _SHAPE))


def _one(connection: psycopg.Connection, question: str) -> int:
    row = connection.execute(question.encode()).fetchone()
    return row[0] if row and row[0] is not None else 0
