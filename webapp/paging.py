"""Keyset paging in the address: `?after=...` and `?before=...` carry the sort values of the row at the edge.

    cut = paging.asked()                                             what the address asks for (a store Cut)
    slice = audit.list_entries(session, cut=cut)                     rows, has_next, has_previous
    pager = paging.pager(slice, key=lambda row: (row.at, row.id))    .next_url, .previous_url; shown by ui.pager(pager)

All other parameters of the address (filters) are kept.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from flask import abort, request, url_for

from calsync.store.keyset import Cut, Slice

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Pager:
    """Where the neighbouring pages are; None where there is none."""

    next_url: str | None
    previous_url: str | None


def asked(limit: int = PAGE_SIZE) -> Cut:
    """Return the slice that the address asks for. A mangled cursor is a 404: no such page."""
    after, before = request.args.get("after"), request.args.get("before")
    try:
        return Cut(limit, decode(after) if after else None, decode(before) if before and not after else None)
    except ValueError:
        abort(404)


def pager(found: Slice, key: Callable[[Any], tuple[Any, ...]]) -> Pager:
    """Return the addresses of the neighbouring pages; `key` gives the sort values of a row."""
    if not found.rows:
        return Pager(None, None)
    return Pager(
        _address(after=encode(key(found.rows[-1]))) if found.has_next else None,
        _address(before=encode(key(found.rows[0]))) if found.has_previous else None,
    )


def encode(values: tuple[Any, ...]) -> str:
    """Return sort values as text for an address: numbers, texts, dates and aware datetimes."""
    plain = json.dumps([_plain(value) for value in values], separators=(",", ":"))
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def decode(text: str) -> tuple[Any, ...]:
    """Return the sort values of a cursor. Raises ValueError for a mangled one."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, RecursionError) as error:
        raise ValueError(text) from error
    if not isinstance(parts, list):
        raise ValueError(text)
    return tuple(_rich(part) for part in parts)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"t": value.astimezone(UTC).isoformat()}
    if isinstance(value, date):
        return {"d": value.isoformat()}
    return value


def _rich(value: Any) -> Any:
    match value:
        case {"t": str(text)}:
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        case {"d": str(text)}:
            return date.fromisoformat(text)
        case int() | str() | float():
            return value
    raise ValueError(value)


def without_cursor() -> dict[str, Any]:
    """Return the address's parameters but for the cursor: what links to the same filters elsewhere need."""
    return kept("after", "before")


def kept(*without: str) -> dict[str, Any]:
    """Return the address's parameters except some, for a link that changes those.

    Names with an underscore in front are left out too: they would steer url_for itself.
    """
    return {n: values for n, values in request.args.lists() if n not in without and not n.startswith("_")}


def _address(**cursor: str) -> str:
    return url_for(request.endpoint or "", **{**without_cursor(), **(request.view_args or {}), **cursor})
