"""What is said when bookings and meetings are not as they should be: by the doctor, and to whose meeting it is."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from calsync.engine import event as events
from calsync.engine.event import Event
from calsync.engine.mapping import ActivityValues
from calsync.engine.vocabulary import Kind
from calsync.providers.google.provider import GoogleProvider
from calsync.runtime import Runtime
from calsync.services import doctor_scheduling, letters, notices
from calsync.services.findings import Level
from calsync.store import activities
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make

DAY = timedelta(days=1)


@pytest.fixture
def account(rt: Runtime, cast: factories.Cast) -> t.Account:
    return factories.make_account(rt, cast.eli, label="eli@example.com", last_read_at=rt.now())


@pytest.fixture
def calendar(rt: Runtime, account: t.Account) -> t.Calendar:
    return factories.make_calendar(rt, account, "Room calendar", last_read_at=rt.now())


def look(rt: Runtime) -> list[tuple[str, Level, str]]:
    with rt.reading() as session:
        return [(f.check, f.level, f.what) for f in doctor_scheduling.examine(session, rt)]


def change(rt: Runtime, row: Any, **values: Any) -> None:
    with rt.writing() as session:
        found = session.get_one(type(row), row.id)
        for name, value in values.items():
            setattr(found, name, value)


def meeting(rt: Runtime, owner: t.User, state: str, days: float = 1, account: t.Account | None = None) -> t.Conference:
    """A meeting of somebody, in so many days."""
    start = rt.now() + days * DAY
    event = Event(f"{state}-{days}", start, start + timedelta(hours=1), "Europe/Berlin", summary="Visit")
    with rt.writing() as session:
        values = ActivityValues(Kind.MEETING, event.uid, "", None, events.content(event))
        activity = activities.new(values, owner_id=t.pk(owner), now=rt.now())
        session.add(activity)
        session.flush()
        row = t.Conference(
            activity_id=activity.id,
            account_id=account.id if account else None,
            provider="zoom",
            kind="zoom",
            mark=event.uid,
            state=state,
            created_at=rt.now(),
            updated_at=rt.now(),
        )
        session.add(row)
    return row


# --- the doctor


def test_nothing_to_book_is_nothing_to_say(rt: Runtime) -> None:
    assert look(rt) == []


def test_resources_that_can_be_booked_are_fine(rt: Runtime, calendar: t.Calendar) -> None:
    make.make_resource(rt, "Room 1", calendar)
    assert look(rt) == [("scheduling", Level.OK, "1 resource can be booked.")]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"syncs": False}, "does not sync"),
        ({"is_gone": True}, "no longer exists"),
        ({"access": "reader"}, "can only be read"),
    ],
)
def test_a_calendar_that_was_taken_away_is_named_ahead(
    rt: Runtime, calendar: t.Calendar, values: dict[str, Any], said: str
) -> None:
    make.make_resource(rt, "Room 1", calendar)
    change(rt, calendar, **values)
    [(check, level, what)] = look(rt)
    assert (check, level) == ("resource", Level.WARNING)
    assert what.startswith("Room 1")
    assert said in what


def test_a_disconnected_account_and_one_that_is_late_are_named(
    rt: Runtime, calendar: t.Calendar, account: t.Account, clock: factories.Clock
) -> None:
    make.make_resource(rt, "Room 1", calendar)
    clock.advance(days=1)
    assert "cannot be believed now (late)" in look(rt)[0][2]
    change(rt, account, state="disconnected")
    assert "disconnected" in look(rt)[0][2]


def test_meetings_ahead_without_a_link_are_counted(rt: Runtime, cast: factories.Cast, account: t.Account) -> None:
    for state, days in (("failed", 1), ("gone", 5), ("wanted", 1), ("wanted", 9), ("made", 1), ("failed", -3)):
        meeting(rt, cast.eli, state, days)
    meeting(rt, cast.eli, "orphan", 2, account)
    assert [what for _, _, what in look(rt)] == [
        "3 meetings ahead without a link that works.",
        "1 meeting of ours at a provider that no activity has.",
    ]


def test_event_types_whose_meetings_nobody_makes_are_named(
    rt: Runtime, cast: factories.Cast, account: t.Account
) -> None:
    rt.providers["google"] = GoogleProvider()
    made = make.make_event_type(rt, make.make_person(rt, cast.eli), location_kind="meet")
    expected = "Visit: bookings of Eli get no link to join"
    assert [what for _, _, what in look(rt)] == [f"{expected} (no calendar)."]
    factories.make_calendar(rt, account, last_read_at=rt.now())
    assert [what for _, _, what in look(rt)] == [f"{expected} (other provider)."]
    change(rt, account, provider="google")
    assert [level for _, level, _ in look(rt)] == [Level.OK]
    change(rt, account, grant_ok=False)
    assert f"{expected} (reconnect)." in [what for _, _, what in look(rt)]
    change(rt, made, is_active=False)
    assert not any("no link" in what for _, _, what in look(rt))


def test_busy_blocks_that_are_not_written_are_named(rt: Runtime, calendar: t.Calendar) -> None:
    change(rt, calendar, takes_blocks=True)
    with rt.writing() as session:
        times = {"created_at": rt.now(), "ends_at": rt.now()}
        session.add(t.BusyBlock(calendar_id=t.pk(calendar), key="a", content={}, error="quota exceeded", **times))
    [(check, level, what)] = look(rt)
    assert (check, level) == ("busy blocks", Level.WARNING)
    assert "1 of 1 busy blocks in Room calendar are not written" in what


# --- whose meeting it is


def told(rt: Runtime) -> list[tuple[int, str, str]]:
    with rt.reading() as session:
        found = session.exec(select(t.Notice).where(col(t.Notice.ended_at).is_(None), t.Notice.kind == "meeting"))
        return sorted((n.user_id, n.subject, n.facts["why"]) for n in found)


def test_whose_meeting_it_is_hears_of_it_once_and_no_more_when_it_is_mended(rt: Runtime, cast: factories.Cast) -> None:
    failed, gone = meeting(rt, cast.eli, "failed"), meeting(rt, cast.sam, "gone")
    meeting(rt, cast.eli, "made")
    for _ in range(2):
        notices.watch(rt)
    wanted = [
        (cast.eli.id, f"meeting:{failed.id}", "failed"),
        (cast.sam.id, f"meeting:{gone.id}", "gone"),
    ]
    assert told(rt) == sorted(wanted)
    change(rt, failed, state="made")
    notices.watch(rt)
    assert told(rt) == wanted[1:]


def test_nobody_to_host_is_told_two_days_ahead(rt: Runtime, cast: factories.Cast, clock: factories.Clock) -> None:
    row = meeting(rt, cast.eli, "wanted", days=4)
    notices.watch(rt)
    assert told(rt) == []
    clock.advance(days=3)
    notices.watch(rt)
    assert told(rt) == [(cast.eli.id, f"meeting:{row.id}", "no_host")]


def test_the_mail_says_which_meeting_why_and_where_to_look(rt: Runtime, cast: factories.Cast) -> None:
    meeting(rt, cast.eli, "gone")
    notices.watch(rt)
    with rt.reading() as session:
        notice = session.exec(select(t.Notice).where(t.Notice.kind == "meeting")).one()
    place = letters.Place("Elm Clinic", "https://calendar.example.com", {})
    letter = letters.about(notice, cast.eli, place)
    assert letter.subject == "Elm Clinic: A meeting at zoom was deleted there"
    assert "on 8 January 2030" in letter.text
    assert "https://calendar.example.com/meetings/" in letter.text
