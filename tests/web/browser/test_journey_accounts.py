"""From a password to events in sync and back out again, in a browser and at a real Radicale."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlmodel import select

from calsync.providers import registry
from calsync.runtime import Runtime
from calsync.services import accounts, claims, connect, settings, sync
from calsync.store import accounts as rows
from calsync.store import tables as t
from tests import factories
from tests.parts.caldav import EVENT_LINES
from tests.parts.radicale import Radicale
from tests.web.browser.conftest import Look, accessibility_faults
from tests.web.offices import work_waiting
from tests.web.world import make_activity

pytestmark = pytest.mark.browser


@pytest.fixture
def rt(tmp_path: Path, clock: factories.Clock):
    """The providers that are installed, on a database of the test's own."""
    made = factories.make_settings(tmp_path, public_url="")
    providers = registry.all_providers()
    runtime = factories.make_runtime(tmp_path, clock, settings=made, enqueue=factories.Hints(), providers=providers)
    yield runtime
    runtime.db.close()


@pytest.fixture
def server(radicale: Radicale) -> Radicale:
    """Two calendars at the server, one with a meeting of tomorrow in it."""
    radicale.make_calendar("work", title="Work", color="#3b5bdb")
    radicale.make_calendar("home", title="Home")
    radicale.put("work", "theirs.ics", event("theirs", "Kick-off Acme"))
    return radicale


def event(uid: str, title: str) -> str:
    text = "\r\n".join(EVENT_LINES).format(uid=uid, title=title)
    return text.replace("20300107T090000Z", "20300108T090000Z").replace("20300107T100000Z", "20300108T100000Z")


def titles(server: Radicale, calendar: str) -> list[str]:
    """Return the titles at the server, past our own client."""
    texts = server.resources(calendar).values()
    return sorted(found for text in texts for found in re.findall(r"SUMMARY:(.*?)\r?\n", text))


def only_account(rt: Runtime) -> t.Account:
    with rt.reading() as session:
        return rows.list_accounts(session)[0]


def run_what_is_due(rt: Runtime, clock: factories.Clock) -> None:
    """Run what the clock and the queue would: runs that wait, and accounts that are due."""
    work_waiting(rt)
    for account_id in claims.claim_due(rt, "test.1.1.1", 5):
        sync.run(rt, account_id, trigger=None, owner="test.1.1.1")
    clock.advance(seconds=30)


def plan(rt: Runtime, owner: t.User, title: str) -> None:
    """Somebody plans a meeting here."""
    with rt.writing() as session:
        session.add(make_activity(rt, owner, title))


def test_connect_choose_preview_sync_and_see_it_in_records(
    look: Look, rt: Runtime, clock: factories.Clock, cast: factories.Cast, server: Radicale
) -> None:
    plan(rt, cast.ada, "Planned here")
    page = look("/integrations/", cast.ada)
    page.get_by_role("link", name="Other CalDAV server").click()
    sign_in(page, server, password="wrong")
    expect(page.get_by_text("is on a private network")).to_be_visible()
    expect(page.get_by_label("User name")).to_have_value(server.username)
    page.get_by_label("The server is in our own network").check()
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("refused this user name and password")).to_be_visible()
    page.get_by_label("Password").fill(server.password)
    page.get_by_role("button", name="Connect").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Which calendars of")
    assert accessibility_faults(page) == []
    page.get_by_label("Sync Work").check()
    page.get_by_label("Sync Home").uncheck()
    page.get_by_label("Create events in Work").check()
    page.get_by_role("button", name="See what would happen").click()
    expect(page.get_by_text("Waiting for its turn")).to_be_visible()
    assert titles(server, "work") == ["Kick-off Acme"]

    work_waiting(rt)
    expect(page.get_by_text("will be created here")).to_be_visible()
    expect(page.get_by_text("Planned here")).to_be_visible()
    assert accessibility_faults(page) == []
    assert titles(server, "work") == ["Kick-off Acme"], "a preview writes nothing"
    expect(page.get_by_role("heading", name="How changes travel")).to_be_visible()
    page.get_by_role("button", name="Start syncing").click()

    expect(page.locator("#now")).to_contain_text("Waiting for its turn")
    page.evaluate("window.before = true")
    run_what_is_due(rt, clock)
    expect(page.locator("#now")).to_contain_text("Healthy")
    page.wait_for_function("!window.before")
    assert "hx-trigger" not in page.locator("#now").evaluate("line => line.outerHTML")

    page.get_by_role("link", name="Records").click()
    expect(page.get_by_role("row", name=re.compile("Kick-off Acme"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("Planned here"))).to_be_visible()
    assert titles(server, "work") == ["Kick-off Acme", "Planned here"]
    assert titles(server, "home") == []


def sign_in(page: Page, server: Radicale, password: str) -> None:
    page.get_by_label("Server address").fill(server.url)
    page.get_by_label("User name").fill(server.username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Connect").click()


@pytest.fixture
def synced(rt: Runtime, clock: factories.Clock, cast: factories.Cast, server: Radicale) -> Radicale:
    """Ada's account at Radicale: one meeting of ours and one of theirs, in sync."""
    plan(rt, cast.ada, "Ours")
    by = factories.acting(cast.ada)
    account = connect.connect_caldav(
        rt,
        cast.ada.id,
        url=server.url,
        username=server.username,
        password=server.password,
        allow_private_network=True,
        by=by,
    )
    with rt.reading() as session:
        work = next(c for c in rows.list_calendars(session, account.id) if c.name == "Work")
    accounts.choose_calendars(rt, account.id, syncs={work.id}, blocks=set(), target=work.id, by=by)
    for _ in range(2):
        sync.run(rt, account.id)
        clock.advance(minutes=10)
    assert titles(server, "work") == ["Kick-off Acme", "Ours"]
    return server


CHOICES = [
    ("Keep everything", ["Kick-off Acme", "Ours"], ["Kick-off Acme", "Ours"]),
    ("Delete there", ["Kick-off Acme", "Ours"], ["Kick-off Acme"]),
    ("Delete here", ["Ours"], ["Kick-off Acme", "Ours"]),
    ("Delete on both sides", ["Ours"], ["Kick-off Acme"]),
]


@pytest.mark.parametrize(("choice", "here", "there"), CHOICES, ids=[choice for choice, *_ in CHOICES])
def test_disconnecting_leaves_what_was_chosen(
    look: Look, rt: Runtime, cast: factories.Cast, synced: Radicale, choice: str, here: list[str], there: list[str]
) -> None:
    page = look(f"/accounts/{only_account(rt).id}", cast.ada)
    page.get_by_label("More").click()
    page.get_by_role("link", name="Disconnect…").click()
    page.get_by_role("radio", name=choice).check()
    page.get_by_role("button", name="Disconnect").click()
    if choice != "Keep everything":
        expect(page.get_by_text("You may leave this page")).to_be_visible()
        work_waiting(rt)
        expect(page.locator("#leave")).to_contain_text("is disconnected")
        page.get_by_role("link", name="Done").click()
    expect(page.get_by_text("No accounts yet")).to_be_visible()
    assert titles(synced, "work") == there
    assert titles_here(rt) == here
    assert only_account(rt).secret is None


def titles_here(rt: Runtime) -> list[str]:
    with rt.reading() as session:
        found = session.exec(select(t.Activity).where(t.Activity.status != "cancelled")).all()
    return sorted(activity.title for activity in found)


def test_existing_data_is_pushed_with_progress_and_a_confirmation(
    look: Look, rt: Runtime, clock: factories.Clock, cast: factories.Cast, synced: Radicale
) -> None:
    account = only_account(rt)
    with rt.reading() as session:
        work = rows.write_targets(session, cast.ada.id)[0]
    accounts.set_calendar(rt, work.id, is_write_target=False, by=factories.acting(cast.ada))
    plan(rt, cast.ada, "Planned before")
    page = look(f"/accounts/{account.id}", cast.ada)
    page.get_by_label("More").click()
    page.get_by_role("link", name="Push existing data…").click()
    page.get_by_role("button", name="See what would be pushed").click()
    work_waiting(rt)
    expect(page.get_by_text("will be created in Work")).to_be_visible()
    assert titles(synced, "work") == ["Kick-off Acme", "Ours"]
    page.get_by_role("button", name="Push 1 activity").click()
    expect(page.get_by_text("Writing into Work")).to_be_visible()
    work_waiting(rt)
    expect(page.get_by_text("1 event was created in Work")).to_be_visible()
    assert titles(synced, "work") == ["Kick-off Acme", "Ours", "Planned before"]


def test_another_place_for_new_events_moves_ours_and_leaves_theirs(
    look: Look, rt: Runtime, clock: factories.Clock, cast: factories.Cast, synced: Radicale
) -> None:
    account = only_account(rt)
    page = look(f"/accounts/{account.id}", cast.ada)
    page.get_by_role("switch", name="Sync Home").click()
    expect(page.get_by_role("switch", name="Sync Home")).to_have_attribute("aria-checked", "true")
    page.get_by_role("row", name=re.compile("Home")).get_by_role("button", name="Choose").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Move existing events?")
    page.get_by_role("button", name="See what would move").click()
    work_waiting(rt)
    expect(page.get_by_text("will move to Home")).to_be_visible()
    assert titles(synced, "home") == []
    page.get_by_role("button", name="Move 1 event").click()
    work_waiting(rt)
    expect(page.get_by_text("1 event moved to Home")).to_be_visible()
    assert (titles(synced, "work"), titles(synced, "home")) == (["Kick-off Acme"], ["Ours"])
    clock.advance(minutes=10)
    sync.run(rt, account.id)
    assert titles_here(rt) == ["Kick-off Acme", "Ours"]
    assert (titles(synced, "work"), titles(synced, "home")) == (["Kick-off Acme"], ["Ours"])


def test_sync_now_in_the_list_follows_its_row(
    look: Look, rt: Runtime, clock: factories.Clock, cast: factories.Cast, synced: Radicale
) -> None:
    account = only_account(rt)
    synced.put("work", "new.ics", event("new", "New there"))
    page = look("/accounts/", cast.ada)
    page.evaluate("window.stayed = true")
    page.get_by_label(re.compile("Actions for")).click()
    page.get_by_role("button", name="Sync now").last.click()
    row = page.locator(f"#account-{account.id}")
    expect(row).to_contain_text("begins now")
    run_what_is_due(rt, clock)
    expect(row).not_to_contain_text("begins now")
    assert "hx-trigger" not in row.evaluate("line => line.outerHTML")
    assert page.evaluate("window.stayed")
    assert "New there" in titles_here(rt)


def test_a_changed_password_is_mended_by_reconnecting(
    look: Look, rt: Runtime, clock: factories.Clock, cast: factories.Cast, synced: Radicale
) -> None:
    account = only_account(rt)
    synced.change_password("changed")
    sync.run(rt, account.id)
    page = look(f"/accounts/{account.id}", cast.ada)
    expect(page.locator("#now")).to_contain_text("Needs reconnect")
    page.get_by_role("link", name="Reconnect", exact=True).click()
    page.get_by_label("Password").fill("changed")
    page.get_by_role("button", name="Reconnect").click()
    expect(page.locator("#toasts")).to_contain_text("Connected again")
    synced.put("work", "new.ics", event("new", "After the change"))
    clock.advance(minutes=1)
    sync.run(rt, account.id)
    assert "After the change" in titles_here(rt)


def test_a_client_connects_an_own_calendar_where_that_is_allowed(
    look: Look, rt: Runtime, cast: factories.Cast, server: Radicale, app: Flask
) -> None:
    app.extensions["calsync"] = replace(rt, settings=rt.settings.model_copy(update={"allow_private_networks": True}))
    page = look("/integrations/", cast.vic)
    expect(page.get_by_role("heading", level=1)).to_have_text("You may not do this")
    known, version = settings.switches(rt)
    settings.save_switches(rt, replace(known, clients_may_connect=True), version, by=factories.acting(cast.ada))
    page = look("/integrations/caldav/connect?service=other", cast.vic, phone=True)
    expect(page.get_by_label("The server is in our own network")).to_have_count(0)
    sign_in(page, server, server.password)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Which calendars of")
    assert only_account(rt).user_id == cast.vic.id
