"""Whole journeys in a browser, on a real calendar server, with the pool of `calsync serve` behind the pages.

Each ends with a look at what the server holds, because a page can say anything.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect
from sqlmodel import col, select

from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Policy, Trigger
from calsync.providers import registry
from calsync.runtime import CLI, Runtime
from calsync.services import accounts, activities, connect, owners, settings
from calsync.services.settings import Switches
from calsync.store import tables as t
from jobs import bodies, queue
from tests import factories
from tests.parts import faults
from tests.parts.caldav import event_text
from tests.parts.fault_proxy import FaultProxy
from tests.parts.radicale import Radicale
from tests.web.browser.conftest import Look, accessibility_faults, overflow

pytestmark = pytest.mark.browser

PATIENCE_MS = 30_000
PATIENCE_S = PATIENCE_MS / 1000
WORK = "work"


@pytest.fixture
def rt(tmp_path: Path, clock: factories.Clock) -> Iterator[Runtime]:
    """A runtime with real providers whose jobs run in a real pool, as in `calsync serve`."""
    given = factories.make_settings(tmp_path, public_url="", allow_private_networks=True)
    bare = factories.make_runtime(tmp_path, clock, settings=given, providers=registry.all_providers())
    pool = queue.Pool(owners.new_owner(), 2)
    runtime = replace(bare, enqueue=pool.enqueue, checkpoint=pool.beat)
    pool.start(bodies.Work(runtime))
    yield runtime
    pool.stop()
    runtime.db.close()


@dataclass
class Desk:
    """Eli's connected account on a real server with one calendar, and what a test does around it."""

    rt: Runtime
    server: Radicale
    cast: factories.Cast
    account_id: int

    def titles(self) -> list[str]:
        """Return the titles that stand on the server, sorted."""
        return sorted(found for text in self.server.resources(WORK).values() for found in _lines(text, "SUMMARY"))

    def name_of(self, title: str) -> str:
        """Return the file that holds an event."""
        return next(n for n, text in self.server.resources(WORK).items() if title in _lines(text, "SUMMARY"))

    def change(self, before: str, after: str) -> None:
        """Let somebody edit an event in another program."""
        name = self.name_of(before)
        self.server.put(WORK, name, self.server.resources(WORK)[name].replace(before, after))

    def sync(self) -> None:
        accounts.sync_now(self.rt, self.account_id, by=CLI)
        self.settle()

    def settle(self) -> None:
        """Wait until the pool has nothing more to do for the account."""
        wait(lambda: not self.is_moving())

    def is_moving(self) -> bool:
        with self.rt.reading() as session:
            account = session.get_one(t.Account, self.account_id)
            is_due = account.next_sync_at is not None and account.next_sync_at <= self.rt.now()
            open_runs = session.exec(select(t.Run.id).where(col(t.Run.state).in_(("queued", "running")))).all()
        return bool(account.lease_owner or is_due or open_runs)

    def activity(self, title: str) -> t.Activity:
        with self.rt.reading() as session:
            return session.exec(select(t.Activity).where(t.Activity.title == title)).one()

    def runs(self, trigger: Trigger) -> list[t.Run]:
        with self.rt.reading() as session:
            return list(session.exec(select(t.Run).where(t.Run.trigger == trigger).order_by(col(t.Run.id))))


def _lines(text: str, name: str) -> list[str]:
    return re.findall(rf"^{name}[^:\r\n]*:(.*?)\r?$", text, re.MULTILINE)


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < deadline, "it did not come to rest"
        time.sleep(0.05)


@pytest.fixture
def desk(rt: Runtime, radicale: Radicale, cast: factories.Cast) -> Callable[..., Desk]:
    """Return a function that connects Eli and syncs once: `desk("Kick-off", url=proxy.url)`."""

    def furnish(*titles: str, url: str = "", rules: Rules | None = None) -> Desk:
        if rules is not None:
            settings.save_rules(rt, rules, 0, by=CLI)
        radicale.make_calendar_folder(WORK)
        for number, title in enumerate(titles):
            radicale.put(WORK, f"{number}.ics", event_text(f"{number}@example.com", title))
        login = {"username": radicale.username, "password": radicale.password, "allow_private_network": True}
        account = connect.connect_caldav(rt, t.pk(cast.eli), url=url or radicale.url, by=CLI, **login)
        with rt.reading() as session:
            [calendar] = session.exec(select(t.Calendar.id).where(t.Calendar.account_id == account.id)).all()
        chosen = [calendar or 0]
        accounts.choose_calendars(rt, t.pk(account), syncs=chosen, blocks=chosen, target=calendar, by=CLI)
        made = Desk(rt, radicale, cast, t.pk(account))
        made.sync()
        return made

    return furnish


def plan(desk: Desk, title: str) -> t.Activity:
    """Plan a meeting of Eli's in the CRM; it goes out with the next run."""
    start = factories.START.replace(hour=14)
    values = {"kind": "meeting", "title": title, "start": start, "end": start.replace(hour=15)}
    return activities.create(desk.rt, t.pk(desk.cast.eli), values, by=factories.acting(desk.cast.eli))


def state_line(page: Page) -> Locator:
    return page.locator("#now")


# --- connecting


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_from_an_empty_installation_to_events_on_the_calendar_page(
    look: Look, rt: Runtime, radicale: Radicale, phone: bool
) -> None:
    radicale.make_calendar_folder(WORK)
    radicale.make_calendar_folder("private")
    radicale.put(WORK, "a.ics", event_text("a@example.com", "Visit Acme"))
    radicale.put("private", "b.ics", event_text("b@example.com", "Dentist"))
    page = look("/", phone=phone)
    set_up(page)
    page.goto("/integrations/caldav/connect?service=other")
    page.get_by_label("Server address").fill(radicale.url)
    page.get_by_label("User name").fill(radicale.username)
    page.get_by_label("Password").fill(radicale.password)
    if page.get_by_label("own network").count():
        page.get_by_label("own network").check()
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Which calendars of")
    page.get_by_label("Sync private").uncheck()
    page.get_by_label("Sync work").check()
    page.get_by_label("Create events in work").check()
    if phone:
        assert overflow(page) == 0
    page.get_by_role("button", name="See what would happen").click()
    expect(page.locator("#plan")).to_contain_text("Visit Acme", timeout=PATIENCE_MS)
    expect(page.locator("#plan")).not_to_contain_text("Dentist")
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="Start syncing").click()
    expect(state_line(page)).to_contain_text("Healthy", timeout=PATIENCE_MS)
    if phone:
        assert overflow(page) == 0
    page.goto("/calendar/?date=2030-01-07&view=agenda")
    expect(page.get_by_text("Visit Acme").first).to_be_visible()
    with rt.reading() as session:  # the private calendar blocks time and becomes no activity
        assert list(session.exec(select(t.Activity.title))) == ["Visit Acme"]
    assert list(radicale.resources(WORK)) == ["a.ics"]
    assert list(radicale.resources("private")) == ["b.ics"]


def set_up(page: Page) -> None:
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Your email address").fill("ada@example.com")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_label("The same again").fill(factories.PASSWORD)
    page.get_by_role("button", name="Create admin and go on").click()
    page.get_by_label("Organisation name").fill("Northwind Clinics")
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def press(button: Locator) -> None:
    """Click, and wait until the server has answered: what was asked for stands in the database."""
    with button.page.expect_response(lambda response: response.request.method == "POST"):
        button.click()


def test_an_activity_planned_here_stands_on_the_server_after_sync_now(look: Look, desk: Callable[..., Desk]) -> None:
    here = desk("Kick-off")
    plan(here, "Review Acme")
    page = look(f"/accounts/{here.account_id}", here.cast.eli)
    press(page.get_by_role("button", name="Sync now"))
    here.settle()
    page.reload()
    expect(state_line(page)).to_contain_text("Healthy", timeout=PATIENCE_MS)
    assert here.titles() == ["Kick-off", "Review Acme"]


# --- conflicts


def test_a_field_changed_on_both_sides_is_decided_by_a_person(look: Look, desk: Callable[..., Desk]) -> None:
    here = desk("Kick-off", rules=Rules(policy=Policy.MANUAL))
    edit(here, "Kick-off", {"title": "Kick-off Acme", "location": "Room 4"})
    here.change("Kick-off", "Kick-off Globex")
    here.sync()
    assert here.titles() == ["Kick-off Globex"]  # nothing of the record is written before somebody chooses
    page = look("/conflicts/", here.cast.eli)
    page.locator("[data-row] a[href]").first.click()
    title = page.get_by_role("group", name="Title")
    title.get_by_label("CRM").check()
    press(page.get_by_role("button", name="Merge as shown"))
    here.settle()
    page.goto("/conflicts/")
    expect(page.get_by_text("Nothing to decide")).to_be_visible()
    assert here.titles() == ["Kick-off Acme"]
    [text] = here.server.resources(WORK).values()
    assert _lines(text, "LOCATION") == ["Room 4"]


def edit(desk: Desk, title: str, changes: dict[str, object]) -> None:
    row = desk.activity(title)
    activities.edit(desk.rt, t.pk(row), changes, by=factories.acting(desk.cast.eli))


# --- failures


def test_only_what_failed_is_tried_again(look: Look, desk: Callable[..., Desk], radicale_proxy: FaultProxy) -> None:
    here = desk("Kick-off", url=radicale_proxy.url)
    plan(here, "Review Acme")
    radicale_proxy.add(faults.status(403, "no writing today"), method="PUT")
    here.sync()
    assert here.titles() == ["Kick-off"]
    page = look("/history/?state=failed", here.cast.eli)
    if not page.locator("[data-row]").count():
        page.goto("/history/?state=partial")
    page.locator("[data-row] a[href]").first.click()
    expect(page.get_by_text("What went wrong")).to_be_visible()
    radicale_proxy.heal()
    before = len(radicale_proxy.requests)
    page.get_by_role("button", name=re.compile("^Retry failed")).click()
    wait(lambda: any(run.state == "succeeded" for run in here.runs(Trigger.RETRY)))
    assert here.titles() == ["Kick-off", "Review Acme"]
    puts = [path for method, path, _ in radicale_proxy.requests[before:] if method == "PUT"]
    assert len(puts) == 1


# --- the brake, undo, push


def test_a_held_run_writes_nothing_until_an_admin_approves(look: Look, desk: Callable[..., Desk]) -> None:
    here = desk("Kick-off", rules=Rules(brake_creates=2))
    for number in range(4):
        plan(here, f"Visit {number}")
    here.sync()
    assert here.titles() == ["Kick-off"]
    page = look("/history/?state=held", here.cast.ada)
    page.locator("[data-row] a[href]").first.click()
    press(page.get_by_role("button", name=re.compile("^Approve")))
    here.settle()
    wait(lambda: len(here.titles()) == 5)
    assert here.titles() == ["Kick-off", "Visit 0", "Visit 1", "Visit 2", "Visit 3"]


def test_an_undone_run_gives_the_server_its_title_back(look: Look, desk: Callable[..., Desk]) -> None:
    here = desk("Kick-off")
    edit(here, "Kick-off", {"title": "Kick-off Acme"})
    here.sync()
    assert here.titles() == ["Kick-off Acme"]
    with here.rt.reading() as session:
        run_id = session.exec(select(t.Step.run_id).where(t.Step.action == "update")).one()
    page = look(f"/history/{run_id}", here.cast.ada)
    page.get_by_role("link", name="Undo").click()
    expect(page.get_by_role("heading", name="Goes back")).to_be_visible()
    press(page.get_by_role("button", name="Undo 1 change"))
    here.settle()
    wait(lambda: here.titles() == ["Kick-off"])
    assert here.activity("Kick-off").status == "confirmed"


def test_existing_activities_are_pushed_after_a_look(look: Look, desk: Callable[..., Desk]) -> None:
    here = desk("Kick-off", rules=Rules(kinds_out=()))
    plan(here, "Review Acme")
    plan(here, "Review Globex")
    here.sync()
    assert here.titles() == ["Kick-off"]
    settings.save_rules(here.rt, Rules(), settings.rules(here.rt)[1], by=CLI)
    page = look(f"/accounts/{here.account_id}/push", here.cast.eli)
    page.get_by_role("button", name="See what would be pushed").click()
    push = page.locator("#push")
    expect(push).to_contain_text("Review Acme", timeout=PATIENCE_MS)
    assert here.titles() == ["Kick-off"]
    push.get_by_role("button", name="Push 2 activities").click()
    expect(page.locator("#push")).to_contain_text("2 events were created in work", timeout=PATIENCE_MS)
    assert here.titles() == ["Kick-off", "Review Acme", "Review Globex"]


# --- leaving


@pytest.mark.parametrize(
    ("choice", "there", "here_lives"),
    [
        ("keep", ["Kick-off", "Review Acme"], True),
        ("delete_remote", ["Kick-off"], True),
        ("delete_local", ["Kick-off", "Review Acme"], False),
        ("delete_both", ["Kick-off"], False),
    ],
)
def test_disconnecting_leaves_what_was_chosen(
    look: Look, desk: Callable[..., Desk], choice: str, there: list[str], here_lives: bool
) -> None:
    here = desk("Kick-off")
    plan(here, "Review Acme")
    here.sync()
    page = look(f"/accounts/{here.account_id}/disconnect", here.cast.eli)
    page.locator(f"input[name=choice][value={choice}]").check()
    page.get_by_role("button", name="Disconnect", exact=True).click()
    wait(lambda: is_disconnected(here) and not here.is_moving())
    assert here.titles() == there
    assert (here.activity("Kick-off").status != "cancelled") == here_lives
    assert here.activity("Review Acme").status != "cancelled"


def is_disconnected(desk: Desk) -> bool:
    with desk.rt.reading() as session:
        account = session.get_one(t.Account, desk.account_id)
        return account.state == "disconnected" and account.secret is None


# --- clients


def test_a_client_connects_an_own_calendar_where_the_admin_allows_it(
    look: Look, desk: Callable[..., Desk], app: Flask
) -> None:
    here = desk("Secret of Eli")
    page = look("/profile/", here.cast.vic)
    expect(page.get_by_role("link", name="Accounts", exact=True)).to_have_count(0)
    page.goto("/integrations/")
    expect(page.get_by_text("You may not do this")).to_be_visible()
    settings.save_switches(here.rt, Switches(clients_may_connect=True), 0, by=CLI)
    here.server.add_user("vic", "of-vic")
    page.goto("/integrations/caldav/connect?service=other")
    page.get_by_label("Server address").fill(here.server.url)
    page.get_by_label("User name").fill("vic")
    page.get_by_label("Password").fill("of-vic")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Which calendars of")
    for path in ("/accounts/", "/activities/", "/history/", "/calendar/?view=agenda&date=2030-01-07"):
        page.goto(path)
        assert "Secret of Eli" not in page.content()
    page.goto(f"/accounts/{here.account_id}")
    expect(page.get_by_text("There is nothing here")).to_be_visible()
    assert here.titles() == ["Secret of Eli"]
