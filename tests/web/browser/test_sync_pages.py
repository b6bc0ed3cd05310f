"""What only a browser does on the pages about syncing: keys, the live sentence, pages that follow a run."""

import pytest
from playwright.sync_api import expect

from calsync.engine.vocabulary import Policy
from calsync.services import duplicates, queued, settings
from tests.services.office import WORK, Office
from tests.web.browser.conftest import Look

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("office")]


def clash(office: Office, title: str, hours: float) -> int:
    handle = office.meeting(title, hours)
    office.settle()
    office.server.edit(WORK, handle, summary=f"{title} there")
    office.edit(title, summary=f"{title} here")
    office.sync()
    return office.conflicts()[-1].id


def carry_out(office: Office) -> None:
    for run_id in queued.list_waiting(office.rt):
        queued.work(office.rt, run_id)


def test_conflicts_are_decided_with_keys_one_after_another(look: Look, office: Office) -> None:
    office.rule(policy=Policy.MANUAL)
    first, second = clash(office, "Kick-off", 24), clash(office, "Review", 30)
    page = look(f"/conflicts/{first}", office.cast.eli)
    page.keyboard.press("2")
    page.wait_for_url(f"**/conflicts/{second}")
    page.get_by_role("radio", name="CRM").check()
    page.keyboard.press("m")
    page.wait_for_url("**/conflicts/")
    expect(page.get_by_text("Nothing to decide")).to_be_visible()
    office.settle()
    assert office.titles_there() == office.titles_here() == ["Kick-off there", "Review here"]


def test_settings_say_what_they_do_while_they_are_changed_and_count_after_the_preview(
    look: Look, office: Office
) -> None:
    office.write("Review")
    office.settle()
    page = look("/settings/privacy", office.cast.ada)
    page.get_by_label("Title").uncheck()
    expect(page.locator("#sentence")).to_contain_text("titles are not written out")
    page.get_by_role("button", name="Preview and save").click()
    expect(page.get_by_text("Reading and comparing: 0 of 1 account")).to_be_visible()
    carry_out(office)
    expect(page.get_by_role("button", name="Apply", exact=True)).to_be_visible()
    assert settings.rules(office.rt)[0].show_title
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.get_by_text("Every account follows with its next run")).to_be_visible()
    office.settle()
    assert office.titles_there() == ["Busy"]


def test_a_retry_is_followed_until_it_has_ended(look: Look, office: Office) -> None:
    office.settle()
    office.write("Demo")
    office.server.set_access(WORK, "reader")
    office.sync()
    office.server.set_access(WORK, "owner")
    page = look("/history/", office.cast.eli)
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.get_by_text("Waiting for its turn")).to_be_visible()
    carry_out(office)
    expect(page.get_by_text("Created 1.")).to_be_visible()
    assert office.titles_there() == ["Demo"]


def test_a_search_for_duplicates_is_followed_and_a_pair_is_merged(look: Look, office: Office) -> None:
    for uid in ("one@there", "two@there"):
        office.meeting("Review", hours=30, uid=uid)
    office.settle()
    page = look("/duplicates/", office.cast.ada)
    page.get_by_role("button", name="Search again").click()
    expect(page.get_by_text("Searching…")).to_be_visible()
    duplicates.search(office.rt)
    page.get_by_role("link", name="Compare").click()
    page.get_by_label("Keep the newer one").check()
    page.get_by_role("button", name="Merge").click()
    expect(page.get_by_text("Nobody is mailed; you can take it back")).to_be_visible()
    carry_out(office)
    assert office.titles_there() == ["Review"]


def test_going_back_from_a_run_shows_the_list_as_it_was_filtered(look: Look, office: Office) -> None:
    office.meeting()
    office.sync()
    page = look("/history/?tab=inbound", office.cast.ada)
    page.locator("[data-row] a").first.click()
    page.wait_for_url("**/history/1")
    page.go_back()
    expect(page.get_by_role("link", name="Inbound")).to_have_attribute("aria-current", "page")
    expect(page.locator("[data-row]")).to_have_count(1)
