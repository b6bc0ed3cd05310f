"""When the weekly digest leaves: what admins set, and which week is due by it."""

from __future__ import annotations

import zoneinfo
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from calsync.errors import NotAllowed, Refused
from calsync.runtime import Actor, Runtime
from calsync.store import audit
from calsync.store import settings as store

NAME = "digest"


@dataclass(frozen=True, slots=True)
class Schedule:
    """`weekday` counts from Monday (0), `hour` is in the organisation's time zone."""

    is_on: bool = True
    weekday: int = 0
    hour: int = 8


def schedule(rt: Runtime) -> tuple[Schedule, int]:
    """Return the schedule and its version."""
    with rt.reading() as session:
        return schedule_of(session)


def schedule_of(session: Session) -> tuple[Schedule, int]:
    found = store.find(session, NAME)
    if found is None:
        return Schedule(), 0
    value, version = found
    known = {name: value[name] for name in asdict(Schedule()) if name in value}
    return Schedule(**known), version


def save_schedule(rt: Runtime, new: Schedule, version: int, *, by: Actor) -> int:
    """Save it and return the new version. Raises Refused for a day or an hour that does not exist."""
    if not by.is_admin:
        raise NotAllowed("change the weekly summary")
    if not 0 <= new.weekday <= 6:
        raise Refused("Choose a day of the week.", field="weekday")
    if not 0 <= new.hour <= 23:
        raise Refused("Choose an hour from 0 to 23.", field="hour")
    with rt.writing() as session:
        old, _ = schedule_of(session)
        new_version = store.put(session, NAME, asdict(new), version, by_id=by.user_id, at=rt.now())
        before, after = audit.changes(asdict(old), asdict(new))
        if after:
            thing = ("setting", NAME, NAME)
            audit.record(session, by, "settings.changed", thing, at=rt.now(), before=before, after=after)
    return new_version


def due_week(schedule: Schedule, now: datetime, tz: str) -> str:
    """Return the week whose digest is due ("week:2030-W02"); "" when it is off or today's hour has not come.

    A digest that could not leave on its day leaves later in that week. The name is that of the calendar week in
    which the last such day was, so that moving the day never makes two digests in one week.
    """
    local = now.astimezone(zoneinfo.ZoneInfo(tz))
    ago = (local.weekday() - schedule.weekday) % 7
    if not schedule.is_on or (ago == 0 and local.hour < schedule.hour):
        return ""
    year, week, _ = (local.date() - timedelta(days=ago)).isocalendar()
    return f"week:{year}-W{week:02}"
