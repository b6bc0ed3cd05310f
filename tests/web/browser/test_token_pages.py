"""The pages of tokens and of the API in a real browser: readable in light, in dark and on a phone."""

import pytest
from playwright.sync_api import expect

from tests.factories import Cast
from tests.web.browser.conftest import Look, faults

pytestmark = pytest.mark.browser


def test_a_token_is_made_and_copied(look: Look, cast: Cast) -> None:
    page = look("/profile/tokens", cast.ada)
    page.get_by_label("Name").fill("CRM")
    page.get_by_role("button", name="Make token").click()
    expect(page.get_by_text("shown only this once")).to_be_visible()
    assert faults(page) == []


def test_service_tokens_are_reached_from_people(look: Look, cast: Cast) -> None:
    page = look("/people/", cast.ada)
    page.get_by_role("link", name="Service tokens").click()
    expect(page.get_by_text("No tokens yet")).to_be_visible()
    assert faults(page) == []


def test_the_api_is_read_by_people(look: Look) -> None:
    page = look("/api/docs")
    page.get_by_text("/api/v1/activities/bulk", exact=True).click()
    expect(page.get_by_text("Every record is answered for itself")).to_be_visible()
    assert faults(page) == []
