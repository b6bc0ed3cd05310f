"""What tests of pages ask for: an application on a fresh database, and browsers signed in as the cast."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache

from calsync.providers.google.provider import GoogleProvider
from calsync.providers.memory import MemoryProvider, MemoryServer
from calsync.runtime import Runtime
from calsync.services import logins, passwords
from calsync.store import tables as t
from tests import factories, scenes
from tests.services.office import Office, open_office
from webapp import create_app, security
from webapp.views import setup

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
HTMX = {"HX-Request": "true"}
"""Headers of a request by which htmx asks for a part of a page: `client.get(url, headers=HTMX)`."""


@pytest.fixture
def clock() -> factories.Clock:
    """The time, which stands still until a test moves it."""
    return factories.Clock()


@pytest.fixture
def workplace(tmp_path: Path) -> Office:
    """An account at the memory provider that can be synced. Where a test asks for it, `rt` and `cast` are its."""
    made = open_office(tmp_path)
    made.rt = replace(made.rt, settings=factories.make_settings(tmp_path, public_url=""), enqueue=factories.Hints())
    return made


@pytest.fixture
def office(workplace: Office) -> Office:
    """The workplace as it is; modules that need it otherwise have a fixture of this name of their own."""
    return workplace


@pytest.fixture
def scene(request: pytest.FixtureRequest) -> scenes.Scene | None:
    """What a test's database starts with: the cast, where it asks for it.

    Modules may have a fixture of their own, whose maker returns something with a `cast`.
    """
    return scenes.scene(factories.make_cast) if "cast" in request.fixturenames else None


@pytest.fixture
def rt(
    request: pytest.FixtureRequest, tmp_path: Path, clock: factories.Clock, scene: scenes.Scene | None
) -> Iterator[Runtime]:
    """A runtime on SQLite with its scene, reached by plain http; a workplace's, where there is one."""
    if "workplace" in request.fixturenames:
        yield request.getfixturevalue("workplace").rt
        return
    settings = factories.make_settings(tmp_path, public_url="")
    memory = MemoryProvider(MemoryServer(clock), "caldav")  # what accounts of the factories name
    providers = {"caldav": memory, "google": GoogleProvider()}  # the second has no credentials: nobody asks it anything
    runtime = factories.make_runtime(
        tmp_path,
        clock,
        settings=settings,
        enqueue=factories.Hints(),
        providers=providers,
        template=scene and scene.database,
    )
    yield runtime
    runtime.db.close()


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords with the least work: a real hash takes 100 ms by design."""
    monkeypatch.setattr(passwords, "_hasher", factories.QUICK_HASHER)


@pytest.fixture
def cast(request: pytest.FixtureRequest, rt: Runtime, scene: scenes.Scene | None) -> factories.Cast:
    """Ada, Eli, Vic and Sam: those of the workplace, of the scene, or else new in a runtime of the module's own."""
    if "workplace" in request.fixturenames:
        return request.getfixturevalue("workplace").cast
    with rt.reading() as session:
        is_there = session.get(t.User, 1) is not None
    made = scene.made() if scene and is_there else factories.make_cast(rt)
    return getattr(made, "cast", made)


@pytest.fixture(scope="session", autouse=True)
def compiled_templates() -> None:
    """Let every application of every process of this run take templates that one of them has compiled."""
    folder = Path(os.environ["CALSYNC_TEST_RUN"]) / "templates"
    folder.mkdir(exist_ok=True)
    Flask.jinja_options = {"bytecode_cache": FileSystemBytecodeCache(str(folder))}


@pytest.fixture(scope="session")
def _shared_app(tmp_path_factory: pytest.TempPathFactory, compiled_templates: None) -> Flask:
    """One application per process: compiling its templates takes longer than most tests."""
    folder = tmp_path_factory.mktemp("app")
    settings = factories.make_settings(folder, public_url="")
    return create_app(factories.make_runtime(folder, settings=settings))


@pytest.fixture
def app(_shared_app: Flask, rt: Runtime) -> Flask:
    """The application on this test's database. CSRF and request limits are off; both have tests of their own."""
    _shared_app.config.update(TESTING=True, WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
    security.limiter.enabled = False  # its setting counts only when an application is made
    _shared_app.extensions["calsync"] = rt
    _shared_app.extensions.pop(setup.DONE, None)
    return _shared_app


@pytest.fixture
def strict_app(rt: Runtime) -> Flask:
    """An application of this test's own with everything on, as `calsync serve` runs it."""
    security.limiter.enabled = True
    made = create_app(rt)
    security.limiter.reset()
    return made


@pytest.fixture
def anonymous(app: Flask, cast: factories.Cast) -> FlaskClient:
    """A browser in which nobody is signed in."""
    return app.test_client()


SignIn = Callable[[t.User], FlaskClient]


@pytest.fixture
def sign_in(app: Flask, rt: Runtime) -> SignIn:
    """Return a function that gives a person a browser of their own: `sign_in(cast.ada).get("/")`."""
    return lambda user: signed_in(app, rt, user)


def signed_in(app: Flask, rt: Runtime, user: t.User) -> FlaskClient:
    """Return a browser in which `user` is signed in."""
    return with_login(app, start_login(rt, user))


def with_login(app: Flask, key: str) -> FlaskClient:
    """Return a browser that holds the key of a login."""
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = key
        session["_fresh"] = True
    return client


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


def text_of(html: str) -> str:
    """Return what a person reads of a page, with single blanks."""
    bare = re.sub(r"<(script|style|template)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", bare)).strip()
