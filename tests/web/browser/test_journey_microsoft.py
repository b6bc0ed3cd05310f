"""From an empty card to meetings with links, in a browser and at a server that behaves as Microsoft's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from calsync.providers import registry
from calsync.runtime import Runtime
from calsync.services import claims, credentials, settings, sync
from calsync.store import tables as t
from tests import factories
from tests.emulators.microsoft.cast import ADA, ELI, NOW, Json, timed
from tests.emulators.microsoft.conftest import microsoft, microsoft_server, switch
from tests.emulators.microsoft.server import CLIENT_ID, CLIENT_SECRET, MicrosoftServer, Switchboard
from tests.sign_in.outlook import NAME, NEW_SECRET, PAIR, emulated
from tests.web.browser.conftest import Look, accessibility_faults, overflow
from tests.web.offices import work_waiting

__all__ = ["microsoft", "microsoft_server", "switch"]

pytestmark = pytest.mark.browser

LABEL = "Microsoft 365 and Outlook"


@pytest.fixture
def rt(tmp_path: Path, clock: factories.Clock, microsoft: MicrosoftServer) -> Iterator[Runtime]:
    """The providers that are installed, with one of them at the emulator: a part of the runtime, no setting."""
    made = factories.make_settings(tmp_path, public_url="", allow_private_networks=True)
    providers = {**registry.all_providers(), NAME: emulated(microsoft, clock)}
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
    switch.add_client([uri], name="Acme Calendar")
    switch.add_event(switch.default_calendar(ELI), timed(subject="Kick-off Acme"))
    return uri


@pytest.fixture
def configured(rt: Runtime, cast: factories.Cast, redirect: str) -> None:
    credentials.save(rt, NAME, PAIR, by=factories.acting(cast.ada))


def pick(page: Page, who: str = ELI) -> None:
    """Choose an account on Microsoft's page, where it asks for one."""
    # A click waits until the next page begins, not until it is read: asked too early, it has no heading yet.
    page.wait_for_url(re.compile(r"/(authorize|adminconsent)\?"))
    if page.get_by_role("heading", name="Pick an account").count():
        page.get_by_role("button", name=re.compile(re.escape(who))).click()


def agree(page: Page, who: str = ELI, choice: str = "Accept") -> None:
    """Decide on Microsoft's pages."""
    pick(page, who)
    page.get_by_role("button", name=choice).click()


def run_what_is_due(rt: Runtime, clock: factories.Clock) -> None:
    work_waiting(rt)
    for account_id in claims.claim_due(rt, "test.1.1.1", 5):
        sync.run(rt, account_id, trigger=None, owner="test.1.1.1")
    clock.advance(seconds=30)


def account_of(rt: Runtime) -> t.Account:
    with rt.reading() as session:
        return session.exec(select(t.Account)).one()


def living(switch: Switchboard, subject: str) -> Json:
    """Return the one event of Eli's calendar that has a subject."""
    found = [one for one in switch.stored(switch.default_calendar(ELI)) if not one["isDeleted"]]
    (event,) = [one for one in found if one["subject"] == subject]
    return event


# --- the card


def test_an_admin_sets_the_provider_up(look: Look, cast: factories.Cast, redirect: str) -> None:
    page = look("/integrations/", cast.ada)
    card = page.get_by_role("region", name=LABEL)
    expect(card.get_by_text("Not configured")).to_be_visible()
    expect(card.get_by_role("textbox", name="Redirect URI")).to_have_value(redirect)
    assert accessibility_faults(page) == []
    card.get_by_role("link", name="Type Client ID and Client Secret").click()
    page.get_by_role("textbox", name="Client ID").fill(CLIENT_ID)
    page.get_by_label("Client Secret").fill(CLIENT_ID)
    page.get_by_role("button", name="Save Credentials").click()
    expect(page.get_by_text("This is the secret’s ID")).to_be_visible()
    page.get_by_label("Client Secret").fill(CLIENT_SECRET)
    page.get_by_label("The secret runs out on").fill("2030-01-19")
    page.get_by_label("Who may connect").select_option(label="Any organisation: Work and school accounts only")
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="Save Credentials").click()
    expect(page.locator("#toasts")).to_contain_text("is ready")
    expect(card.get_by_text("Runs out in 12 days").first).to_be_visible()
    expect(card.get_by_text("Any organisation", exact=True)).to_be_visible()
    card.get_by_role("button", name="Test").click()
    expect(page.get_by_text("Microsoft knows both")).to_be_visible()
    assert accessibility_faults(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert overflow(page) == 0


def test_a_new_secret_lives_beside_the_old_one_until_it_is_proven(
    look: Look, rt: Runtime, cast: factories.Cast, configured: None, switch: Switchboard
) -> None:
    soon = (NOW.replace(month=2)).isoformat()
    switch.change_client(secrets=[{"value": CLIENT_SECRET, "expires_at": soon}, {"value": NEW_SECRET}])
    page = look(f"/integrations/{NAME}/credentials", cast.ada)
    page.get_by_role("textbox", name="Client ID").fill(CLIENT_ID)
    page.get_by_label("Client Secret").fill(NEW_SECRET)
    page.get_by_label("The secret runs out on").last.fill("2031-06-30")
    page.get_by_role("button", name="Update Credentials").click()
    expect(page.get_by_text("Both secrets are good at Microsoft meanwhile.")).to_be_visible()
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="Sign in to prove them").click()
    agree(page, ADA)
    expect(page.locator("#toasts")).to_contain_text("work and are in use")
    expect(page.get_by_text(re.compile(r"Runs out in \d{3} days"))).to_be_visible()


def test_an_administrator_agrees_for_everybody(
    look: Look, cast: factories.Cast, configured: None, switch: Switchboard
) -> None:
    switch.change_tenant("example.com", user_consent="recommended", name="Example Ltd")
    page = look(f"/oauth/{NAME}/connect", cast.eli)
    page.get_by_role("button", name="Connect with write access").click()
    pick(page)
    expect(page.get_by_role("heading", name="Need admin approval")).to_be_visible()
    page.get_by_role("button", name="Return to the application").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("An administrator of your organisation has to allow")
    link = page.get_by_role("textbox", name="Link for administrators").input_value()
    assert accessibility_faults(page) == []

    elsewhere = look(link)  # an administrator who has no account here
    pick(elsewhere, ADA)
    expect(elsewhere.get_by_text("review for your organization")).to_be_visible()
    elsewhere.get_by_role("button", name="Accept").click()
    expect(elsewhere.get_by_role("heading", level=1)).to_contain_text("Your organisation allows this app")
    assert accessibility_faults(elsewhere) == []

    page.goto(f"/oauth/{NAME}/connect")
    page.get_by_role("button", name="Connect with write access").click()
    agree(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Which calendars of")
    admin = look(f"/integrations/{NAME}/credentials", cast.ada)
    expect(admin.get_by_text("Somebody came back having agreed")).to_be_visible()


# --- a person


def test_a_person_cancels_and_learns_that_nothing_happened(
    look: Look, rt: Runtime, cast: factories.Cast, configured: None
) -> None:
    page = look(f"/oauth/{NAME}/connect", cast.eli)
    expect(page.get_by_text("Tick every box")).to_have_count(0)
    expect(page.get_by_text("Read your calendars")).to_be_visible()
    page.get_by_role("button", name="Connect", exact=True).click()
    agree(page, choice="Cancel")
    expect(page.get_by_role("heading", level=1)).to_have_text("You did not give permission")
    assert accessibility_faults(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert overflow(page) == 0
    with rt.reading() as session:
        assert session.exec(select(t.Account)).all() == []


def test_a_person_connects_reads_then_writes_and_meets(
    look: Look, rt: Runtime, clock: factories.Clock, cast: factories.Cast, configured: None, switch: Switchboard
) -> None:
    page = look("/integrations/", cast.eli)
    page.get_by_role("link", name=f"Connect {LABEL}").click()
    page.get_by_role("button", name="Connect", exact=True).click()
    agree(page)
    expect(page.locator("#toasts")).to_contain_text(f"{ELI} is connected.")
    page.get_by_role("button", name="See what would happen").click()
    work_waiting(rt)
    expect(page.get_by_text("Kick-off Acme")).to_be_visible()
    page.get_by_role("button", name="Start syncing").click()
    run_what_is_due(rt, clock)
    expect(page.locator("#now")).to_contain_text("Healthy")
    assert not account_of(rt).can_write
    assert overflow(page) == 0  # ids of calendars are long there

    page.goto(f"/oauth/{NAME}/connect?account={account_of(rt).id}&access=write")
    page.get_by_role("button", name="Enable write access").click()
    agree(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("both ways?")
    work_waiting(rt)
    page.get_by_role("button", name="Sync both ways").click()
    expect(page.locator("#now")).to_be_visible()
    assert account_of(rt).can_write

    page.goto("/activities/new")
    page.get_by_label("Title").fill("Demo for Beta")
    page.get_by_label("Where").select_option(value="teams")
    page.get_by_role("button", name="Create activity").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Demo for Beta")
    for _ in range(3):
        clock.advance(minutes=20)
        switch.advance(20 * 60)
        run_what_is_due(rt, clock)
    event = living(switch, "Demo for Beta")
    assert event["onlineMeeting"]["joinUrl"].startswith("https://teams.microsoft.com/")
    page.goto("/activities/")
    page.get_by_role("link", name="Demo for Beta").first.click()
    expect(page.locator(f'a[href="{event["onlineMeeting"]["joinUrl"]}"]').first).to_be_visible()
    assert switch.mail() == []
