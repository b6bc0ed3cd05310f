"""Activities to test with: a person who plans, links as after a sync, and rules."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from calsync.engine.event import Moment
from calsync.engine.vocabulary import LinkState
from calsync.runtime import Runtime
from calsync.services import activities, settings
from calsync.store import tables as t
from tests import factories
from tests.factories import acting

MONDAY = datetime(2030, 1, 7, 9, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
JULY = datetime(2030, 7, 1, 8, tzinfo=UTC)
"""Ten o'clock in Berlin, in summer."""

Plan = Callable[..., t.Activity]


def planner(rt: Runtime, person: t.User) -> Plan:
    """Return a function that creates an activity of `person`: a meeting on Monday from ten to eleven in Berlin."""

    def planned(**values: Any) -> t.Activity:
        given = {"title": "Review", "start": MONDAY, "end": MONDAY + HOUR, "tz": "Europe/Berlin"}
        return activities.create(rt, t.pk(person), {**given, **values}, by=acting(person))

    return planned


def link(rt: Runtime, activity: t.Activity, calendar: t.Calendar, **values: Any) -> t.Link:
    """Put an activity on a calendar, as after a sync."""
    given = {
        "activity_id": activity.id,
        "account_id": calendar.account_id,
        "calendar_id": calendar.id,
        "uid": activity.uid,
        "recurrence_key": activity.recurrence_key,
        "state": LinkState.ACTIVE,
        "agreed_local": activity.content,
        "agreed_remote": activity.content,
        "local_fp": activity.fingerprint,
        "remote_fp": activity.fingerprint,
        "agreed_at": rt.now(),
        "created_at": rt.now(),
    }
    with rt.writing() as session:
        made = t.Link(**{**given, **values})
        session.add(made)
    return made


def stored(rt: Runtime, activity: t.Activity) -> t.Activity:
    with rt.reading() as session:
        return session.get_one(t.Activity, activity.id)


def set_rules(rt: Runtime, cast: factories.Cast, **changes: Any) -> None:
    rules, version = settings.rules(rt)
    settings.save_rules(rt, replace(rules, **changes), version, by=acting(cast.ada))


def shown(rt: Runtime, start: datetime = MONDAY, weeks: int = 4, **values: Any) -> list[tuple[datetime, str]]:
    window = activities.occurrences(rt, start, start + weeks * WEEK, **values)
    return [(s.occurrence.starts_at, s.activity.title) for s in window]


def edit(
    rt: Runtime,
    cast: factories.Cast,
    row: t.Activity,
    moment: Moment,
    scope: Any,
    orphans: str | None = None,
    **changes: Any,
) -> t.Activity:
    return activities.edit_occurrence(rt, t.pk(row), moment, scope, changes, by=acting(cast.eli), orphans=orphans)


def override(rt: Runtime, cast: factories.Cast, row: t.Activity, moment: datetime, title: str) -> t.Activity:
    return edit(rt, cast, row, moment, "this", title=title)
