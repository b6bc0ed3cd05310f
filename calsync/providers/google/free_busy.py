"""When others are busy (contract section 13.1): a question answers for up to fifty addresses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from calsync.errors import SignInNeeded, Unavailable
from calsync.providers import free_busy
from calsync.providers.free_busy import NO_ANSWER, NOT_FOUND, TOO_MUCH, Told, Window
from calsync.providers.google.wire import Call, Wire

Json = dict[str, Any]

MOST = 50
"""Addresses in one question: `calendarExpansionMax` allows no more."""

LONGEST = timedelta(days=60)
"""The longest window that is safe: Google refuses more than two or three months without saying where it begins."""

_WHY = {"notFound": NOT_FOUND, "groupTooBig": TOO_MUCH, "tooManyCalendarsRequested": TOO_MUCH}


def ask(wire: Wire, addresses: Sequence[str], window: Window) -> dict[str, Told]:
    """Return what Google tells of each address; see `FreeBusy`."""
    try:
        return free_busy.asked_in_parts(addresses, window, longest=LONGEST, most=MOST, ask=partial(_some, wire))
    except SignInNeeded as error:
        if error.why != "scope_lost":
            raise
        return free_busy.not_allowed(addresses)


def _some(wire: Wire, addresses: Sequence[str], window: Window) -> dict[str, Told]:
    answer = wire.send(Call("POST", "/freeBusy", body=_question(addresses, window))).item
    return {address: _told(answer, address) for address in addresses}


def _question(addresses: Sequence[str], window: Window) -> Json:
    start, end = (moment.astimezone(UTC).isoformat().replace("+00:00", "Z") for moment in window)
    return {
        "timeMin": start,
        "timeMax": end,
        "timeZone": "UTC",
        "calendarExpansionMax": MOST,
        "items": [{"id": address} for address in addresses],
    }


def _told(answer: Json, address: str) -> Told:
    """Return one address's part. An empty list beside an error is no free time."""
    calendars = answer.get("calendars")
    if not isinstance(calendars, dict):
        raise Unavailable("the answer names no calendars")
    given = calendars.get(address, calendars.get(address.lower()))
    if given is None:
        group = (answer.get("groups") or {}).get(address)
        return Told(why=TOO_MUCH if group is not None else NO_ANSWER)
    errors = given.get("errors") or []
    if errors:
        return Told(why=_WHY.get(str(errors[0].get("reason", "")), NO_ANSWER))
    return Told(free_busy.joined(_span(each) for each in given.get("busy") or []))


def _span(item: Json) -> Window:
    return _moment(item["start"]), _moment(item["end"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
