"""Lists in parts: `limit`, an opaque `cursor`, and `next`, the address of the following part.

Keyset paging: a row that is added or removed meanwhile neither repeats nor hides another one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from flask import request
from pydantic import BaseModel, Field

from calsync.errors import Refused
from calsync.store.keyset import Cut, Slice
from webapp import paging

Item = TypeVar("Item")


class Paged(BaseModel):
    """Which part of a list is wanted."""

    limit: int = Field(50, ge=1, le=200, description="Rows in one answer at most")
    cursor: str | None = Field(None, max_length=1000, description="From `next` of the answer before; opaque")

    def cut(self) -> Cut:
        """Return the slice that is asked for. Raises Refused for a cursor that we did not give."""
        if not self.cursor:
            return Cut(self.limit)
        try:
            return Cut(self.limit, paging.decode(self.cursor))
        except ValueError as error:
            raise Refused("This is no cursor of ours.", code="invalid", field="cursor") from error


class Listed(BaseModel, Generic[Item]):
    """A part of a list. `next` is the address of the following part, null at the end."""

    items: list[Item]
    next: str | None = Field(None, examples=["/api/v1/activities?cursor=WzFd"])


def listed(found: Slice, shown: Callable[[Any], Item], key: Callable[[Any], tuple[Any, ...]]) -> Listed[Item]:
    """Return a slice as a part of a list; `key` gives the sort values of a row."""
    cursor = paging.encode(key(found.rows[-1])) if found.has_next and found.rows else None
    return Listed(items=[shown(row) for row in found.rows], next=None if cursor is None else address(cursor=cursor))


def address(**parameters: str) -> str:
    """Return the request's own address with other parameters, below the server's root."""
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in parameters]
    return f"{request.path}?{urlencode([*kept, *parameters.items()])}"
