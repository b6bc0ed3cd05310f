"""A large organisation as rows: 100,000 activities, 1,000,000 steps, and everything else in proportion.

Written past the services, because a measurement may not take an hour; every value is one that a service writes.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from bench import town_bookings
from calsync.engine import event as events
from calsync.engine import scope
from calsync.engine.event import Attendee, Event
from calsync.engine.mapping import ActivityValues
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Kind
from calsync.runtime import CLI, Runtime
from calsync.services import settings
from calsync.store import activities, audit
from calsync.store import tables as t
from tests import factories

BATCH = 5_000
STEPS_PER_RUN = 20
LARGEST_RUN = 20_000
KINDS = (Kind.MEETING, Kind.MEETING, Kind.MEETING, Kind.CALL, Kind.APPOINTMENT, Kind.TASK)
WORDS = "kick-off review invoice contract demo renewal support training check-up planning interview site visit".split()
Say = Callable[[str], object]


@dataclass(frozen=True)
class Size:
    """How much there is. `steps` is reached to within one run."""

    activities: int = 100_000
    steps: int = 1_000_000

    @property
    def people(self) -> int:
        return max(10, self.activities // 500)

    @property
    def accounts(self) -> int:
        return self.people

    @property
    def runs(self) -> int:
        """Runs that changed something; as many again found nothing to do."""
        return max(2, (self.steps - LARGEST_RUN) // STEPS_PER_RUN)


def build(rt: Runtime, size: Size, say: Say) -> None:
    """Fill a migrated, empty database."""
    now = rt.now()
    people = _people(rt, size, now)
    _accounts(rt, size, people, now)
    for name, table, rows in (
        ("activities", t.Activity, _activities(size, people, now)),
        ("mirror", t.MirrorResource, _resources(size, now)),
        ("events", t.MirrorEvent, _events(size, now)),
        ("links", t.Link, _links(size, now)),
        ("runs", t.Run, _runs(size, now)),
    ):
        say(name)
        _insert(rt, table, rows)
    say("steps")
    _steps(rt, size, now)
    _waiting(rt, size, people, now)
    say("bookings")
    town_bookings.build(rt, size.activities, people, now)
    say("statistics")
    with rt.db.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")


# --- people and accounts


def _people(rt: Runtime, size: Size, now: datetime) -> list[int]:
    cast = factories.make_cast(rt)
    more = [
        {"email": f"person{n}@example.com", "name": f"Person {n}", "role": "client" if n % 4 == 0 else "staff"}
        for n in range(size.people - 4)
    ]
    plain = {"is_disabled", "tz", "notice_choices", "session_epoch", "seen_travel_note"}
    filled = [{**_defaults(t.User, plain), **row, "public_id": uuid.uuid4().hex, "created_at": now} for row in more]
    _insert(rt, t.User, filled)
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


# --- activities and what stands in the calendars


def _event(number: int, now: datetime) -> Event:
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


def _activities(size: Size, people: list[int], now: datetime) -> Iterator[dict[str, Any]]:
    plain = _defaults(t.Activity, {"is_done", "is_private", "location_kind", "is_dissolved", "excluded", "considered"})
    for number in range(size.activities):
        event = _event(number, now)
        values = ActivityValues(KINDS[number % 6], event.uid, "", None, events.content(event))
        columns = activities.columns_of_new(values, owner_id=_owner(number, people), now=now - timedelta(days=30))
        more = {"row_version": 1, "is_private": number % 40 == 0, "due_is": None, "external_id": None, "start_on": None}
        yield {**plain, **columns, **more}


def _account_of(number: int, size: Size) -> int:
    """Return the account that holds an activity: the first has one in twenty, as its person."""
    return 1 if number % 20 == 0 else number % size.accounts + 1


def _linked(size: Size) -> Iterator[int]:
    """Yield the numbers of activities that are on a calendar: nine of ten."""
    return (number for number in range(size.activities) if number % 10 != 9)


def _resources(size: Size, now: datetime) -> Iterator[dict[str, Any]]:
    for number in _linked(size):
        account = _account_of(number, size)
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


def _events(size: Size, now: datetime) -> Iterator[dict[str, Any]]:
    for number in _linked(size):
        event = _event(number, now)
        content = events.content(event)
        yield {
            "id": number + 1,
            "resource_id": number + 1,
            "calendar_id": _account_of(number, size) * 3 - 2,
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


def _links(size: Size, now: datetime) -> Iterator[dict[str, Any]]:
    for number in _linked(size):
        account = _account_of(number, size)
        content = events.content(_event(number, now))
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


# --- what happened


def _runs(size: Size, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the runs of sixty days, oldest first; the last one is the largest."""
    plain = _defaults(t.Run, set(t.Run.model_fields) - {"id", "account_id", "trigger", "started_at", "public_id"})
    total = size.runs * 2 + 1
    for number in range(total):
        is_last, did = number == total - 1, number % 2 == 0
        steps = LARGEST_RUN if is_last else STEPS_PER_RUN if did else 0
        failed = 2 if number % 200 == 0 or is_last else 0
        started = now - timedelta(days=60) * (total - number) / total
        yield {
            **plain,
            "id": number + 1,
            "public_id": uuid.uuid4().hex,
            "account_id": 1 if is_last or number % 20 == 0 else number % size.accounts + 1,
            "trigger": ("schedule", "schedule", "edit", "manual")[number % 4],
            "state": "partial" if failed else "succeeded" if steps else "no_changes",
            "started_at": started,
            "finished_at": started + timedelta(seconds=3),
            "processed": steps,
            "updated": steps - failed,
            "failed": failed,
            "outbound": steps,
            "requests": steps + 2,
        }


def _steps(rt: Runtime, size: Size, now: datetime) -> None:
    """Write the steps of one run, then copy them to every other, on other records, inside the database."""
    with rt.writing() as session:
        account_id = session.scalar(sa.select(t.Run.account_id).where(t.Run.id == 1))  # type: ignore[call-overload]
        for number in range(STEPS_PER_RUN):
            session.add(_step(number, account_id or 1, now))
    step, run = t.Step.__table__, t.Run.__table__  # type: ignore[attr-defined]
    with rt.writing() as session:
        place = (run.c.id * 31 + step.c.id * 7919) % size.activities + 1
        new = {
            "run_id": run.c.id,
            "account_id": run.c.account_id,
            "activity_id": place,
            "link_id": sa.null(),
            "event_id": sa.null(),
            "subject": sa.literal("activity:") + sa.cast(place, sa.String),
            "created_at": run.c.started_at,
            "finished_at": run.c.finished_at,
        }
        columns = [c for c in step.c if c.name != "id"]
        chosen = [new.get(c.name, c).label(c.name) for c in columns]
        others = sa.select(*chosen).select_from(run.join(step, step.c.run_id == 1))
        small = others.where(run.c.id > 1, run.c.processed == STEPS_PER_RUN)
        session.execute(sa.insert(step).from_select([c.name for c in columns], small))
    _largest(rt, size)
    _fail_some(rt)


def _step(number: int, account_id: int, now: datetime) -> t.Step:
    content = events.content(_event(number, now))
    return t.Step(
        run_id=1,
        account_id=account_id,
        calendar_id=account_id * 3 - 2,
        activity_id=number + 1,
        subject=f"activity:{number + 1}",
        title=content["summary"],
        action="create" if number % 4 == 0 else "update",
        direction="outbound" if number % 2 else "inbound",
        fields=["summary", "time"],
        # Half of them are older than before-images are kept, and creates have none.
        before={**content, "summary": "Before"} if number % 4 == 1 else None,
        after=content if number % 2 else None,
        detail={},
        reason="local_edited",
        state="done",
        attempts=1,
        created_at=now - timedelta(days=60),
        finished_at=now - timedelta(days=60),
    )


def _largest(rt: Runtime, size: Size) -> None:
    """Give the last run its many steps: those of runs before it, once more."""
    step = t.Step.__table__  # type: ignore[attr-defined]
    last = size.runs * 2 + 1
    columns = [c for c in step.c if c.name != "id"]
    chosen = [sa.literal(last).label("run_id") if c.name == "run_id" else c for c in columns]
    chosen = [sa.literal(1).label("account_id") if c.name == "account_id" else c for c in chosen]
    with rt.writing() as session:
        some = sa.select(*chosen).where(step.c.run_id < last).order_by(step.c.id).limit(LARGEST_RUN)
        session.execute(sa.insert(step).from_select([c.name for c in columns], some))


def _fail_some(rt: Runtime) -> None:
    """Let two steps of every run that says so have failed, each about a record of its own."""
    step, run = t.Step.__table__, t.Run.__table__  # type: ignore[attr-defined]
    with rt.writing() as session:
        bad = session.execute(
            sa.select(sa.func.min(step.c.id))
            .join(run, run.c.id == step.c.run_id)
            .where(run.c.failed > 0)
            .group_by(run.c.id)
        ).scalars()
        ids = [i for first in bad for i in (first, first + 1)]
        for at in range(0, len(ids), 500):
            session.execute(
                sa.update(step)
                .where(step.c.id.in_(ids[at : at + 500]))
                .values(
                    state="failed",
                    subject=sa.literal("activity:failed:") + sa.cast(step.c.id, sa.String),
                    error_class="provider",
                    error="503 Service Unavailable",
                    next_attempt_at=rt.now() + timedelta(days=1),
                )
            )


def _waiting(rt: Runtime, size: Size, people: list[int], now: datetime) -> None:
    """Leave conflicts, notices and an audit log behind."""
    with rt.writing() as session:
        session.add_all(_conflicts(size, now))
        for number, person in enumerate(people[:50]):
            facts = {"account": f"person{number}@dav.example.com", "provider": "caldav"}
            subject = f"account:{number + 1}"
            given = {"user_id": person, "kind": "conflict", "subject": subject, "account_id": number + 1}
            session.add(t.Notice(**given, facts=facts, created_at=now))
        for number in range(size.activities // 20):
            thing = ("activity", str(number + 1), f"Activity {number}")
            _note(session, thing, now - timedelta(minutes=size.activities // 20 - number))


def _conflicts(size: Size, now: datetime) -> Iterator[t.Conflict]:
    for number in range(size.activities // 50):
        is_open = number % 4 == 0
        account = _account_of(number, size)
        yield t.Conflict(
            account_id=account,
            subject=f"activity:{number + 1}:{account * 3 - 2}",
            activity_id=number + 1,
            kind="both_changed",
            title=f"Conflict {number}",
            fields={"summary": {"agreed": "Before", "local": "Ours", "remote": "Theirs"}},
            merged={},
            state="open" if is_open else "resolved",
            opened_at=now - timedelta(hours=number % 300),
            closed_at=None if is_open else now,
        )


def _note(session: Session, thing: tuple[str, str, str], at: datetime) -> None:
    audit.record(session, CLI, "activity.edited", thing, at=at, before={"title": "Before"}, after={"title": "After"})


# --- writing


def _defaults(table: Any, names: set[str]) -> dict[str, Any]:
    """Return the defaults that a plain insert does not know, of these columns that have one."""
    found = {name: table.model_fields[name] for name in names}
    return {
        name: field.get_default(call_default_factory=True) for name, field in found.items() if not field.is_required()
    }


def _insert(rt: Runtime, table: Any, rows: Iterable[dict[str, Any]]) -> None:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        with rt.writing() as session:
            session.connection().execute(sa.insert(table), batch)
