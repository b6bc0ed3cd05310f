"""The calendar in a browser: creating by selecting, moving by dragging, one occurrence of a series, a phone.

Each journey ends with a look at the data.
"""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from calsync.engine import mapping
from calsync.runtime import Runtime
from calsync.services import activities, settings
from calsync.store import tables as t
from tests import factories
from tests.services.office import WORK, Office
from tests.services.planning import DAY, HOUR, MONDAY, WEEK, planner
from tests.web.browser.conftest import Look

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("office")]

Plan = Callable[..., t.Activity]
SLOT = 30
"""Pixels of half an hour in the widget."""


@pytest.fixture
def office(workplace: Office) -> Office:
    with workplace.rt.writing() as session:
        session.get_one(t.User, workplace.cast.eli.id).tz = "Europe/Berlin"
    return workplace


@pytest.fixture
def plan(rt: Runtime, cast: factories.Cast) -> Plan:
    return planner(rt, cast.eli)


def rows(rt: Runtime) -> list[t.Activity]:
    with rt.reading() as session:
        return list(session.exec(select(t.Activity).order_by(t.Activity.id)))


def starts(rt: Runtime) -> list[str]:
    """Return title and start of everything in six weeks, as the agenda would show them."""
    shown = activities.occurrences(rt, MONDAY - DAY, MONDAY + 6 * WEEK)
    return [f"{s.occurrence.event.summary} {s.occurrence.starts_at:%d %H:%M}" for s in shown]


def test_days_are_named_as_the_organisation_writes_them(look: Look, office: Office) -> None:
    organisation, version = settings.organisation(office.rt)
    look_of_dates = replace(organisation, date_format="de")
    settings.save_organisation(office.rt, look_of_dates, version, by=factories.acting(office.cast.ada))
    page = look("/calendar/?view=week&date=2030-01-09", office.cast.eli)
    expect(page.locator(".ec-header")).to_contain_text("9. Jan.")


def entry(page: Page, title: str, nth: int = 0):
    return page.locator(".ec-event", has_text=title).nth(nth)


def drag(page: Page, x: float, y: float, dx: float, dy: float) -> None:
    """Press, move in a few steps, release: what the widget takes for a drag."""
    page.mouse.move(x, y)
    page.mouse.down()
    for part in (0.2, 0.5, 0.8, 1.0):
        page.mouse.move(x + dx * part, y + dy * part)
    page.mouse.up()


def place_of(page: Page, *, day: int, hour: int) -> tuple[float, float]:
    """Return where an hour of a day of the week is on the screen, a little below its line."""
    column = page.locator(".ec-body .ec-day").nth(day).bounding_box()
    assert column is not None
    return column["x"] + column["width"] / 2, column["y"] + hour * 2 * SLOT + 6


def drag_entry(page: Page, title: str, *, days: int = 0, slots: int = 0, nth: int = 0) -> None:
    found = entry(page, title, nth)
    found.scroll_into_view_if_needed()
    box = found.bounding_box()
    column = page.locator(".ec-body .ec-day").first.bounding_box()
    assert box is not None
    assert column is not None
    drag(page, box["x"] + box["width"] / 2, box["y"] + 8, days * column["width"], slots * SLOT)


def moved(page: Page) -> None:
    expect(page.locator("#announcement")).to_have_text("Moved")


def test_selecting_a_span_creates_an_activity(look: Look, office: Office, rt: Runtime, cast: factories.Cast) -> None:
    page = look("/calendar/", cast.eli)
    expect(page.locator(".ec-slot").first).to_be_attached()
    x, y = place_of(page, day=2, hour=9)
    drag(page, x, y, 0, 2 * SLOT)
    dialog = page.get_by_role("dialog", name="New activity")
    expect(dialog).to_contain_text("Wednesday 9 January, 09:00 to 10:30")
    dialog.get_by_label("Title").fill("Kick-off")
    dialog.get_by_label("Kind").select_option("appointment")
    dialog.get_by_role("button", name="Create").click()
    expect(entry(page, "Kick-off")).to_be_visible()
    expect(page).to_have_url(re.compile("/calendar/"))
    [made] = rows(rt)
    event = mapping.event_of(made)
    assert (made.title, made.kind, made.owner_id) == ("Kick-off", "appointment", cast.eli.id)
    nine = MONDAY + 2 * DAY - HOUR
    assert (event.start, event.end, event.tz) == (nine, nine + 1.5 * HOUR, "Europe/Berlin")
    office.settle()
    assert office.titles_there() == ["Kick-off"]


def test_more_options_carry_the_span_to_the_form(look: Look, rt: Runtime, cast: factories.Cast) -> None:
    page = look("/calendar/?view=month&date=2030-01-07", cast.eli)
    cells = page.locator(".ec-body .ec-day")
    first, last = (
        cells.filter(has=page.locator(f"time[datetime^='{day}']")).bounding_box()
        for day in ("2030-01-08", "2030-01-09")
    )
    assert first is not None
    assert last is not None
    drag(page, first["x"] + 20, first["y"] + 60, last["x"] - first["x"], 0)
    dialog = page.get_by_role("dialog", name="New activity")
    expect(dialog).to_contain_text("Tuesday 8 January to Wednesday 9 January, all day")
    dialog.get_by_role("link", name="More options").click()
    expect(page.get_by_label("All day")).to_be_checked()
    expect(page.get_by_label("Starts", exact=True)).to_have_value("2030-01-08")
    expect(page.get_by_label("Ends", exact=True)).to_have_value("2030-01-09")
    expect(page.get_by_label("Starts at")).to_be_hidden()
    page.get_by_label("Title").fill("Trade fair")
    page.get_by_role("button", name="Create activity").click()
    expect(page).to_have_url(re.compile("/calendar/"))
    event = mapping.event_of(rows(rt)[0])
    assert (f"{event.start}", f"{event.end}") == ("2030-01-08", "2030-01-10")


def test_dragging_reschedules(look: Look, office: Office, rt: Runtime, cast: factories.Cast, plan: Plan) -> None:
    plan(title="Kick-off")
    office.settle()
    page = look("/calendar/", cast.eli)
    drag_entry(page, "Kick-off", days=1, slots=4)
    moved(page)
    expect(entry(page, "Kick-off")).to_contain_text("12:00")
    assert starts(rt) == ["Kick-off 08 11:00"]
    page.reload()
    expect(entry(page, "Kick-off")).to_contain_text("12:00")
    office.settle()
    assert [e.start for _, e in office.server.all_events(WORK)] == [MONDAY + DAY + 2 * HOUR]


def test_a_refused_move_goes_back_and_says_why(look: Look, office: Office, rt: Runtime, cast: factories.Cast) -> None:
    office.meeting("Kick-off", hours=24)
    office.settle()
    office.change_account(can_write=False)
    page = look("/calendar/", cast.eli)
    before = entry(page, "Kick-off").bounding_box()
    drag_entry(page, "Kick-off", days=1)
    expect(page.locator("#toasts [role=alert]")).to_contain_text("can only be read")
    assert entry(page, "Kick-off").bounding_box() == before
    assert starts(rt) == ["Kick-off 08 09:00"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("This one", ["Stand-up 07 09:00", "Stand-up 14 11:00", "Stand-up 21 09:00"]),
        ("This and following", ["Stand-up 07 09:00", "Stand-up 14 11:00", "Stand-up 21 11:00"]),
        ("All", ["Stand-up 07 11:00", "Stand-up 14 11:00", "Stand-up 21 11:00"]),
    ],
)
def test_dragging_an_occurrence_asks_what_is_meant(
    look: Look, rt: Runtime, cast: factories.Cast, plan: Plan, choice: str, expected: list[str]
) -> None:
    plan(title="Stand-up", rrule="FREQ=WEEKLY;COUNT=3")
    page = look("/calendar/?date=2030-01-14", cast.eli)
    drag_entry(page, "Stand-up", slots=4)
    dialog = page.get_by_role("dialog", name="Move a repeating activity")
    dialog.get_by_text(choice, exact=True).click()
    dialog.get_by_role("button", name="Move").click()
    moved(page)
    expect(entry(page, "Stand-up")).to_contain_text("12:00")
    assert starts(rt) == expected


def test_leaving_the_question_leaves_the_occurrence(look: Look, rt: Runtime, cast: factories.Cast, plan: Plan) -> None:
    plan(title="Stand-up", rrule="FREQ=WEEKLY;COUNT=2")
    page = look("/calendar/", cast.eli)
    drag_entry(page, "Stand-up", slots=4)
    page.get_by_role("dialog", name="Move a repeating activity").get_by_role("button", name="Leave it").click()
    expect(entry(page, "Stand-up")).to_contain_text("10:00")
    assert starts(rt) == ["Stand-up 07 09:00", "Stand-up 14 09:00"]


def test_one_occurrence_is_edited_from_the_calendar(
    look: Look, office: Office, rt: Runtime, cast: factories.Cast, plan: Plan
) -> None:
    plan(title="Stand-up", rrule="FREQ=WEEKLY;COUNT=3")
    office.settle()
    page = look("/calendar/?date=2030-01-14", cast.eli)
    entry(page, "Stand-up").click()
    expect(page.get_by_text("One of a series")).to_be_visible()
    page.get_by_role("link", name="Edit", exact=True).click()
    expect(page.get_by_label("Starts", exact=True)).to_have_value("2030-01-14")
    page.get_by_label("Title").fill("Demo day")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Demo day")
    assert starts(rt) == ["Stand-up 07 09:00", "Demo day 14 09:00", "Stand-up 21 09:00"]
    office.settle()
    assert office.titles_there() == ["Demo day", "Stand-up"]
    page.go_back()
    page.go_back()
    page.go_back()
    expect(entry(page, "Demo day")).to_be_visible()


def test_phone_starts_with_the_agenda_and_opens_what_is_tapped(
    look: Look, rt: Runtime, cast: factories.Cast, plan: Plan
) -> None:
    plan(title="Kick-off")
    page = look("/calendar/", cast.eli, phone=True)
    expect(page).to_have_url(re.compile("view=agenda"))
    page.get_by_role("link", name="Kick-off").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Kick-off")
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("button", name="Cancel it").click()
    expect(page.locator("#toasts")).to_contain_text("Calendars follow with their next run")
    assert [row.status for row in rows(rt)] == ["cancelled"]
    page.goto("/calendar/?view=week")
    expect(page.locator(".ec-body")).to_be_visible()


def test_keyboard_opens_an_entry(look: Look, cast: factories.Cast, plan: Plan) -> None:
    plan(title="Kick-off")
    page = look("/calendar/", cast.eli)
    entry(page, "Kick-off").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Kick-off")


def test_calendar_without_scripts_is_the_agenda(browser, live: str, enter, cast: factories.Cast, plan: Plan) -> None:
    plan(title="Kick-off")
    context = browser.new_context(java_script_enabled=False, base_url=live)
    enter(context, cast.eli)
    page = context.new_page()
    page.goto("/calendar/?view=week")
    expect(page.get_by_role("link", name="Kick-off")).to_be_visible()
    expect(page).to_have_url(re.compile("view=agenda"))
    context.close()


# --- the form


def test_form_shows_what_belongs_to_the_choices(look: Look, rt: Runtime, cast: factories.Cast) -> None:
    page = look("/activities/new?start=2030-01-07T10:00&end=2030-01-07T11:30", cast.eli)
    expect(page.get_by_label("Rule")).to_be_hidden()
    page.get_by_label("Title").fill("Planning")
    page.get_by_label("Starts at").fill("14:00")
    page.get_by_label("Starts at").blur()
    expect(page.get_by_label("Ends at")).to_have_value("15:30")
    page.get_by_label("Repeats").select_option("weekly")
    page.get_by_label("Wed").check()
    page.get_by_label("The series ends").select_option("after")
    page.get_by_label("Times").fill("4")
    page.get_by_role("button", name="Create activity").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Planning")
    event = mapping.event_of(rows(rt)[0])
    assert event.rrule == "FREQ=WEEKLY;BYDAY=WE;COUNT=4"
    assert event.end - event.start == 1.5 * HOUR


def test_a_task_asks_for_its_due_time(look: Look, rt: Runtime, cast: factories.Cast) -> None:
    page = look("/activities/new", cast.eli)
    expect(page.get_by_label("Due", exact=True)).to_be_hidden()
    page.get_by_label("Kind").select_option("task")
    expect(page.get_by_label("Starts", exact=True)).to_be_hidden()
    page.get_by_label("Title").fill("Report")
    page.get_by_label("Due", exact=True).fill("2030-01-09")
    page.get_by_label("Due at").fill("16:00")
    page.get_by_role("button", name="Create activity").click()
    page.get_by_role("button", name="Mark as done").click()
    expect(page.get_by_role("button", name="Not done yet")).to_be_visible()
    [task] = rows(rt)
    assert (task.is_done, mapping.event_of(task).end) == (True, MONDAY + 2 * DAY + 6 * HOUR)
