"""The pages of webhooks in a real browser: readable in every state, and a test message from click to answer."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from calsync.engine.webhooks import Happening
from calsync.runtime import CLI, Runtime
from calsync.services import webhook_delivery, webhooks
from calsync.store import tables as t
from calsync.store import webhooks as rows
from tests import factories
from tests.parts.receiver import Answer, Receiver
from tests.web.browser.conftest import Look, faults

pytestmark = pytest.mark.browser

ALL = [str(each) for each in Happening]


def opened(rt: Runtime) -> Runtime:
    """Return a runtime that may send to this machine."""
    return replace(rt, settings=rt.settings.model_copy(update={"allow_private_networks": True}))


@pytest.fixture
def filled(rt: Runtime, receiver: Receiver) -> list[int]:
    """Four webhooks, one in each state, with messages that arrived, wait and were given up."""
    wide = opened(rt)
    made = [
        webhooks.create(wide, receiver.url, ALL, description="Our CRM", by=CLI)[0],
        webhooks.create(wide, f"{receiver.url}/very/long/address/of/a/receiver/of/messages", ALL[6:9], by=CLI)[0],
        webhooks.create(wide, f"{receiver.url}/off", ["run.held"], description="Operations", by=CLI)[0],
        webhooks.create(wide, f"{receiver.url}/failed", ALL[:6], description="Old reporting", by=CLI)[0],
    ]
    receiver.answer = lambda got: Answer(500, body=b"<h1>Oops</h1>") if "long" in got.path else Answer(200, body=b"ok")
    for hook in made:
        for event in ("activity.created", "integration.synced", "booking.rescheduled"):
            webhooks.send_test(wide, t.pk(hook), event, by=CLI)
    for hook in made[:2]:
        webhook_delivery.deliver(wide, t.pk(hook))
    webhooks.switch(wide, t.pk(made[2]), on=False, by=CLI)
    with rt.writing() as session:
        row = rows.get(session, t.pk(made[3]))
        row.state, row.off_at, row.failing_since = "failed", rt.now(), rt.now() - timedelta(days=5)
    return [t.pk(hook) for hook in made]


@pytest.mark.parametrize("path", ["", "new", "inbound"])
def test_empty_pages_are_readable(path: str, look: Look, cast: factories.Cast) -> None:
    assert faults(look(f"/webhooks/{path}", cast.ada)) == []


@pytest.mark.parametrize(
    "path", ["", "{0}", "{1}", "{2}?tab=failed", "{3}", "{0}/edit", "{0}/messages/1", "{1}/messages/4"]
)
def test_full_pages_are_readable(path: str, look: Look, cast: factories.Cast, filled: list[int]) -> None:
    assert faults(look(f"/webhooks/{path.format(*filled)}", cast.ada)) == []


def test_a_test_message_is_watched_until_it_has_arrived(
    look: Look, cast: factories.Cast, rt: Runtime, receiver: Receiver
) -> None:
    wide = opened(rt)
    webhook_id = t.pk(webhooks.create(wide, receiver.url, ["run.held"], by=CLI)[0])
    page = look(f"/webhooks/{webhook_id}", cast.ada)
    page.get_by_label("Event").select_option("run.held")
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_text("Pending")).to_be_visible()
    webhook_delivery.deliver(wide, webhook_id)
    expect(page.get_by_text("Delivered")).to_be_visible()
    expect(page.locator("#delivery")).not_to_have_attribute("hx-get", re.compile("."))
    assert [got.type for got in receiver.got] == ["run.held"]


def test_the_secret_is_shown_rotated_and_copied(look: Look, cast: factories.Cast, rt: Runtime) -> None:
    webhook, secret = webhooks.create(rt, "https://crm.example.com/hooks", ["run.held"], by=CLI)
    page = look(f"/webhooks/{webhook.id}", cast.ada)
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("Secret", exact=True)).to_have_value(secret)
    page.go_back()
    page.get_by_role("button", name="Rotate").click()
    page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    expect(page.get_by_label("Secret", exact=True)).not_to_have_value(secret)
    expect(page.get_by_label("Secret", exact=True)).to_have_value(webhooks.secret(rt, t.pk(webhook), by=CLI))
