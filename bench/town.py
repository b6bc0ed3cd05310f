"""A large organisation as rows: 100,000 activities, 1,000,000 steps, and everything else in proportion.

Written past the services, because a measurement may not take an hour; every value is one that a service writes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from bench import town_bookings, town_calendars, town_history, town_rows
from bench.town_rows import Size
from calsync.engine.rules import Rules
from calsync.runtime import CLI, Runtime
from calsync.services import settings
from calsync.store import tables as t
from tests import factories

Say = Callable[[str], object]


def build(rt: Runtime, size: Size, say: Say) -> None:
    """Fill a migrated, empty database."""
    now = rt.now()
    people = _people(rt, size, now)
    _accounts(rt, size, people, now)
    for name, table, rows in (
        ("activities", t.Activity, town_calendars.activity_rows(size, people, now)),
        ("mirror", t.MirrorResource, town_calendars.resource_rows(size, now)),
        ("events", t.MirrorEvent, town_calendars.event_rows(size, now)),
        ("links", t.Link, town_calendars.link_rows(size, now)),
        ("runs", t.Run, town_history.run_rows(size, now)),
    ):
        say(name)
        town_rows.insert(rt, table, rows)
    say("steps")
    town_history.write_steps(rt, size, now)
    town_history.leave_waiting(rt, size, people, now)
    say("bookings")
    town_bookings.build(rt, size.activities, people, now)
    say("statistics")
    with rt.db.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")


def _people(rt: Runtime, size: Size, now: datetime) -> list[int]:
    cast = factories.make_cast(rt)
    more = [
        {"email": f"person{n}@example.com", "name": f"Person {n}", "role": "client" if n % 4 == 0 else "staff"}
        for n in range(size.people - 4)
    ]
    plain = {"is_disabled", "tz", "notice_choices", "session_epoch", "seen_travel_note"}
    filled = [
        {**town_rows.defaults(t.User, plain), **row, "public_id": uuid.uuid4().hex, "created_at": now} for row in more
    ]
    town_rows.insert(rt, t.User, filled)
    org = settings.Organisation(name="Northwind Clinics", is_set_up=True, tz="Europe/Berlin")
    settings.save_organisation(rt, org, 0, by=CLI)
    # The clock shall start no run while pages are measured: no server is there.
    settings.save_rules(rt, Rules(frequency="manual"), 0, by=CLI)
    with rt.reading() as session:
        ids = [i for i in session.scalars(sa.select(t.User.id).order_by(t.User.id)) if i is not None]  # type: ignore[call-overload]
    # Eli comes first: what the pages show belongs to the person with the most of everything.
    return [cast.eli.id or 0, *(i for i in ids if i != cast.eli.id)]


def _accounts(rt: Runtime, size: Size, people: list[int], now: datetime) -> None:
    with rt.writing() as session:
        for number in range(size.accounts):
            state = {"grant_ok": number % 50 != 9, "failed_runs": 4 if number % 50 == 19 else 0}
            account = t.Account(
                user_id=people[number % len(people)],
                provider="caldav",
                subject=f"https://dav.example.com/{number}/",
                label=f"person{number}@dav.example.com",
                server_url="https://dav.example.com/",
                username=f"person{number}",
                can_write=number % 10 != 0,
                created_at=now - timedelta(days=90),
                last_success_at=now - timedelta(minutes=number % 30),
                in_sync_since=now - timedelta(days=3),
                last_answer_at=now,
                last_answer_ms=40,
                grant_checked_at=now,
                last_complete_read_at=now,
                **state,
            )
            session.add(account)
            session.flush()
            session.add_all(_calendars(account, now))


def _calendars(account: t.Account, now: datetime) -> Iterator[t.Calendar]:
    for place, name in enumerate(("Work", "Team", "Private")):
        yield t.Calendar(
            account_id=account.id or 0,
            remote_id=f"/{account.id}/{name.lower()}/",
            name=name,
            color=("#206bc4", "#2fb344", "#d63939")[place],
            tz="Europe/Berlin",
            is_primary=place == 0,
            syncs=place < 2,
            blocks=place < 2,
            is_write_target=place == 0,
            last_read_at=now,
            created_at=now - timedelta(days=90),
        )
