"""From an empty card to a meeting that is mended, in a browser and at a server that behaves as Zoom's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from calsync.providers import registry
from calsync.runtime import Runtime
from calsync.services import conference_work, conferences, credentials, settings
from calsync.store import tables as t
from tests import factories
from tests.conferences.office import ELI, PAIR, emulated
from tests.emulators.zoom.conftest import zoom, zoom_server
from tests.emulators.zoom.server import CLIENT_ID, CLIENT_SECRET, HOOK_SECRET, ZoomServer
from tests.web.browser.conftest import Look, accessibility_faults, overflow

__all__ = ["zoom", "zoom_server"]

pytestmark = pytest.mark.browser

NAME = "zoom"


@pytest.fixture
def rt(tmp_path: Path, clock: factories.Clock, zoom: ZoomServer) -> Iterator[Runtime]:
    """The providers that are installed, with one of them at the emulator."""
    made = factories.make_settings(tmp_path, public_url="", allow_private_networks=True)
    providers = {**registry.all_providers(), NAME: emulated(zoom.base_url, clock)}
    runtime = factories.make_runtime(tmp_path, clock, settings=made, enqueue=factories.Hints(), providers=providers)
    yield runtime
    runtime.db.close()


@pytest.fixture
def redirect(rt: Runtime, live: str, cast: factories.Cast, zoom: ZoomServer, clock: factories.Clock) -> str:
    """The address people come back to, which is registered at the emulator."""
    known, version = settings.organisation(rt)
    settings.save_organisation(
        rt, replace(known, public_url=live, is_set_up=True), version, by=factories.acting(cast.ada)
    )
    uri = credentials.redirect_uri(rt, NAME)
    zoom.switch.reset(now=clock(), redirect_uris=[uri], users=[{"email": ELI}])
    return uri


@pytest.fixture
def configured(rt: Runtime, cast: factories.Cast, redirect: str) -> None:
    credentials.save(rt, NAME, PAIR, by=factories.acting(cast.ada))


def settle(rt: Runtime, clock: factories.Clock) -> None:
    """Do what the jobs do, until nothing is left to do."""
    for _ in range(3):
        for account_id in conferences.keep(rt):
            conference_work.work(rt, account_id)
        clock.advance(seconds=11)


def check(page: Page) -> None:
    assert accessibility_faults(page) == []
    assert overflow(page) <= 0


def test_an_admin_sets_it_up_by_hand(look: Look, cast: factories.Cast, redirect: str) -> None:
    page = look("/integrations/", cast.ada)
    card = page.get_by_role("region", name="Zoom")
    expect(card.get_by_text("Not configured")).to_be_visible()
    expect(card.get_by_role("textbox", name="Redirect URI")).to_have_value(redirect)
    expect(card.get_by_text("One-way")).to_be_visible()
    card.get_by_role("link", name="Type Client ID and Client Secret").click()
    page.get_by_role("textbox", name="Client ID").fill(CLIENT_ID)
    page.get_by_label("Client Secret").fill(CLIENT_SECRET)
    check(page)
    page.get_by_role("button", name="Save Credentials").click()
    expect(page.locator("#toasts")).to_contain_text("Zoom is ready")
    card.get_by_role("button", name="Test").click()
    expect(page.get_by_text("Zoom knows both")).to_be_visible()
    page.get_by_label("Secret Token").fill(HOOK_SECRET)
    page.get_by_role("button", name="Save Secret Token").click()
    expect(page.get_by_text("Nothing was heard yet")).to_be_visible()
    assert HOOK_SECRET not in page.content()
    check(page)


def test_a_meeting_is_planned_made_lost_and_mended(
    look: Look, rt: Runtime, clock: factories.Clock, cast: factories.Cast, configured: None, zoom: ZoomServer
) -> None:
    page = look("/oauth/zoom/connect", cast.eli)
    check(page)
    page.get_by_role("button", name="Connect").click()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("heading", name=ELI)).to_be_visible()
    page.get_by_label("Automatic recording").select_option("local")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toasts")).to_contain_text("Saved")
    check(page)

    page.goto("/activities/new?start=2030-01-08T09:00")
    page.get_by_label("Title").fill("Intro call")
    page.get_by_label("Where").select_option("zoom")
    page.get_by_role("button", name="Create activity").click()
    expect(page.locator("#toasts")).to_contain_text("is planned")
    settle(rt, clock)
    page.reload()
    [there] = zoom.switch.meetings(ELI)
    assert there["settings"]["auto_recording"] == "local"
    expect(page.get_by_role("link", name="Join")).to_have_attribute("href", there["join_url"])

    zoom.switch.delete_meeting(there["id"])
    with rt.writing() as session:
        row = session.get_one(t.Conference, 1)
        row.next_try_at = clock()
    settle(rt, clock)
    page.get_by_role("link", name="Meetings").first.click()
    expect(page.get_by_text("Missing")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Make it anew").click()
    settle(rt, clock)
    page.reload()
    expect(page.get_by_text("Ready", exact=True)).to_be_visible()
    [again] = zoom.switch.meetings(ELI)
    expect(page.get_by_role("link", name="Join")).to_have_attribute("href", again["join_url"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/meetings/", "/integrations/", "/integrations/zoom/credentials"])
def test_pages_fit_a_phone_and_the_dark(
    look: Look, cast: factories.Cast, configured: None, scheme: str, path: str
) -> None:
    check(look(path, cast.ada, scheme=scheme, phone=True))
