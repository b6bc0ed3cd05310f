"""No page asks the database more than a dozen questions: the table of routes, opened by an admin, who sees most."""

import re
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from calsync.engine.event import Event
from calsync.engine.resource import Resource
from calsync.engine.rules import Rules
from calsync.runtime import CLI, Runtime
from calsync.services import activities, booking_rows, bookings, settings
from calsync.services.bookings import Request
from calsync.store import mirror
from calsync.store import tables as t
from tests import factories, scenes
from tests import scheduling_factories as make
from tests.web.conftest import start_login, with_login
from tests.web.queries import count_queries
from tests.web.routes import OK, ROUTES, Route
from tests.web.test_permissions import made_for
from tests.web.world import World, make_world

MOST = 12
DOWNLOADS = re.compile(r"\.(csv|json)(\?|$)")
"""Downloads read in batches, for as long as there is something to read."""

PAGES = [r for r in ROUTES if r.method == "GET" and r.verdicts[4] == OK and not DOWNLOADS.search(r.path)]


@dataclass(frozen=True)
class Set:
    """An installation in use, where an admin has saved the settings once, and the key of that admin's login."""

    world: World
    key: str
    crowd: dict[str, int | str] = field(default_factory=dict)


def build(rt: Runtime) -> Set:
    settings.save_rules(rt, Rules(), 0, by=CLI)
    settings.save_switches(rt, settings.Switches(), 0, by=CLI)
    world = make_world(rt, factories.make_cast(rt))
    return Set(world, start_login(rt, world.cast.ada))


@pytest.fixture
def scene(request: pytest.FixtureRequest) -> scenes.Scene:
    return scenes.scene(build_crowd if "crowd" in request.fixturenames else build)


@pytest.fixture
def found(scene: scenes.Scene) -> Set:
    made: Set = scene.made()
    return made


@pytest.fixture
def world(found: Set) -> World:
    return found.world


@pytest.fixture
def ada(app: Flask, found: Set) -> FlaskClient:
    return with_login(app, found.key)


@pytest.mark.parametrize("route", PAGES, ids=str)
def test_page_makes_few_queries(route: Route, ada: FlaskClient, world: World, rt: Runtime) -> None:
    ids = {**world.ids, **made_for(route.path, rt, world)}
    path = route.path.format(**ids)
    ada.get(path)  # what only a first request asks does not count
    with count_queries(rt) as queries:
        response = ada.get(path)
    assert response.status_code < 500 or route.endpoint == "health.readyz"
    assert len(queries) <= MOST, "\n\n".join(queries)


def test_the_count_sees_queries(ada: FlaskClient, world: World, rt: Runtime) -> None:
    with count_queries(rt) as queries:
        ada.get("/people/")
    assert len(queries) > 3


# --- a group of ten with everything that takes time


@pytest.fixture
def crowd(found: Set) -> dict[str, int | str]:
    return found.crowd


def build_crowd(rt: Runtime) -> Set:
    """Ten people with series, changed occurrences, days and calendars that block or take blocks, and a room with a
    calendar of its own, as one group; a booking of it.
    """
    found = build(rt)
    people = [_busy_person(rt, f"Person {number}") for number in range(10)]
    room = make.make_resource(rt, calendar=found.world.calendar)
    event_type = make.make_event_type(rt, make.make_group(rt, *people, room), slug="crowd", is_public=True)
    make.work(rt)
    asked = Request(t.pk(event_type), factories.START + timedelta(days=2, hours=8), "Gil", "gil@example.org")
    booking = bookings.book(rt, asked, by=CLI).booking
    with rt.reading() as session:
        account_id = session.scalars(sa.select(t.Account.id).order_by(sa.desc(t.Account.id))).first()
    ids = {"event_type": t.pk(event_type), "booking": t.pk(booking), "account": account_id, "slug": "crowd"}
    return replace(found, crowd={**ids, "token": booking_rows.token(rt, booking)})


def _busy_person(rt: Runtime, name: str) -> t.Resource:
    user, day = factories.make_user(rt, name), timedelta(days=1)
    start = rt.now() + day
    for rule in ("FREQ=WEEKLY", "FREQ=DAILY;COUNT=5", None):
        values = {"title": f"{name} {rule}", "start": start, "end": start + timedelta(hours=1), "rrule": rule}
        made = activities.create(rt, t.pk(user), values, by=CLI)
        if rule:
            later = {"start": start + timedelta(hours=3), "end": start + timedelta(hours=4)}
            activities.edit_occurrence(rt, t.pk(made), start, "this", later, by=CLI)
    given = {"syncs": False, "is_write_target": False, "last_read_at": rt.now()}
    account = factories.make_account(rt, user)
    home, work = (factories.make_calendar(rt, account, n, **given) for n in ("Home", "Work"))
    told = [
        Event("series", start, start + day, "Europe/Berlin", rrule="FREQ=WEEKLY"),
        Event("series", start, start + day, recurrence_id=start + 7 * day),
        Event("day", start.date(), (start + day).date()),
        Event("lunch", start, start + timedelta(hours=1)),
    ]
    with rt.writing() as session:
        parts = [told[:2], told[2:3], told[3:]]
        read = [Resource(f"{number}.ics", "1", "", tuple(part)) for number, part in enumerate(parts)]
        mirror.save(session, home, read, rt.now(), own_addresses=frozenset(), folds=True)
        session.get_one(t.Calendar, work.id).takes_blocks = True
    return make.make_person(rt, user)


CROWDED = (
    "/bookings/new/{event_type}",
    "/event-types/{event_type}/slots",
    "/event-types/{event_type}/slots?day=2030-01-09&at=12:00",
    "/event-types/{event_type}",
    "/bookings/{booking}",
    "/bookings/{booking}/reschedule",
    "/book/{slug}",
    "/booking/{token}",
    "/booking/{token}/reschedule",
    "/accounts/{account}?tab=calendars",
)


@pytest.mark.parametrize("path", CROWDED)
def test_a_group_of_ten_takes_no_more_queries(path: str, ada: FlaskClient, crowd, rt: Runtime) -> None:
    address = path.format(**crowd)
    assert ada.get(address).status_code == 200
    with count_queries(rt) as queries:
        ada.get(address)
    assert len(queries) <= MOST, "\n\n".join(queries)
