"""Every route times every kind of visitor, held against the table in `routes.py`."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from calsync.runtime import CLI, Runtime
from calsync.services import booking_rows, bookings, webhooks
from calsync.services.bookings import Request
from calsync.store import people
from calsync.store import tables as t
from calsync.store import webhooks as webhook_rows
from tests import factories, scenes
from tests import scheduling_factories as make
from tests.web.conftest import start_login, with_login
from tests.web.routes import HIDDEN, LOGIN, NO, OK, ROUTES, Route
from tests.web.world import World, make_world

VISITORS = ("anonymous", "vic", "sam", "eli", "ada")
PREVIEWS = {"preview": "preview", "push": "existing", "move": "move"}


@dataclass(frozen=True)
class Set:
    """What every visit finds: Eli's world, in which everybody is signed in."""

    world: World
    keys: dict[str, str]


def build(rt: Runtime) -> Set:
    cast = factories.make_cast(rt)
    return Set(make_world(rt, cast), {name: start_login(rt, getattr(cast, name)) for name in VISITORS[1:]})


@pytest.fixture
def scene() -> scenes.Scene:
    return scenes.scene(build)


@pytest.fixture
def found(scene: scenes.Scene) -> Set:
    made: Set = scene.made()
    return made


@pytest.fixture
def visit(app: Flask, found: Set) -> Callable[[str], FlaskClient]:
    return lambda name: app.test_client() if name == "anonymous" else with_login(app, found.keys[name])


def visits() -> Iterator[Any]:
    """Yield every route with the visitors who share a world: who may change something has one of their own."""
    for route in ROUTES:
        expected = dict(zip(VISITORS, route.verdicts, strict=True))
        alone = [name for name, said in expected.items() if said == OK and route.method != "GET"]
        together = [name for name in VISITORS if name not in alone]
        for names in filter(None, (together, *([name] for name in alone))):
            yield pytest.param(route, {name: expected[name] for name in names}, id=f"{route}-{'-'.join(names)}")


@pytest.mark.parametrize(("route", "expected"), list(visits()))
def test_route_lets_in_whom_the_table_says(
    route: Route,
    expected: dict[str, str],
    found: Set,
    visit: Callable[[str], FlaskClient],
    rt: Runtime,
) -> None:
    path = route.path.format(**found.world.ids, **made_for(route.path, rt, found.world))
    assert {name: asked(visit(name), path, route.method) for name in expected} == expected


def asked(client: FlaskClient, path: str, method: str) -> str:
    """Return what a visitor is told. The answer is read to its end: some are written as they are read."""
    with client.open(path, method=method, buffered=True) as response:
        return verdict(response)


def test_table_has_every_route(app: Flask) -> None:
    # What programs reach has a table of its own, by role and scope: tests/api/test_permissions.py.
    rules = [rule for rule in app.url_map.iter_rules() if not rule.endpoint.startswith("api.")]
    served = {(rule.endpoint, method) for rule in rules for method in methods(rule)}
    listed = {(route.endpoint, route.method) for route in ROUTES}
    assert served - listed == set(), "add these to tests/web/routes.py"
    assert listed - served == set(), "these no longer exist"


def methods(rule) -> set[str]:
    return (rule.methods or set()) - {"HEAD", "OPTIONS"}


def verdict(response: TestResponse) -> str:
    if response.status_code in (302, 303) and (response.location or "").split("?")[0].endswith("/login"):
        return LOGIN
    if response.status_code == 401:
        return LOGIN
    assert response.status_code < 500 or response.status_code == 503, response.text
    return {403: NO, 404: HIDDEN}.get(response.status_code, OK)


def made_for(path: str, rt: Runtime, world: World) -> dict[str, int | str]:
    """Return ids of what only a few paths name: a login, previews that wait for a decision, what can be booked."""
    made = {"login": lambda: login_of_eli(rt, world)}
    made |= {name: functools.partial(preview_of_eli, rt, world, kind) for name, kind in PREVIEWS.items()}
    made |= {name: functools.partial(bookable, rt, world, name) for name in ("resource", "group", "event_type")}
    made |= {name: functools.partial(booked, rt, world, name) for name in ("booking", "token", "slug")}
    made |= {name: functools.partial(hooked, rt, name) for name in ("webhook", "delivery")}
    return {name: build() for name, build in made.items() if f"{{{name}}}" in path}


def hooked(rt: Runtime, name: str) -> int:
    """Return the one webhook, or the test that was sent to it."""
    with rt.reading() as session:
        known = webhook_rows.list_webhooks(session)
    if not known:
        known = [webhooks.create(rt, "https://crm.example.com/hooks", ["run.held"], by=CLI)[0]]
    return t.pk(known[0] if name == "webhook" else webhooks.send_test(rt, t.pk(known[0]), "run.held", by=CLI))


def bookable(rt: Runtime, world: World, name: str) -> int:
    """Return a room on Eli's calendar, the group that it is in, or the event type that books it."""
    room = make.make_resource(rt, calendar=world.calendar)
    if name == "event_type":
        return t.pk(make.make_event_type(rt, room))
    return t.pk(room if name == "resource" else make.make_group(rt, room))


def booked(rt: Runtime, world: World, name: str) -> int | str:
    """Return what Eli booked, what its guest's link carries, or where anybody can book the same."""
    make.work(rt)
    event_type = make.make_event_type(rt, make.make_resource(rt), name="Talk", slug="talk", is_public=True)
    asked = Request(t.pk(event_type), factories.START + timedelta(days=3), "Gil", "gil@example.org")
    booking = bookings.book(rt, asked, by=factories.acting(world.cast.eli)).booking
    return {"booking": t.pk(booking), "token": booking_rows.token(rt, booking), "slug": event_type.slug}[name]


def preview_of_eli(rt: Runtime, world: World, trigger: str) -> int:
    with rt.writing() as session:
        run = t.Run(account_id=world.account.id, trigger=trigger, state="preview", started_at=rt.now())
        session.add(run)
        session.flush()
        return run.id or 0


def login_of_eli(rt: Runtime, world: World) -> int:
    start_login(rt, world.cast.eli)
    with rt.reading() as session:
        return people.list_logins(session, world.cast.eli.id, factories.START)[0].id
