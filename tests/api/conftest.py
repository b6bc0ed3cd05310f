"""What tests of the API ask for: the application, tokens of the cast, and a program that sends requests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from calsync.runtime import SYSTEM, Runtime
from calsync.services import bookings, tokens, webhooks
from calsync.services.bookings import Request
from calsync.store import tables as t
from tests import factories, scenes
from tests import scheduling_factories as make
from tests.factories import Cast
from tests.web.conftest import _shared_app, app, cast, clock, compiled_templates, quick_passwords, rt, workplace
from tests.web.world import World, make_world
from webapp.api import limits

__all__ = ["_shared_app", "app", "cast", "clock", "compiled_templates", "quick_passwords", "rt", "workplace"]

MEETING = {"title": "Kick-off Acme", "start": "2030-01-09T10:00:00Z", "end": "2030-01-09T11:00:00Z"}


@dataclass
class Program:
    """A program with a token. Each method sends one request below /api/v1."""

    app: Flask
    secret: str
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, *, headers: dict[str, str] | None = None, **given: Any) -> TestResponse:
        sent = {"Authorization": f"Bearer {self.secret}", **self.headers, **(headers or {})}
        return self.app.test_client(use_cookies=False).open(f"/api/v1{path}", method=method, headers=sent, **given)

    def get(self, path: str, **given: Any) -> TestResponse:
        return self.send("GET", path, **given)

    def post(self, path: str, body: Any = None, **given: Any) -> TestResponse:
        return self.send("POST", path, json={} if body is None else body, **given)

    def put(self, path: str, body: Any, **given: Any) -> TestResponse:
        return self.send("PUT", path, json=body, **given)

    def patch(self, path: str, body: Any, **given: Any) -> TestResponse:
        return self.send("PATCH", path, json=body, **given)

    def delete(self, path: str, **given: Any) -> TestResponse:
        return self.send("DELETE", path, **given)


Programs = Callable[..., Program]


@pytest.fixture(autouse=True)
def fresh_counts() -> None:
    """Request rates of one test are no other's."""
    limits.reset()


@pytest.fixture
def program(app: Flask, rt: Runtime) -> Programs:
    """Return a maker of programs: `program(cast.eli, "read")`, or `program(None, "write")` with a service token."""

    def made(user: t.User | None, scope: str = "write") -> Program:
        by = SYSTEM if user is None else factories.acting(user)
        return Program(app, tokens.create(rt, "test", scope, is_service=user is None, by=by).secret)

    return made


@pytest.fixture
def crm(program: Programs) -> Program:
    """The CRM: a service token that may write."""
    return program(None)


@pytest.fixture
def eli(program: Programs, cast: Cast) -> Program:
    """A program of Eli's own."""
    return program(cast.eli)


@dataclass(frozen=True)
class Set:
    """One of everything, and what a program calls it."""

    cast: factories.Cast
    ids: dict[str, object]


@pytest.fixture
def scene(request: pytest.FixtureRequest) -> scenes.Scene | None:
    """What a test's database starts with: one of everything, where it asks for ids, or the cast."""
    if "ids" in request.fixturenames:
        return scenes.scene(build)
    return scenes.scene(factories.make_cast) if "cast" in request.fixturenames else None


@pytest.fixture
def ids(rt: Runtime, scene: scenes.Scene) -> dict[str, object]:
    """The scene's rows by their public ids."""
    made: dict[str, object] = scene.made().ids
    return made


def build(rt: Runtime) -> Set:
    """Return the world, a room, a group, an event type, a booking, a webhook and a message to it."""
    cast = factories.make_cast(rt)
    world = make_world(rt, cast)
    with rt.writing() as session:
        session.get_one(t.Activity, world.activity.id).external_id = "crm-1"
    known: dict[str, object] = {name: _public(world, name) for name in ("account", "calendar", "activity", "run")}
    known |= {"conflict": world.conflict.id, "eli": cast.eli.public_id}
    make.work(rt)
    room = make.make_resource(rt, calendar=world.calendar)
    # A room of its own: the calendar of the other was never read, so nothing there is believed to be free.
    event_type = make.make_event_type(rt, make.make_resource(rt, name="Green room"), name="Talk", slug="talk")
    group = make.make_group(rt, room)
    asked = Request(t.pk(event_type), factories.START + timedelta(days=3), "Gil", "gil@example.org")
    booked = bookings.book(rt, asked, by=factories.acting(cast.eli)).booking
    hook, _ = webhooks.create(rt, "https://crm.example.com/hooks", ["run.held"], by=SYSTEM)
    message = webhooks.send_test(rt, t.pk(hook), "run.held", by=SYSTEM)
    made = {"resource": room, "event_type": event_type, "group": group, "booking": booked}
    made |= {"webhook": hook, "message": message}
    return Set(cast, known | {name: row.public_id for name, row in made.items()})


def _public(world: World, name: str) -> str:
    return str(getattr(world, name).public_id)
