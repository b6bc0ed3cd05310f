"""Scheduling in a browser: a room gets its calendar and its hours, becomes bookable, and a slot explains itself.

Each journey ends with a look at the data.
"""

import re
from datetime import date

import pytest
from playwright.sync_api import Browser, expect

from calsync.runtime import Runtime
from calsync.services import event_types, resources, working_hours
from calsync.services.working_hours import Owner
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.services.office import Office
from tests.services.planning import DAY, HOUR, MONDAY, planner
from tests.web.browser.conftest import Look

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("office")]


def test_a_room_is_created_mapped_refused_and_taken_off(look: Look, office: Office, rt: Runtime) -> None:
    office.settle()
    page = look("/resources/", office.cast.ada)
    page.get_by_role("link", name="New resource").first.click()
    page.get_by_label("Name").fill("Meeting room")
    expect(page.get_by_label("Age of what was read last")).to_be_hidden()
    page.get_by_text("Use what was read last").click()
    page.get_by_label("Age of what was read last").fill("90")
    page.get_by_label("Room for").fill("8")
    page.get_by_role("button", name="Create resource").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Meeting room")
    page.get_by_label("Calendar", exact=True).select_option(label="Work (eli@example.com)")
    office.change_calendar(syncs=False)  # meanwhile somebody switched it off
    page.get_by_role("button", name="Map calendar").click()
    expect(page.get_by_text("Work does not sync. Switch Sync on for it first.")).to_be_visible()
    office.change_calendar(syncs=True)
    page.goto("/resources/")
    page.get_by_role("link", name="Meeting room").click()
    page.get_by_label("Calendar", exact=True).select_option(label="Work (eli@example.com)")
    page.get_by_role("button", name="Map calendar").click()
    expect(page.locator("#toasts")).to_contain_text("Bookings are written to this calendar")
    [room] = resources.list_resources(rt)
    assert (room.calendar_id, room.capacity, room.when_unreachable) == (office.calendar.id, 8, "last_known")
    assert room.last_known_minutes == 90
    page.get_by_role("button", name="Take the calendar off").click()
    page.get_by_role("dialog").get_by_role("button", name="Take it off").click()
    expect(page.get_by_role("button", name="Map calendar")).to_be_visible()
    assert resources.get(rt, t.pk(room)).calendar_id is None


def test_an_event_type_is_made_and_its_address_copied(look: Look, office: Office, rt: Runtime) -> None:
    page = look("/event-types/new", office.cast.eli, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("Name", exact=True).fill("First meeting")
    page.get_by_label("Length").fill("45")
    expect(page.get_by_label("Answers to choose from")).to_be_hidden()
    page.get_by_label("Question", exact=True).fill("What is it about?")
    page.get_by_label("Answered by").select_option("choice")
    page.get_by_role("button", name="Create event type").click()
    expect(page.get_by_text("Give the answers to choose from")).to_be_visible()
    page.get_by_label("Answers to choose from").first.fill("Buying\nSelling")
    page.get_by_label("Public page").check()
    page.get_by_role("button", name="Create event type").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("First meeting")
    page.get_by_role("button", name=re.compile("copy$")).click()
    assert page.evaluate("navigator.clipboard.readText()").endswith("/book/first-meeting")
    [made] = event_types.list_event_types(rt)
    assert (made.owner_id, made.length_minutes, made.is_public) == (office.cast.eli.id, 45, True)
    assert made.questions[0]["choices"] == ["Buying", "Selling"]


def test_hours_are_set_without_scripts(browser: Browser, live: str, enter, rt: Runtime, cast: factories.Cast) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=live)
    enter(context, cast.eli)
    page = context.new_page()
    page.goto("/profile/hours")
    page.get_by_label("Mon, part 1: to").fill("12:00")
    page.get_by_label("Mon, part 2: from").fill("13:00")
    page.get_by_role("button", name="Save hours").click()
    expect(page.get_by_text("Give both times, or neither.")).to_be_visible()
    page.get_by_label("Mon, part 2: to").fill("18:00")
    page.get_by_label("First day 1").fill("2030-01-09")
    page.get_by_label("Name 1").fill("Dentist")
    page.get_by_role("button", name="Save hours").click()
    expect(page.locator("#toasts")).to_contain_text("Saved.")
    hours, _ = working_hours.get(rt, Owner(user_id=cast.eli.id))
    assert hours is not None
    assert hours.weekly[0] == ((540, 720), (780, 1080))
    assert [(h.first, h.name) for h in hours.holidays] == [(date(2030, 1, 9), "Dentist")]
    context.close()


def test_a_slot_explains_itself(look: Look, office: Office, rt: Runtime, cast: factories.Cast) -> None:
    office.settle()
    made = make.make_event_type(rt, make.make_person(rt, cast.eli), name="Visit")
    planner(rt, cast.eli)(title="Review with Bo", start=MONDAY + DAY + HOUR, end=MONDAY + DAY + 2 * HOUR)
    page = look(f"/event-types/{made.id}/slots?day=2030-01-08", cast.eli)
    page.get_by_role("link", name="11:00").click()
    expect(page.get_by_text("11:00 is offered")).to_be_visible()
    page.get_by_label("Why is this time offered or not?").fill("10:00")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_text("10:00 is not offered")).to_be_visible()
    page.get_by_role("link", name="Review with Bo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Review with Bo")
    page.go_back()
    expect(page.get_by_text("10:00 is not offered")).to_be_visible()


def test_an_overlap_is_told_on_the_calendar_and_led_to_from_the_list(
    look: Look, rt: Runtime, cast: factories.Cast
) -> None:
    plan = planner(rt, cast.eli)
    plan(title="Kick-off")
    plan(title="Review")
    page = look("/activities/", cast.eli)
    page.get_by_role("link", name=re.compile("Overlaps with Review")).click()
    expect(page).to_have_url(re.compile("view=day&date=2030-01-07"))
    entry = page.locator(".ec-event", has_text="Kick-off")
    expect(entry).to_have_attribute("aria-label", re.compile("Overlaps with Review"))
    expect(entry).to_have_class(re.compile("is-overlapping"))
