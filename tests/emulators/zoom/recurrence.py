"""Recurring meetings with fixed times (type 8): their rule's limits and the occurrences (contract section 19.6)."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from tests.emulators.zoom import bodies
from tests.emulators.zoom.errors import invalid
from tests.emulators.zoom.world import Json, Meeting

MOST = 60
LONGEST = {1: 99, 2: 50, 3: 10}


def check(rule: Any) -> Json:
    """Return a checked rule. Raises 400/300."""
    if not isinstance(rule, dict) or rule.get("type") not in LONGEST:
        raise invalid("recurrence.type")
    if not 1 <= rule.get("repeat_interval", 1) <= LONGEST[rule["type"]]:
        raise invalid("recurrence.repeat_interval")
    if not 0 <= rule.get("end_times", 1) <= MOST:
        raise invalid("recurrence.end_times")
    if "end_times" in rule and "end_date_time" in rule:
        raise invalid("recurrence.end_date_time", "Cannot be used together with end_times.")
    days = str(rule.get("weekly_days", "1")).split(",")
    if not all(day in tuple("1234567") for day in days):
        raise invalid("recurrence.weekly_days")
    if not 1 <= rule.get("monthly_day", 1) <= 31 or rule.get("monthly_week", 1) not in (-1, 1, 2, 3, 4):
        raise invalid("recurrence.monthly_day")
    return rule


def spread(meeting: Meeting) -> list[Json]:
    """Return the occurrences of a series anew. They are named after their start, so moving it renames them all."""
    if meeting.start_at is None:
        return []
    zone = bodies.zone(meeting.timezone) or UTC
    first, rule = meeting.start_at.astimezone(zone), meeting.recurrence
    most = rule.get("end_times", MOST if "end_date_time" in rule else 1) or MOST
    until = bodies.moment(rule["end_date_time"], "UTC") if "end_date_time" in rule else None
    found: list[Json] = []
    for day in _days(rule, first):
        start = day.astimezone(UTC)
        if len(found) >= most or (until is not None and start > until):
            break
        if start >= meeting.start_at:
            found.append(_occurrence(start, meeting.duration))
    return found


def _occurrence(start: datetime, duration: int) -> Json:
    return {
        "occurrence_id": str(int(start.timestamp() * 1000)),
        "start_time": bodies.written(start),
        "duration": duration,
        "status": "available",
    }


def _days(rule: Json, first: datetime) -> Iterator[datetime]:
    """Yield local starts in order, for two years at most."""
    every, end = rule.get("repeat_interval", 1), first + timedelta(days=731)
    match rule["type"]:
        case 1:
            days: Iterator[datetime] = (first + timedelta(days=every * i) for i in count())
        case 2:
            days = _weekly(rule, first, every)
        case _:
            days = _monthly(rule, first, every)
    for day in days:
        if day > end:
            return
        yield day


def _weekly(rule: Json, first: datetime, every: int) -> Iterator[datetime]:
    sunday = first - timedelta(days=(first.weekday() + 1) % 7)
    usual = str((first.weekday() + 1) % 7 + 1)
    days = sorted(int(day) for day in str(rule.get("weekly_days", usual)).split(","))
    for week in count():
        for day in days:
            yield sunday + timedelta(weeks=every * week, days=day - 1)


def _monthly(rule: Json, first: datetime, every: int) -> Iterator[datetime]:
    for i in count():
        months = first.year * 12 + first.month - 1 + i * every
        year, month = divmod(months, 12)
        day = _day_of_month(rule, first, year, month + 1)
        if day is not None:
            yield first.replace(year=year, month=month + 1, day=day)


def _day_of_month(rule: Json, first: datetime, year: int, month: int) -> int | None:
    last = calendar.monthrange(year, month)[1]
    if "monthly_week" not in rule:
        day = rule.get("monthly_day", first.day)
        return day if day <= last else None
    wanted = (rule.get("monthly_week_day", 1) - 2) % 7  # theirs begins with Sunday as 1, ours with Monday as 0
    days = [day for day in range(1, last + 1) if datetime(year, month, day).weekday() == wanted]
    return days[-1] if rule["monthly_week"] == -1 else days[rule["monthly_week"] - 1]
