"""From an empty card to events that travel both ways, in a browser and at a server that behaves as Google's."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlmodel import select

from calsync.providers import registry
from calsync.runtime import Runtime
from calsync.services import claims, credentials, settings, sync
from calsync.store import tables as t
from tests import factories
from tests.emulators.google.cast import ELI
from tests.emulators.google.conftest import google, google_server, switch
from tests.emulators.google.server import CLIENT_ID, CLIENT_SECRET, GoogleServer, Switchboard
from tests.sign_in.conftest import NEW_PAIR, PAIR
from tests.sign_in.emulated import NAME, emulated
from tests.web.browser.conftest import Look, accessibility_faults, overflow
from tests.web.offices import work_waiting

__all__ = ["google", "google_server", "switch"]

pytestmark = pytest.mark.browser

MEETING = {
    "id": "theirs",
    "summary": "Kick-off Acme",
    "start": {"dateTime": "2030-01-08T09:00:00Z"},
    "end": {"dateTime": "2030-01-08T10:00:00Z"},
}


@pytest.fixture
def rt(tmp_path: Path, clock: factories.Clock, google: GoogleServer) -> Iterator[Runtime]:
    """The providers that are installed, with one of them at the emulator: a part of the runtime, no setting."""
    made = factories.make_settings(tmp_path, public_url="", allow_private_networks=True)
    providers = {**registry.all_providers(), NAME: emulated(google)}
    runtime = factories.make_runtime(tmp_path, clock, settings=made, enqueue=factories.Hints(), providers=providers)
    yield runtime
    runtime.db.close()


@pytest.fixture
def redirect(rt: Runtime, live: str, cast: factories.Cast, switch: Switchboard) -> str:
    """The address people come back to: the public address is the one at which the application is served."""
    known, version = settings.organisation(rt)
    settings.save_organisation(
        rt, replace(known, public_url=live, is_set_up=True), version, by=factories.acting(cast.ada)
    )
    uri = credentials.redirect_uri(rt, NAME)
    switch.add_client([uri], project_id="Acme Calendar")
    switch.add_event(ELI, MEETING)
    return uri


@pytest.fixture
def configured(rt: Runtime, cast: factories.Cast, redirect: str) -> None:
    credentials.save(rt, NAME, PAIR, by=factories.acting(cast.ada))


def file_of(folder: Path, content: Any) -> Path:
    path = folder / "client_secret_1.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def choose_file(page: Page, path: Path) -> None:
    page.get_by_label("Import the credentials JSON").set_input_files(path)


def drag_file(page: Page, path: Path, target: Locator, *, steps: tuple[str, ...] = ("dragEnter", "dragOver", "drop")):
    """Drag a file from outside of the browser over something, as a hand does: no script of the page takes part."""
    box = target.bounding_box()
    assert box is not None
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    held = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for step in steps:
        session.send("Input.dispatchDragEvent", {"type": step, **place, "data": held})
    session.detach()


def consent(page: Page, *, ticks: tuple[str, ...] = ()) -> None:
    """Decide on Google's page: choose Eli, tick what is named (everything when nothing is), allow."""
    # A click waits until the next page begins, not until it is read: asked too early, it has no heading yet.
    page.wait_for_url(re.compile(r"/o/oauth2/v2/auth\?"))
    if page.get_by_role("heading", name="Choose an account").count():
        page.get_by_role("button", name=re.compile(re.escape(ELI))).click()
    if not ticks:
        page.get_by_role("button", name="Select all").click()
    for label in ticks:
        page.get_by_label(label).check()
    page.get_by_role("button", name="Allow").click()


def account_of(rt: Runtime) -> t.Account:
    with rt.reading() as session:
        return session.exec(select(t.Account)).one()


def run_what_is_due(rt: Runtime, clock: factories.Clock) -> None:
    work_waiting(rt)
    for account_id in claims.claim_due(rt, "test.1.1.1", 5):
        sync.run(rt, account_id, trigger=None, owner="test.1.1.1")
    clock.advance(seconds=30)


# --- the card


def test_an_admin_sets_the_provider_up_from_its_file(
    look: Look, rt: Runtime, cast: factories.Cast, redirect: str, switch: Switchboard, tmp_path: Path
) -> None:
    page = look("/integrations/", cast.ada)
    card = page.get_by_role("region", name="Google Calendar")
    expect(card.get_by_text("Not configured")).to_be_visible()
    expect(card.get_by_role("textbox", name="Redirect URI")).to_have_value(redirect)
    assert accessibility_faults(page) == []
    choose_file(page, file_of(tmp_path, {"installed": {"client_id": "1"}}))
    expect(page.get_by_text("of the type Desktop app")).to_be_visible()

    wrong = {"web": {**switch.client_file()["web"], "redirect_uris": [redirect + "/"]}}
    choose_file(page, file_of(tmp_path, wrong))
    expect(page.get_by_text("The Redirect URI is not in the file")).to_be_visible()
    expect(page.get_by_text("Only one of the two ends with a slash.")).to_be_visible()
    assert accessibility_faults(page) == []
    page.get_by_role("link", name="Take another file").click()

    choose_file(page, file_of(tmp_path, switch.client_file()))
    expect(page.get_by_text("The Redirect URI is registered")).to_be_visible()
    expect(page.get_by_role("textbox", name="Client ID")).to_have_value(CLIENT_ID)
    assert CLIENT_SECRET not in page.content()
    page.get_by_role("button", name="Save Credentials").click()
    expect(page.locator("#toasts")).to_contain_text("is ready")
    expect(card.get_by_text("ends ..EXAM, 33 characters")).to_be_visible()
    card.get_by_role("button", name="Test").click()
    expect(page.get_by_text("Google knows both")).to_be_visible()
    assert accessibility_faults(page) == []


def test_a_file_is_dropped_on_the_card(
    look: Look, rt: Runtime, cast: factories.Cast, redirect: str, switch: Switchboard, tmp_path: Path
) -> None:
    page = look("/integrations/", cast.ada)
    zone = page.locator(".drop-zone").first
    drag_file(page, file_of(tmp_path, {"installed": {"client_id": "1"}}), zone)
    expect(page.get_by_text("of the type Desktop app")).to_be_visible()
    drag_file(page, file_of(tmp_path, switch.client_file()), page.locator(".drop-zone"))
    expect(page.get_by_text("The Redirect URI is registered")).to_be_visible()
    expect(page.get_by_role("textbox", name="Client ID")).to_have_value(CLIENT_ID)
    assert CLIENT_SECRET not in page.content()
    with rt.reading() as session:
        assert credentials.standing(session, NAME).current is None  # looked at, not saved


def test_the_place_to_drop_shows_itself_and_a_file_beside_it_is_not_opened(
    look: Look, cast: factories.Cast, redirect: str, switch: Switchboard, tmp_path: Path
) -> None:
    page = look(f"/integrations/{NAME}/credentials", cast.ada)
    page.get_by_role("textbox", name="Client ID").fill("123")
    file = file_of(tmp_path, switch.client_file())
    drag_file(page, file, page.locator(".drop-zone"), steps=("dragEnter", "dragOver"))
    expect(page.locator(".drop-zone.is-over")).to_be_visible()
    drag_file(page, file, page.get_by_role("heading", level=1))
    expect(page.locator(".drop-zone.is-over")).to_have_count(0)
    expect(page).to_have_url(re.compile("/credentials$"))
    expect(page.get_by_role("textbox", name="Client ID")).to_have_value("123")


def test_save_waits_until_both_are_typed(look: Look, rt: Runtime, cast: factories.Cast, redirect: str) -> None:
    page = look(f"/integrations/{NAME}/credentials", cast.ada)
    save = page.get_by_role("button", name="Save Credentials")
    expect(save).to_be_disabled()
    page.get_by_role("textbox", name="Client ID").fill(CLIENT_ID)
    expect(save).to_be_disabled()
    page.get_by_label("Client Secret").fill(CLIENT_SECRET)
    expect(save).to_be_enabled()
    save.click()
    expect(page.locator("#toasts")).to_contain_text("is ready")


def test_new_credentials_count_when_they_are_proven(
    look: Look, rt: Runtime, cast: factories.Cast, configured: None, redirect: str, switch: Switchboard
) -> None:
    switch.add_client([redirect], client_id=NEW_PAIR.client_id, client_secret=NEW_PAIR.secret)
    page = look(f"/integrations/{NAME}/credentials", cast.ada)
    page.get_by_role("textbox", name="Client ID").fill(NEW_PAIR.client_id)
    page.get_by_label("Client Secret").fill(NEW_PAIR.secret)
    page.get_by_role("button", name="Update Credentials").click()
    expect(page.get_by_role("heading", name="New credentials wait for their proof")).to_be_visible()
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="Sign in to prove them").click()
    consent(page)
    expect(page.locator("#toasts")).to_contain_text("work and are in use")
    expect(page.get_by_text(NEW_PAIR.client_id)).to_be_visible()


# --- a person


def test_a_person_connects_reads_then_writes(
    look: Look, rt: Runtime, clock: factories.Clock, cast: factories.Cast, configured: None, switch: Switchboard
) -> None:
    page = look("/integrations/", cast.eli)
    page.get_by_role("link", name="Connect Google Calendar").click()
    expect(page.get_by_text("Use the account whose calendar you mean")).to_be_visible()
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="Connect", exact=True).click()
    consent(page)
    expect(page.locator("#toasts")).to_contain_text(f"{ELI} is connected.")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Which calendars of")
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="See what would happen").click()
    work_waiting(rt)
    expect(page.get_by_text("Kick-off Acme")).to_be_visible()
    page.get_by_role("button", name="Start syncing").click()
    run_what_is_due(rt, clock)
    expect(page.locator("#now")).to_contain_text("Healthy")

    page.goto("/activities/")
    page.get_by_role("link", name="Kick-off Acme").first.click()
    page.get_by_role("link", name="Edit", exact=True).first.click()
    page.get_by_label("Title").fill("Kick-off Acme, moved")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("can only be read")).to_be_visible()
    assert accessibility_faults(page) == []
    page.get_by_role("link", name="Enable write access").click()
    page.get_by_role("button", name="Enable write access").click()
    consent(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("both ways?")
    work_waiting(rt)
    page.get_by_role("button", name="Sync both ways").click()
    expect(page.locator("#now")).to_be_visible()

    activity = titled(rt, "Kick-off Acme")
    page.goto(f"/activities/{activity.id}/edit")
    page.get_by_label("Title").fill("Kick-off Acme, moved")
    page.get_by_role("button", name="Save").click()
    for _ in range(2):
        clock.advance(minutes=20)
        run_what_is_due(rt, clock)
    (event,) = switch.act_as(ELI, "GET", "calendars/primary/events")["items"]
    assert event["summary"] == "Kick-off Acme, moved"


def titled(rt: Runtime, title: str) -> t.Activity:
    with rt.reading() as session:
        return session.exec(select(t.Activity).where(t.Activity.title == title)).one()


def test_a_box_that_was_not_ticked_is_named_and_asked_for_again(
    look: Look, rt: Runtime, cast: factories.Cast, configured: None
) -> None:
    page = look(f"/oauth/{NAME}/connect", cast.eli)
    page.get_by_role("button", name="Connect with write access").click()
    consent(page, ticks=(re.compile("calendars you.re subscribed"),))  # type: ignore[arg-type]
    expect(page.get_by_role("heading", level=1)).to_have_text("A box was not ticked")
    expect(page.get_by_text("cannot be written to your calendar")).to_be_visible()
    assert accessibility_faults(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert overflow(page) == 0
    page.get_by_role("button", name="Ask again").click()
    consent(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Which calendars of")
    assert account_of(rt).can_write


def test_removing_the_credentials_ends_connections_and_says_so(
    look: Look, rt: Runtime, cast: factories.Cast, configured: None
) -> None:
    page = look(f"/oauth/{NAME}/connect", cast.eli)
    page.get_by_role("button", name="Connect", exact=True).click()
    consent(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Which calendars of")

    admin = look("/integrations/", cast.ada)
    admin.get_by_role("link", name="Remove credentials").click()
    expect(admin.get_by_text("1 person is connected through them")).to_be_visible()
    assert accessibility_faults(admin) == []
    admin.get_by_role("button", name="Remove credentials").click()
    expect(admin.locator("#toasts")).to_contain_text("1 account must be connected anew")
    page.goto(f"/accounts/{account_of(rt).id}")
    expect(page.locator("#now")).to_contain_text("Needs reconnect")
    page.get_by_role("link", name="Reconnect", exact=True).click()
    page.get_by_role("button", name=re.compile("Sign in with")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This provider is not ready yet")
    assert accessibility_faults(page) == []
