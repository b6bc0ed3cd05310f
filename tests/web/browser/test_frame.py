"""What the frame does in a browser: keys, drawer, theme, dialogs, toasts, the content policy."""

import re

import pytest
from playwright.sync_api import expect

from calsync.runtime import Runtime
from calsync.services import settings
from tests import factories
from tests.web.browser.conftest import Look

pytestmark = pytest.mark.browser


def test_j_and_k_walk_the_rows(look: Look, cast: factories.Cast) -> None:
    page = look("/people/", cast.ada)
    rows = page.locator("[data-row]")
    page.keyboard.press("j")
    expect(rows.nth(0)).to_have_class(re.compile("is-current"))
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(rows.nth(1)).to_have_class(re.compile("is-current"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/people/{cast.eli.id}$"))


def test_question_mark_lists_the_keys_and_escape_closes(look: Look, cast: factories.Cast) -> None:
    page = look("/people/", cast.ada)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def test_keys_do_nothing_while_someone_types(look: Look, cast: factories.Cast) -> None:
    page = look("/people/", cast.ada)
    page.get_by_label("Search", exact=True).last.click()
    page.keyboard.type("j?")
    assert page.locator(".is-current").count() == 0
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def test_navigation_is_a_drawer_on_a_phone(look: Look, cast: factories.Cast) -> None:
    page = look("/profile/", cast.ada, phone=True)
    audit = page.get_by_role("link", name="Audit log")
    expect(audit).to_be_hidden()
    page.get_by_role("button", name="Open navigation").click()
    expect(audit).to_be_visible()
    page.keyboard.press("Escape")
    expect(audit).to_be_hidden()
    page.get_by_role("button", name="Open navigation").click()
    audit.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit log")


def test_chosen_theme_beats_the_system_and_stays(look: Look, cast: factories.Cast) -> None:
    page = look("/profile/", cast.ada, scheme="light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_label("Appearance").click()
    page.get_by_role("button", name="Dark").click()
    page.wait_for_load_state()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"


def test_writes_are_paused_after_asking(look: Look, cast: factories.Cast, rt: Runtime) -> None:
    page = look("/profile/", cast.ada)
    page.get_by_role("button", name="Pause all writes").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("nothing is lost")
    dialog.get_by_role("button", name="Keep running").click()
    assert not settings.switches(rt)[0].writes_paused
    page.get_by_role("button", name="Pause all writes").click()
    dialog.get_by_role("button", name="Pause all writes").click()
    expect(page.locator(".strip")).to_contain_text("All writing is paused")
    assert settings.switches(rt)[0].writes_paused
    page.get_by_role("button", name="Resume all writes").click()
    expect(page.locator(".strip")).to_have_count(0)
    assert not settings.switches(rt)[0].writes_paused


def test_ending_another_login_changes_the_table_in_place(look: Look, cast: factories.Cast) -> None:
    other = look("/profile/", cast.eli)
    page = look("/profile/logins", cast.eli)
    expect(page.locator("[data-row]")).to_have_count(2)
    page.evaluate("window.stayed = true")
    page.locator("#logins [data-row]").get_by_role("button", name="Log out").click()
    expect(page.locator("[data-row]")).to_have_count(1)
    assert page.evaluate("window.stayed")
    other.reload()
    expect(other.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_an_error_of_a_part_becomes_a_toast(look: Look, cast: factories.Cast, rt: Runtime) -> None:
    look("/profile/", cast.eli)
    page = look("/profile/logins", cast.eli)
    # The row's login belongs to someone else by now: the answer is a 404.
    page.evaluate(
        "document.querySelector('[data-row] form').setAttribute('hx-post', '/profile/logins/999/end');"
        "htmx.process(document.body)"
    )
    page.locator("#logins [data-row]").get_by_role("button", name="Log out").click()
    expect(page.locator("#toasts [role=alert]")).to_contain_text("There is nothing here")
    expect(page.locator("#logins")).to_be_visible()


def test_lost_connection_becomes_a_toast(look: Look, cast: factories.Cast) -> None:
    look("/profile/", cast.eli)
    page = look("/profile/logins", cast.eli)
    page.route("**/end", lambda route: route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway"))
    page.locator("#logins [data-row]").get_by_role("button", name="Log out").click()
    expect(page.locator("#toasts [role=alert]")).to_contain_text("did not answer as expected")
    expect(page.get_by_text("Bad gateway")).to_have_count(0)


def test_an_expired_login_leads_to_the_login_page(look: Look, cast: factories.Cast) -> None:
    look("/profile/", cast.eli)
    page = look("/profile/logins", cast.eli)
    page.context.clear_cookies()
    page.locator("#logins [data-row]").get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_copying_says_so(look: Look, cast: factories.Cast) -> None:
    page = look("/people/invite", cast.ada)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_label("Email address").fill("nora@example.com")
    page.get_by_role("button", name="Make invite link").click()
    page.get_by_role("button", name="Invite link: copy").click()
    expect(page.locator("#announcement")).to_have_text("Copied")
    assert "/invite/" in page.evaluate("navigator.clipboard.readText()")


def test_a_time_under_the_pointer_can_be_copied(look: Look, cast: factories.Cast) -> None:
    page = look("/profile/logins", cast.eli)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    time = page.locator("time").first
    time.hover()
    page.get_by_role("button", name="Copy this time").click()
    expect(page.locator("#announcement")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == time.get_attribute("datetime")
    page.mouse.move(0, 0)
    expect(page.locator(".copy-time")).to_have_count(0)


def test_back_shows_the_page_not_its_part(look: Look, cast: factories.Cast) -> None:
    look("/profile/", cast.eli)
    page = look("/profile/logins", cast.eli)
    page.locator("#logins [data-row]").get_by_role("button", name="Log out").click()
    expect(page.locator("[data-row]")).to_have_count(1)
    page.get_by_role("link", name="Help").click()
    page.go_back()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Profile")


def test_pages_work_without_scripts(browser, live: str, enter, cast: factories.Cast, rt: Runtime) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=live)
    enter(context, cast.eli)
    page = context.new_page()
    page.goto("/profile/")
    page.get_by_label("Name").fill("Eli Example")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toasts")).to_contain_text("Saved.")
    expect(page.get_by_label("Name")).to_have_value("Eli Example")
    context.close()


def test_first_start_leads_through_the_setup(look: Look, rt: Runtime) -> None:
    page = look("/")
    expect(page).to_have_title(re.compile("Set up"))
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Your email address").fill("ada@example.com")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_label("The same again").fill(factories.PASSWORD)
    page.get_by_role("button", name="Create admin and go on").click()
    page.get_by_label("Organisation name").fill("Northwind Clinics")
    page.get_by_label("Accent colour").fill("#0a7d5a")
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_text("Matches the address in your browser")).to_be_visible()
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("link", name="Northwind Clinics")).to_be_visible()
    organisation, _ = settings.organisation(rt)
    assert (organisation.name, organisation.accent, organisation.tz) == (
        "Northwind Clinics",
        "#0a7d5a",
        "Europe/Berlin",
    )
    assert organisation.is_set_up
    assert "Calsync" not in page.content()


def test_buttons_of_the_first_steps_hold_their_words_on_a_phone(look: Look, cast: factories.Cast) -> None:
    page = look("/overview/", cast.ada, phone=True)
    page.get_by_text("Getting started").wait_for()
    spilling = "all => all.filter(each => each.scrollWidth > each.clientWidth).map(each => each.innerText)"
    buttons = page.locator(".checklist .btn")
    assert buttons.count() > 3
    assert buttons.evaluate_all(spilling) == []
