"""What Outlook makes of things, written down once more from its documentation, for tests without a server."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from calsync.engine import zones

Json = dict[str, Any]

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
POSITIONS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1}
NOTHING = {"month": 0, "dayOfMonth": 0, "daysOfWeek": [], "firstDayOfWeek": "sunday", "index": "first"}
ENDLESS = {"endDate": "0001-01-01", "numberOfOccurrences": 0}


def days(recurrence: Json, most: int) -> list[date]:
    """Return the first days of a recurrence, as Outlook counts them: a missing day is the month's last."""
    ends = recurrence["range"]
    first = date.fromisoformat(ends["startDate"])
    found = (day for day in _days(recurrence["pattern"], first) if day >= first)
    if ends["type"] == "numbered":
        return list(islice(found, min(most, ends["numberOfOccurrences"])))
    if ends["type"] == "endDate":
        last = date.fromisoformat(ends["endDate"])
        return [day for day in islice(found, most) if day <= last]
    return list(islice(found, most))


def _days(pattern: Json, first: date) -> Iterator[date]:
    interval = pattern["interval"]
    match pattern["type"]:
        case "daily":
            yield from (first + timedelta(days=n * interval) for n in range(20_000))
        case "weekly":
            week = first - timedelta(days=(first.weekday() - DAYS.index(pattern["firstDayOfWeek"])) % 7)
            for n in range(3_000):
                begin = week + timedelta(weeks=n * interval)
                yield from (day for day in (begin + timedelta(days=k) for k in range(7)) if _is_named(day, pattern))
        case "absoluteMonthly" | "relativeMonthly":
            for n in range(0, 3_000, interval):
                year, month = divmod(first.year * 12 + first.month - 1 + n, 12)
                yield from _in_month(pattern, year, month + 1)
        case "absoluteYearly" | "relativeYearly":
            for year in range(first.year, first.year + 400, interval):
                yield from _in_month(pattern, year, pattern["month"])


def _in_month(pattern: Json, year: int, month: int) -> Iterator[date]:
    length = calendar.monthrange(year, month)[1]
    if pattern["type"].startswith("absolute"):
        yield date(year, month, min(pattern["dayOfMonth"], length))
        return
    matching = [day for n in range(length) if _is_named(day := date(year, month, n + 1), pattern)]
    yield matching[POSITIONS[pattern["index"]]]


def _is_named(day: date, pattern: Json) -> bool:
    return DAYS[day.weekday()] in pattern["daysOfWeek"]


def stored(body: Json, **more: Any) -> Json:
    """Return a new event as Outlook gives it back: times in UTC, texts wrapped, what was left out filled in."""
    begin, end = body["start"], body["end"]
    item = {
        **{name: value for name, value in body.items() if name not in ("start", "end", "recurrence", "body")},
        "id": "AAMkAGEvt0001=",
        "@odata.etag": 'W/"DwAAABYAAAB2Zk1a"',
        "type": "seriesMaster" if body.get("recurrence") else "singleInstance",
        "iCalUId": "040000008200E00074C5B7101A82E008",
        "isOrganizer": True,
        "organizer": {"emailAddress": {"name": "Ada Example", "address": "ada@example.test"}},
        "start": begin if body["isAllDay"] else _in_utc(begin),
        "end": end if body["isAllDay"] else _in_utc(end),
        "originalStartTimeZone": begin["timeZone"],
        "body": {"contentType": "html", "content": _wrapped(body["body"]["content"])},
        "recurrence": _filled(body.get("recurrence")),
        "cancelledOccurrences": [],
    }
    return item | more


def _in_utc(value: Json) -> Json:
    zone = ZoneInfo(zones.resolve(value["timeZone"]) or "")
    at = datetime.fromisoformat(value["dateTime"]).replace(tzinfo=zone).astimezone(UTC)
    return {"dateTime": at.strftime("%Y-%m-%dT%H:%M:%S.0000000"), "timeZone": "UTC"}


def _wrapped(content: str) -> str:
    head = '<head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n</head>'
    return f"<html>{head}\r\n<body>\r\n{content}\r\n</body>\r\n</html>\r\n"


def _filled(recurrence: Json | None) -> Json | None:
    if recurrence is None:
        return None
    return {"pattern": NOTHING | recurrence["pattern"], "range": ENDLESS | recurrence["range"]}
