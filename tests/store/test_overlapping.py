"""Which activities of a page meet others, against looking at every pair; and the queries of the pages of scheduling."""

from datetime import timedelta
from random import Random

import pytest
from sqlmodel import select

from calsync.runtime import Runtime
from calsync.services import mappable
from calsync.store import event_type_pages, overlapping, resource_pages
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.services.planning import HOUR, MONDAY, planner

pytestmark = pytest.mark.postgres


def test_a_page_finds_what_looking_at_every_pair_finds(rt: Runtime) -> None:
    cast, random = factories.make_cast(rt), Random(7)
    for number in range(60):
        plan = planner(rt, random.choice((cast.eli, cast.sam)))
        start = MONDAY + random.choice((0, 24 * 40, 24 * 200)) * HOUR + random.randrange(60) * HOUR / 2
        shown = random.choice(("busy", "busy", "free"))
        length = timedelta(minutes=random.choice((0, 15, 60, 600)))
        plan(title=f"Meeting {number}", start=start, end=start + length, show_as=shown)
    with rt.reading() as session:
        every = list(session.exec(select(t.Activity).order_by(t.Activity.id)))
        found = overlapping.find(session, every)
    busy = [a for a in every if a.content["transparency"] == "opaque"]
    expected = {a.id: {b.id for b in busy if b is not a and b.owner_id == a.owner_id and _meet(a, b)} for a in busy}
    assert {i: {near.id for near in others} for i, others in found.items()} == {i: e for i, e in expected.items() if e}
    assert len(found) > 10


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
