"""What tests of pages ask for: an application on a fresh database, and browsers signed in as the cast."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from calsync.runtime import Runtime
from calsync.services import logins
from calsync.store import tables as t
from tests import factories
from webapp import create_app

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


@pytest.fixture
def clock() -> factories.Clock:
    return factories.Clock()


@pytest.fixture
def rt(tmp_path: Path, clock: factories.Clock) -> Runtime:
    """A runtime with nobody in it, on SQLite, reached by plain http."""
    settings = factories.make_settings(tmp_path, public_url="")
    return factories.make_runtime(tmp_path, clock, settings=settings, enqueue=factories.Hints())


@pytest.fixture
def cast(rt: Runtime) -> factories.Cast:
    return factories.make_cast(rt)


@pytest.fixture
def app(rt: Runtime) -> Flask:
    """The application. CSRF is off here: it has tests of its own; so is the limiter."""
    app = create_app(rt)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
    return app


@pytest.fixture
def anonymous(app: Flask) -> FlaskClient:
    return app.test_client()


SignIn = Callable[[t.User], FlaskClient]


@pytest.fixture
def sign_in(app: Flask, rt: Runtime) -> SignIn:
    """Return a function that gives a browser of its own to a person: `sign_in(cast.ada).get("/")`."""

    def make(user: t.User) -> FlaskClient:
        client = app.test_client()
        key = start_login(rt, user)
        with client.session_transaction() as session:
            session["_user_id"] = key
            session["_fresh"] = True
        return client

    return make


def start_login(rt: Runtime, user: t.User) -> str:
    """Sign a browser in past the password and return its key."""
    ticket = logins.SignIn(user.id or 0, user.session_epoch, needs_code=False)
    return logins.start_login(rt, ticket, address="192.0.2.7", agent=BROWSER)


@pytest.fixture
def ada(sign_in: SignIn, cast: factories.Cast) -> FlaskClient:
    """The admin's browser."""
    return sign_in(cast.ada)


@pytest.fixture
def eli(sign_in: SignIn, cast: factories.Cast) -> FlaskClient:
    """A staff member's browser."""
    return sign_in(cast.eli)


@pytest.fixture
def vic(sign_in: SignIn, cast: factories.Cast) -> FlaskClient:
    """A client's browser."""
    return sign_in(cast.vic)
