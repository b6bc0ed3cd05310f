"""Activities of the large organisation of `town.py`, and what stands in its calendars."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from bench import town_rows
from bench.town_rows import Size
from calsync.engine import event as events
from calsync.engine import scope
from calsync.engine.event import Attendee, Event
from calsync.engine.mapping import ActivityValues
from calsync.engine.vocabulary import Kind
from calsync.store import activities
from calsync.store import tables as t

KINDS = (Kind.MEETING, Kind.MEETING, Kind.MEETING, Kind.CALL, Kind.APPOINTMENT, Kind.TASK)
WORDS = "kick-off review invoice contract demo renewal support training check-up planning interview site visit".split()


def event_of(number: int, now: datetime) -> Event:
    """Return one hour on a work day within a year before and after now; one in a hundred repeats every week."""
    luck = random.Random(number)  # the same record every time it is asked for
    day = (now + timedelta(days=luck.randint(-365, 364))).replace(minute=0, second=0, microsecond=0)
    start = day.replace(hour=luck.choice((8, 9, 10, 13, 14, 15)))
    guests = tuple(Attendee(f"guest{luck.randint(0, 5_000)}@customer.example") for _ in range(number % 3))
    return Event(
        uid=f"{number:07}@bench.example",
        start=start,
        end=start + timedelta(hours=1),
        tz="Europe/Berlin",
        summary=f"{luck.choice(WORDS).title()} {luck.choice(WORDS)} {number}",
        location="Room 4" if number % 5 == 0 else "",
        rrule="FREQ=WEEKLY;COUNT=20" if number % 100 == 50 else None,
        attendees=guests,
    )


def _owner(number: int, people: list[int]) -> int:
    """Return whose activity it is: the first person has one in twenty."""
    return people[0] if number % 20 == 0 else people[number % len(people)]


def activity_rows(size: Size, people: list[int], now: datetime) -> Iterator[dict[str, Any]]:
    plain = town_rows.defaults(
        t.Activity, {"is_done", "is_private", "location_kind", "is_dissolved", "excluded", "considered"}
    )
    for number in range(size.activities):
        event = event_of(number, now)
        values = ActivityValues(KINDS[number % 6], event.uid, "", None, events.content(event))
        columns = activities.columns_of_new(values, owner_id=_owner(number, people), now=now - timedelta(days=30))
        more = {"row_version": 1, "is_private": number % 40 == 0, "due_is": None, "external_id": None, "start_on": None}
        yield {**plain, **columns, **more}


def account_of(number: int, size: Size) -> int:
    """Return the account that holds an activity: the first has one in twenty, as its person."""
    return 1 if number % 20 == 0 else number % size.accounts + 1


def _linked(size: Size) -> Iterator[int]:
    """Yield the numbers of activities that are on a calendar: nine of ten."""
    return (number for number in range(size.activities) if number % 10 != 9)


def resource_rows(size: Size, now: datetime) -> Iterator[dict[str, Any]]:
    for number in _linked(size):
        account = account_of(number, size)
        yield {
            "id": number + 1,
            "calendar_id": account * 3 - 2,
            "handle": f"/{account}/work/{number}.ics",
            "version": f'"{number}"',
            "body": "",
            "is_deleted": False,
            "recheck": False,
            "read_at": now,
        }


def event_rows(size: Size, now: datetime) -> Iterator[dict[str, Any]]:
    for number in _linked(size):
        event = event_of(number, now)
        content = events.content(event)
        yield {
            "id": number + 1,
            "resource_id": number + 1,
            "calendar_id": account_of(number, size) * 3 - 2,
            "uid": event.uid,
            "recurrence_key": "",
            "facts": events.to_json(event),
            "fingerprint": events.fingerprint(content),
            "title": event.summary,
            "is_deleted": False,
            "is_cancelled": False,
            "is_busy": True,
            "is_all_day": False,
            "is_series": event.is_series,
            "is_long": event.is_series,
            "taking": scope.taking(event, "", says_busy=True),
            "span_start": event.start,
            "span_end": event.end + timedelta(weeks=20 if event.is_series else 0),
            "seen_at": now,
            "excluded": "",
            "considered": "",
        }


def link_rows(size: Size, now: datetime) -> Iterator[dict[str, Any]]:
    for number in _linked(size):
        account = account_of(number, size)
        content = events.content(event_of(number, now))
        print_ = events.fingerprint(content)
        yield {
            "activity_id": number + 1,
            "account_id": account,
            "calendar_id": account * 3 - 2,
            "event_id": number + 1,
            "uid": f"{number:07}@bench.example",
            "aliases": [],
            "recurrence_key": "",
            "state": "active",
            "park_reason": "",
            "is_ours": True,
            "is_guest_copy": False,
            "agreed_local": content,
            "agreed_remote": content,
            "local_fp": print_,
            "remote_fp": print_,
            "projection": "",
            "drift": [],
            "pushes": {},
            "generation": 0,
            "waits_for": "",
            "considered_local": "",
            "considered_remote": "",
            "considered_rules": "",
            "agreed_at": now - timedelta(days=number % 30),
            "created_at": now - timedelta(days=60),
        }
