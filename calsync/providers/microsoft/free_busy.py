"""When others are busy (contract section A14): a question answers for up to twenty addresses of the organisation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from calsync.errors import Rejected, Unavailable
from calsync.providers import free_busy
from calsync.providers.free_busy import NO_ANSWER, NOT_ALLOWED, NOT_FOUND, TOO_MUCH, Told, Window
from calsync.providers.microsoft import when
from calsync.providers.microsoft.wire import Call, Wire

Json = dict[str, Any]

MOST = 20
"""Addresses in one question."""

LONGEST = timedelta(days=42)
"""The longest window that every mailbox answers for."""

_BUSY = ("busy", "oof", "tentative", "unknown")
"""What takes time. Who works elsewhere is there for others, and free is free."""

_WHY = {"errormailrecipientnotfound": NOT_FOUND, "5006": TOO_MUCH, "erroraccessdenied": NOT_ALLOWED}


def ask(wire: Wire, addresses: Sequence[str], window: Window) -> dict[str, Told]:
    """Return what Microsoft tells of each address; see `FreeBusy`. Personal accounts are told nothing of anybody."""
    try:
        return free_busy.asked_in_parts(addresses, window, longest=LONGEST, most=MOST, ask=partial(_some, wire))
    except Rejected as error:
        if error.code != "permission":
            raise
        return free_busy.not_allowed(addresses)


def _some(wire: Wire, addresses: Sequence[str], window: Window) -> dict[str, Told]:
    answer = wire.send(Call("POST", "/me/calendar/getSchedule", body=_question(addresses, window))).item
    return _answers(answer, addresses, window)


def _question(addresses: Sequence[str], window: Window) -> Json:
    return {"schedules": list(addresses), "startTime": _time(window[0]), "endTime": _time(window[1])}


def _time(at: datetime) -> Json:
    return {"dateTime": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}


def _answers(answer: Json, addresses: Sequence[str], window: Window) -> dict[str, Told]:
    if not isinstance(answer.get("value"), list):
        raise Unavailable("the answer names no schedules")
    given = {str(each.get("scheduleId", "")).lower(): each for each in answer["value"]}
    return {address: _told(given.get(address.lower()), window) for address in addresses}


def _told(schedule: Json | None, window: Window) -> Told:
    """Return one address's part. An empty list beside an error is no free time."""
    if schedule is None:
        return Told(why=NO_ANSWER)
    error = schedule.get("error")
    if error:
        return Told(why=_WHY.get(str(error.get("responseCode", "")).lower(), NO_ANSWER))
    items = schedule.get("scheduleItems") or []
    spans = (_span(item, window) for item in items if str(item.get("status", "unknown")) in _BUSY)
    return Told(free_busy.joined(spans))


def _span(item: Json, window: Window) -> Window:
    """Return busy time inside the window: what reaches out of it is told whole."""
    start, end = (when.read_moment(item[name]) for name in ("start", "end"))
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        raise Unavailable("the answer has a schedule without times")
    return max(start, window[0]), min(end, window[1])
