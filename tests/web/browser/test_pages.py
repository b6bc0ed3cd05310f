"""Every page: readable for axe in light and dark, no wider than a phone. Builders of pages add their paths."""

import pytest

from calsync.runtime import Runtime
from calsync.store import tables as t
from tests import factories
from tests.web.browser.conftest import PHONE, Look, accessibility_faults, colour_faults, faults, overflow
from tests.web.test_permissions import made_for
from tests.web.world import World, make_world

pytestmark = pytest.mark.browser

PAGES = (
    "/login",
    "/people/",
    "/people/invite",
    "/people/{eli}",
    "/profile/",
    "/profile/password",
    "/profile/second-factor",
    "/profile/logins",
    "/profile/notices",
    "/organisation/",
    "/notices/",
    "/notices/reconnect",
    "/mail/",
    "/setup/organisation",
    "/setup/address",
    "/audit/",
    "/audit/check",
    "/help/",
    "/overview/",
    "/history/",
    "/history/{run}",
    "/history/{run}/undo",
    "/conflicts/",
    "/conflicts/?tab=later",
    "/duplicates/",
    "/duplicates/?tab=merged",
    "/settings/general",
    "/settings/what",
    "/settings/conflicts",
    "/settings/safety",
    "/conflicts/{conflict}",
    "/integrations/",
    "/integrations/caldav/connect",
    "/integrations/google/credentials",
    "/integrations/google/credentials/remove",
    "/integrations/google/settings",
    "/oauth/google/connect",
    "/oauth/google/connect?access=write",
    "/oauth/google/callback",
    "/accounts/",
    "/accounts/?state=stale",
    "/accounts/{account}",
    "/accounts/{account}/choose",
    "/accounts/{account}/rules",
    "/accounts/{account}/records",
    "/accounts/{account}/records?show=failing",
    "/accounts/{account}/issues",
    "/accounts/{account}/timeline",
    "/accounts/{account}/capabilities",
    "/accounts/{account}/push",
    "/accounts/{account}/move?source={calendar}&target={calendar}",
    "/accounts/{account}/pause",
    "/accounts/{account}/reconnect",
    "/accounts/{account}/disconnect",
    "/calendar/",
    "/calendar/?view=month&person={eli}",
    "/calendar/?view=day&person=all&date=2030-01-08",
    "/calendar/?view=agenda&person=all",
    "/activities/",
    "/activities/?q=zebra",
    "/activities/new",
    "/activities/{activity}",
    "/activities/{activity}/edit",
    "/activities/{activity}/explain",
    "/events/{event}",
    "/resources/",
    "/resources/new",
    "/resources/{resource}",
    "/resources/{resource}/edit",
    "/resources/{resource}/hours",
    "/resources/groups/",
    "/resources/groups/{group}",
    "/organisation/hours",
    "/people/{eli}/hours",
    "/profile/hours",
    "/event-types/",
    "/event-types/new",
    "/event-types/{event_type}",
    "/event-types/{event_type}/hours",
    "/event-types/{event_type}/slots?day=2030-01-08&at=06:10",
    "/there-is-no-such-page",
)
"""Paths as an admin opens them; {placeholders} as in `tests/web/routes.py`."""


@pytest.fixture
def world(rt: Runtime, cast: factories.Cast) -> World:
    return make_world(rt, cast)


@pytest.mark.parametrize("path", PAGES)
def test_page_is_readable_in_light_in_dark_and_on_a_phone(path: str, look: Look, world: World, rt: Runtime) -> None:
    page = look(path.format(**world.ids, **made_for(path, rt, world)), visitor(path, world))
    assert faults(page) == []


def test_setup_proposes_the_zone_of_the_browser(look: Look, world: World) -> None:
    page = look("/setup/address", world.cast.ada, timezone_id="Europe/Lisbon")
    assert page.get_by_label("Time zone").input_value() == "Europe/Lisbon"


def visitor(path: str, world: World) -> t.User | None:
    return None if path == "/login" else world.cast.ada


def test_the_checks_themselves_bite(look: Look, world: World) -> None:
    page = look("/help/", world.cast.ada)
    page.evaluate("document.querySelector('h1').insertAdjacentHTML('afterend', '<button></button>')")
    assert any("button-name" in fault for fault in accessibility_faults(page))
    page.evaluate("document.querySelector('h1').style.color = 'color-mix(in srgb, canvas, canvastext 20%)'")
    assert any("color-contrast" in fault for fault in colour_faults(page))
    page.evaluate(
        "document.querySelector('h1').insertAdjacentHTML('afterend', '<p class=text-nowrap>' + 'wide '.repeat(200))"
    )
    page.set_viewport_size(PHONE)
    assert overflow(page) > 0
