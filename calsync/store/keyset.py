"""Keyset paging: a slice of a sorted listing beside a known row, found by index however far down it is.

The columns sort the listing, all in one direction, and end with a unique one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute
from sqlmodel import Session

from calsync.errors import NotFound

LARGEST_NUMBER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cut:
    """Which slice is wanted: `limit` rows after or before the row with these values of the sort columns."""

    limit: int = 50
    after: tuple[Any, ...] | None = None
    before: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows in listing order, and whether there are more on either side."""

    rows: list[Any] = field(default_factory=list)
    has_next: bool = False
    has_previous: bool = False


def fetch(
    session: Session,
    query: Select[Any],
    columns: Sequence[InstrumentedAttribute[Any]],
    cut: Cut,
    *,
    newest_first: bool = True,
) -> Slice:
    """Run `query` sorted by `columns` and return the slice.

    A query for one entity gives entities; one for several columns gives rows. One more row than `limit` is read to
    know whether there are others. Raises NotFound when the bound is not made of values of these columns.
    """
    backwards = cut.before is not None
    falling = newest_first != backwards
    bound = cut.before if backwards else cut.after
    if bound is not None:
        _check(bound, columns)
        # Literals go through the column's type, so that SQLite compares the stored form of a time.
        here = tuple_(*columns)
        there = tuple_(*bound, types=[column.type for column in columns])
        query = query.where(here < there if falling else here > there)
    query = query.order_by(*(c.desc() if falling else c.asc() for c in columns)).limit(cut.limit + 1)
    found = _rows(session, query)
    more, rows = len(found) > cut.limit, found[: cut.limit]
    if backwards:
        return Slice(rows[::-1], has_next=True, has_previous=more)
    return Slice(rows, has_next=more, has_previous=bound is not None)


def _check(bound: tuple[Any, ...], columns: Sequence[InstrumentedAttribute[Any]]) -> None:
    """Raise NotFound for values that cannot be a row's: they come from an address, where anyone may type."""
    if len(bound) != len(columns) or not all(map(_fits, bound, columns)):
        raise NotFound("page", bound)


def _fits(value: Any, column: InstrumentedAttribute[Any]) -> bool:
    if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
        return False
    return isinstance(value, column.type.python_type) and not (isinstance(value, str) and "\0" in value)


def _rows(session: Session, query: Select[Any]) -> list[Any]:
    result = session.execute(query)
    return list(result.scalars() if len(query.column_descriptions) == 1 else result)
