"""Pairs to decide on: one meeting as both sides and the snapshots hold it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from calsync.engine import event as events
from calsync.engine.event import Content, Event
from calsync.engine.pair import Agreed, Local, Remote, Terms

NINE = datetime(2030, 1, 7, 9, tzinfo=UTC)


def at(minutes: float = 0, seconds: float = 0) -> datetime:
    return NINE + timedelta(minutes=minutes, seconds=seconds)


def content(**values: Any) -> Content:
    event = Event("u", NINE, NINE + timedelta(hours=1), summary="Kick-off", location="Room 1")
    return {**events.content(event), **values}


def local(changes: Content | None = None, *, edited: float = 0, gone: float | None = None) -> Local:
    """The CRM's side, with `changes` edited `edited` minutes past nine, or cancelled `gone` minutes past nine."""
    changes = changes or {}
    if gone is not None:
        changes = {**changes, "status": "cancelled"}
    times = {name: at(edited) for name in changes}
    return Local(content(**changes), gone is not None, times, None if gone is None else at(gone))


def remote(changes: Content | None = None, *, edited: float = 0, gone: str = "") -> Remote:
    """The provider's side; `gone` is "erased" or "cancelled". It was read at eight and again at eleven."""
    changes = changes or {}
    if gone == "cancelled":
        changes = {**changes, "status": "cancelled"}
    return Remote(
        content(**changes),
        seen_at=at(120),
        is_gone=bool(gone),
        is_erased=gone == "erased",
        modified_at=None if gone == "erased" else at(edited),
        after=at(-60),
    )


def agreed(**values: Any) -> Agreed:
    return Agreed(local=content(), remote=content(), **values)


def terms(**values: Any) -> Terms:
    return Terms(**values)
