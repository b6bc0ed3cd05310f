"""Which activities of a page meet others, against looking at every pair; and the queries of the pages of scheduling."""

from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from sqlmodel import select

from calsync.runtime import Runtime
from calsync.services import activities, mappable, overlap_list
from calsync.store import event_type_pages, resource_pages
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.services.planning import HOUR, MONDAY, planner, set_rules

pytestmark = pytest.mark.postgres


def test_a_page_finds_what_looking_at_every_pair_finds(rt: Runtime) -> None:
    cast, random = factories.make_cast(rt), Random(7)
    for number in range(60):
        plan = planner(rt, random.choice((cast.eli, cast.sam)))
        start = MONDAY + random.choice((0, 24 * 40, 24 * 200)) * HOUR + random.randrange(60) * HOUR / 2
        shown = random.choice(("busy", "busy", "free"))
        length = timedelta(minutes=random.choice((0, 15, 60, 600, 6000)))
        plan(title=f"Meeting {number}", start=start, end=start + length, show_as=shown)
    with rt.reading() as session:
        every = list(session.exec(select(t.Activity).order_by(t.Activity.id)))
        found = overlap_list.find(session, every, rt.now())
    busy = [a for a in every if a.content["transparency"] == "opaque"]
    expected = {a.id: {b.id for b in busy if b is not a and b.owner_id == a.owner_id and _meet(a, b)} for a in busy}
    assert {i: set(met.others) for i, met in found.items()} == {i: e for i, e in expected.items() if e}
    assert len(found) > 10


def meets(rt: Runtime, row: t.Activity, now: datetime | None = None) -> dict[str, datetime]:
    """Return what an activity meets on a page of its own, and when first."""
    with rt.reading() as session:
        found = overlap_list.find(session, [row], now or rt.now()).get(t.pk(row))
    return {} if found is None else {near.title: found.at for near in found.others.values()}


def test_a_day_is_the_day_of_whom_it_is(rt: Runtime) -> None:
    cast = factories.make_cast(rt)
    with rt.writing() as session:
        session.get_one(t.User, cast.eli.id).tz = "Pacific/Auckland"  # 13 hours ahead in January
    plan = planner(rt, cast.eli)
    fair = plan(title="Fair", start=date(2030, 1, 8), end=date(2030, 1, 9), show_as="busy")
    midnight = datetime(2030, 1, 7, 11, tzinfo=UTC)
    plan(title="Before", start=midnight - HOUR, end=midnight)
    plan(title="After", start=midnight + timedelta(days=1), end=midnight + timedelta(days=1, hours=1))
    inside = plan(title="Inside", start=midnight, end=midnight + HOUR)
    assert meets(rt, fair) == {"Inside": midnight}
    assert meets(rt, inside) == {"Fair": midnight}


def test_a_series_is_looked_at_for_a_month_without_what_was_changed(rt: Runtime) -> None:
    cast = factories.make_cast(rt)
    plan, week = planner(rt, cast.eli), timedelta(days=7)
    series = plan(title="Stand-up", rrule="FREQ=WEEKLY")
    moved = {"start": MONDAY + week + 5 * HOUR, "end": MONDAY + week + 6 * HOUR}
    activities.edit_occurrence(rt, t.pk(series), MONDAY + week, "this", moved, by=factories.acting(cast.eli))
    freed = plan(title="Freed", start=MONDAY + week, end=MONDAY + week + HOUR)
    met = plan(title="Met", start=MONDAY + 2 * week, end=MONDAY + 2 * week + HOUR)
    far = plan(title="Far", start=MONDAY + 9 * week, end=MONDAY + 9 * week + HOUR)
    assert meets(rt, freed) == {}
    assert meets(rt, met) == {"Stand-up": MONDAY + 2 * week}
    assert meets(rt, far) == {"Stand-up": MONDAY + 9 * week}
    with rt.reading() as session:
        stored = session.get_one(t.Activity, series.id)
    assert meets(rt, stored) == {"Met": MONDAY + 2 * week}
    assert meets(rt, stored, MONDAY + 8 * week) == {"Far": MONDAY + 9 * week}


def test_what_came_from_outside_counts_as_the_settings_say(rt: Runtime) -> None:
    cast = factories.make_cast(rt)
    account = factories.make_account(rt, cast.eli)
    plan = planner(rt, cast.eli)
    ours, theirs = plan(title="Ours"), plan(title="Theirs")
    with rt.writing() as session:
        session.get_one(t.Activity, theirs.id).source_account_id = account.id
    assert list(meets(rt, ours)) == ["Theirs"]
    set_rules(rt, cast, block_busy_time=False)
    assert meets(rt, ours) == {}


def _meet(a: t.Activity, b: t.Activity) -> bool:
    has_length = a.span_start < a.span_end and b.span_start < b.span_end
    return has_length and a.span_start < b.span_end and b.span_start < a.span_end


def test_pages_of_scheduling_read_both_databases_alike(rt: Runtime) -> None:
    cast = factories.make_cast(rt)
    account = factories.make_account(rt, cast.ada)
    calendar = factories.make_calendar(rt, account, "Room calendar", last_read_at=rt.now())
    other = factories.make_calendar(rt, account, "another")
    room, person = make.make_resource(rt, "room", calendar), make.make_person(rt, cast.eli)
    group = make.make_group(rt, room, person)
    made = [make.make_event_type(rt, of, slug=f"of-{n}") for n, of in enumerate((room, group, cast.eli))]
    with rt.reading() as session:
        assert [c.id for c, _ in mappable.calendars_for(session, room)] == [other.id, calendar.id]
        assert [c.id for c, _ in mappable.calendars_for(session, person)] == [other.id]
        assert mappable.of_resources(rt, session, [room, person])[t.pk(room)].source.why == ""
        assert [m.id for m in resource_pages.members_of(session, [t.pk(group)])[t.pk(group)]] == [person.id, room.id]
        assert [g.id for g in resource_pages.groups_of(session, t.pk(room))] == [group.id]
        of_person = resource_pages.event_types_of(session, person, [t.pk(group)])
        assert {e.id for e in of_person} == {made[1].id, made[2].id}
        names = [about.name for about in event_type_pages.about(session, made).values()]
    assert names == ["room", "Nurses", "Eli"]
