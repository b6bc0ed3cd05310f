"""Pages in a real Chromium: a served application, people signed in, and the checks that every page passes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from calsync.runtime import Runtime
from calsync.store import tables as t
from tests.parts.web import serve
from tests.web.conftest import start_login

PHONE = {"width": 390, "height": 844}
SERIOUS = ("serious", "critical")
COLOUR_RULES = ("color-contrast", "link-in-text-block")


@pytest.fixture
def live(app: Flask) -> Iterator[str]:
    """The address of the application, served as to people: CSRF is on."""
    app.config["WTF_CSRF_ENABLED"] = True
    with serve(app) as url:
        yield url


@pytest.fixture
def enter(app: Flask, rt: Runtime, live: str) -> Callable[[BrowserContext, t.User], None]:
    """Return a function that signs a person in in a browser context: `enter(page.context, cast.ada)`."""

    def sign_in(context: BrowserContext, user: t.User) -> None:
        serializer = app.session_interface.get_signing_serializer(app)
        value = serializer.dumps({"_user_id": start_login(rt, user), "_fresh": True})
        context.add_cookies([{"name": "session", "value": value, "url": live}])

    return sign_in


Look = Callable[..., Page]


@pytest.fixture
def look(browser: Browser, live: str, enter: Callable[[BrowserContext, t.User], None]) -> Iterator[Look]:
    """Return a function that opens a page in a window of its own: `look("/people/", cast.ada, scheme="dark")`.

    The test fails when the page writes an error to the console: a blocked script, style or request.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        expected = ("status of 4", "status of 502", "Response Status Error Code")
        if message.type == "error" and not any(each in message.text for each in expected):
            complaints.append(message.text)

    def open_page(
        path: str, user: t.User | None = None, *, scheme: str = "light", phone: bool = False, **more: Any
    ) -> Page:
        size = PHONE if phone else {"width": 1280, "height": 900}
        # Without motion, so that nothing is measured half-way between two colours.
        looks = {"viewport": size, "color_scheme": scheme, "reduced_motion": "reduce"}
        context = browser.new_context(**looks, locale="en-GB", base_url=live, **more)
        contexts.append(context)
        if user is not None:
            enter(context, user)
        page = context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def accessibility_faults(page: Page) -> list[str]:
    """Return what axe finds serious or critical, a line each."""
    return _serious(page, {"resultTypes": ["violations"]})


def faults(page: Page) -> list[str]:
    """Return what is wrong with a page in light, in dark and on a phone, as which it is left."""
    found = accessibility_faults(page)
    page.emulate_media(color_scheme="dark")
    found += colour_faults(page)
    page.set_viewport_size(PHONE)
    return found + ([f"{wide} pixels too wide"] if (wide := overflow(page)) > 0 else [])


def colour_faults(page: Page) -> list[str]:
    """Return what axe finds serious or critical in colours: all that another colour scheme can change."""
    return _serious(page, {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": COLOUR_RULES}})


def _serious(page: Page, options: dict[str, Any]) -> list[str]:
    # Without `resultTypes` axe describes every element that passed as well: two thirds of its time.
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


def overflow(page: Page) -> int:
    """Return how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
