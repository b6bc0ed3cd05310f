"""Column helpers shared by all tables: the naming convention, JSON, closed lists, public ids."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, LargeBinary, literal_column
from sqlmodel import SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""The end of a series that has none; sorts after every real time."""

LONG = timedelta(days=3)
"""From which distance between first start and last end something is long. One day all-day is not: it spans 50 hours
around the world."""

SEARCHED = 500
"""Characters of a text that is searched by index. PostgreSQL takes no more than 2,700 bytes into one."""


def public_id() -> str:
    """Return a new id that may be shown outside: 32 hex digits."""
    return uuid.uuid4().hex


def json_column(*, nullable: bool = True) -> Any:
    """A JSON value. Reassign it to change it: changes in place are not saved."""
    return Column(JSON(none_as_null=True), nullable=nullable)


def sealed_column() -> Any:
    """Bytes encrypted by `store/secrets.py`; never read or written in the clear."""
    return Column(LargeBinary, nullable=True, info={"sealed": True})


def one_of(column: str, values: type[StrEnum] | Iterable[str]) -> CheckConstraint:
    """Return a CHECK that keeps `column` inside a closed list."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def plain(value: StrEnum | str) -> Any:
    """Return a word of ours as SQL, for where a parameter would cost much: SQLite plans a statement anew at each
    execution if the value of a parameter decides whether a partial index serves.
    """
    if not value.replace("_", "").isalpha():
        raise ValueError(f"{value!r} is no word of ours")
    return literal_column(f"'{value}'")


def pk(row: Any) -> int:
    """Return the id of a row that has been saved. Raises ValueError for one that has not."""
    if row.id is None:
        raise ValueError(f"{type(row).__name__} is not saved yet")
    return int(row.id)
