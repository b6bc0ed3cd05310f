"""The pages of webhooks: adding, changing, testing, what became of messages, sending again."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlmodel import col, select

from calsync.engine.webhooks import Happening
from calsync.runtime import CLI, Runtime
from calsync.services import notices, webhooks
from calsync.store import tables as t
from calsync.store import webhooks as rows
from tests import factories
from tests.factories import Clock
from tests.web.conftest import HTMX, text_of

URL = "https://crm.example.com/hooks"
GOOD = {"url": URL, "description": "Our CRM", "events": ["activity.created", "run.held"]}


@pytest.fixture
def hook(rt: Runtime) -> t.Webhook:
    return webhooks.create(rt, URL, ["activity.created", "run.held"], by=CLI)[0]


def of(rt: Runtime, hook: t.Webhook) -> t.Webhook:
    with rt.reading() as session:
        return rows.get(session, t.pk(hook))


def deliveries(rt: Runtime) -> list[t.Delivery]:
    with rt.reading() as session:
        return list(session.exec(select(t.Delivery).order_by(col(t.Delivery.id))))


def send(rt: Runtime, hook: t.Webhook, state: str = "waiting", event: str = "run.held", **tried: Any) -> t.Delivery:
    """Return a message in a state, with a try of `tried` where that is given."""
    sent = webhooks.send_test(rt, t.pk(hook), event, by=CLI)
    with rt.writing() as session:
        row = session.get_one(t.Delivery, sent.id)
        row.state, row.status, row.error = state, tried.get("status"), tried.get("error", "")
        row.next_try_at = row.next_try_at if state == "waiting" else None
        if tried:
            session.add(t.DeliveryTry(delivery_id=t.pk(row), at=rt.now(), **{"took_ms": 42, **tried}))
    return sent


# --- adding and changing


def test_empty_page_says_what_to_do(ada: FlaskClient) -> None:
    page = text_of(ada.get("/webhooks/").text)
    assert "Nobody is told anything yet" in page
    assert "Add webhook" in page


def test_a_webhook_is_added(ada: FlaskClient, rt: Runtime) -> None:
    assert "activity.created" in ada.get("/webhooks/new").text
    answer = ada.post("/webhooks/new", data=GOOD)
    assert answer.status_code == 303
    with rt.reading() as session:
        (made,) = rows.list_webhooks(session)
    assert (made.url, made.description, made.events) == (URL, "Our CRM", ["activity.created", "run.held"])
    assert answer.location == f"/webhooks/{made.id}"
    assert "No message yet" in ada.get(answer.location).text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"url": ""}, "Give the address"),
        ({"url": "crm.example.com"}, "This is no web address"),
        ({"url": "http://crm.example.com"}, "https only"),
        ({"url": "https://192.168.1.7/"}, "private network"),
        ({"events": []}, "Choose at least one event"),
        ({"events": ["activity.exploded"]}, "not a valid choice"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    ada: FlaskClient, hook: t.Webhook, change: dict[str, Any], told: str
) -> None:
    for path in ("/webhooks/new", f"/webhooks/{hook.id}/edit"):
        page = ada.post(path, data={**GOOD, **change})
        assert page.status_code == 422
        assert told in page.text
        assert 'value="Our CRM"' in page.text


def test_a_webhook_is_changed(ada: FlaskClient, rt: Runtime, hook: t.Webhook) -> None:
    form = ada.get(f"/webhooks/{hook.id}/edit").text
    assert f'value="{URL}"' in form
    assert len(re.findall(r"<input checked[^>]*name=\"events\"|name=\"events\"[^>]*checked", form)) == 2
    data = {**GOOD, "url": f"{URL}/2", "version": 1}
    assert ada.post(f"/webhooks/{hook.id}/edit", data=data).status_code == 303
    assert of(rt, hook).url == f"{URL}/2"
    late = ada.post(f"/webhooks/{hook.id}/edit", data={**data, "url": f"{URL}/3"})
    assert late.status_code == 422
    assert "Somebody changed this webhook meanwhile" in late.text


def test_it_is_switched_off_and_on(ada: FlaskClient, rt: Runtime, hook: t.Webhook) -> None:
    ada.post(f"/webhooks/{hook.id}/switch", data={"on": "0"})
    assert of(rt, hook).state == "off"
    assert "Switch on" in ada.get(f"/webhooks/{hook.id}").text
    ada.post(f"/webhooks/{hook.id}/switch", data={"on": "1"})
    assert of(rt, hook).state == "on"


def test_it_is_removed(ada: FlaskClient, rt: Runtime, hook: t.Webhook) -> None:
    assert ada.post(f"/webhooks/{hook.id}/remove").status_code == 303
    assert ada.get(f"/webhooks/{hook.id}").status_code == 404


# --- the secret


def test_the_secret_is_shown_when_it_is_asked_for_and_only_then(ada: FlaskClient, rt: Runtime, hook: t.Webhook) -> None:
    secret = webhooks.secret(rt, t.pk(hook), by=CLI)
    assert secret not in ada.get(f"/webhooks/{hook.id}").text
    assert f'value="{secret}"' in ada.post(f"/webhooks/{hook.id}/secret").text
    rotated = ada.post(f"/webhooks/{hook.id}/rotate").text
    assert secret not in rotated
    assert f'value="{webhooks.secret(rt, t.pk(hook), by=CLI)}"' in rotated
    assert "signs as well" in text_of(ada.get(f"/webhooks/{hook.id}").text)


# --- messages


def test_the_list_says_how_each_does(ada: FlaskClient, rt: Runtime, hook: t.Webhook, clock: Clock) -> None:
    old, now = (clock() - timedelta(days=2)).timestamp(), clock().timestamp()
    with rt.writing() as session:
        row = rows.get(session, t.pk(hook))
        row.recent = [[old, 9000, 0], *([now, 10 * n, 1] for n in range(1, 20)), [now, 3000, 0]]
        row.failing_since = row.last_failed_at = clock() - timedelta(minutes=5)
    page = text_of(ada.get("/webhooks/").text)
    assert "2: activity, run Failing 95 % 190 ms 5 min ago" in page
    assert hook.secret_hint in page


def test_tabs_sort_messages_by_what_became_of_them(ada: FlaskClient, rt: Runtime, hook: t.Webhook) -> None:
    ids = {state: send(rt, hook, state, status=500).public_id for state in rows.STATES}
    for tab, state in (("delivered", "delivered"), ("pending", "waiting"), ("failed", "failed")):
        page = ada.get(f"/webhooks/{hook.id}?tab={tab}").text
        assert [other for other, public_id in ids.items() if public_id in page] == [state]
    assert all(public_id in ada.get(f"/webhooks/{hook.id}").text for public_id in ids.values())


def test_a_long_log_is_paged(ada: FlaskClient, rt: Runtime, hook: t.Webhook) -> None:
    first, *_ = [send(rt, hook).public_id for _ in range(51)]
    page = ada.get(f"/webhooks/{hook.id}?tab=pending").text
    assert first not in page
    older = re.search(r'href="([^"]*after=[^"]*)"', page)
    assert older is not None
    assert first in ada.get(older.group(1).replace("&amp;", "&")).text


def test_a_message_shows_its_tries_and_what_was_answered(ada: FlaskClient, rt: Runtime, hook: t.Webhook) -> None:
    sent = send(rt, hook, "failed", status=503, error="refused", answer="<b>down for maintenance</b>")
    page = ada.get(f"/webhooks/{hook.id}/messages/{sent.id}").text
    assert "&lt;b&gt;down for maintenance&lt;/b&gt;" in page
    assert "503" in text_of(page)
    assert sent.public_id in page
    assert "&#34;test&#34;: true" in page


def test_a_message_that_is_about_to_leave_is_watched(
    ada: FlaskClient, rt: Runtime, hook: t.Webhook, clock: Clock
) -> None:
    sent = send(rt, hook)
    url = f"/webhooks/{hook.id}/messages/{sent.id}"
    assert "every 2s" in ada.get(url).text
    part = ada.get(url, headers=HTMX).text
    assert part.strip().startswith('<div class="stack" id="delivery"')
    clock.advance(hours=1)
    assert "every 2s" not in ada.get(url).text


def test_a_message_of_another_webhook_is_not_here(ada: FlaskClient, rt: Runtime, hook: t.Webhook) -> None:
    other = webhooks.create(rt, f"{URL}/2", ["run.held"], by=CLI)[0]
    sent = send(rt, other)
    assert ada.get(f"/webhooks/{hook.id}/messages/{sent.id}").status_code == 404
    assert ada.post(f"/webhooks/{hook.id}/messages/{sent.id}/resend").status_code == 404


def test_a_test_is_sent_and_its_page_opened(ada: FlaskClient, rt: Runtime, hook: t.Webhook) -> None:
    answer = ada.post(f"/webhooks/{hook.id}/test", data={"event": "booking.created"})
    (sent,) = deliveries(rt)
    assert (sent.type, sent.is_test) == ("booking.created", True)
    assert answer.location == f"/webhooks/{hook.id}/messages/{sent.id}"
    assert ada.post(f"/webhooks/{hook.id}/test", data={"event": "nothing"}).status_code == 422
    webhooks.switch(rt, t.pk(hook), on=False, by=CLI)
    refused = ada.post(f"/webhooks/{hook.id}/test", data={"event": "run.held"})
    assert refused.status_code == 409
    assert "Switch it on first" in refused.text


def test_one_message_and_all_that_failed_are_sent_again(ada: FlaskClient, rt: Runtime, hook: t.Webhook) -> None:
    first, second = send(rt, hook, "failed", status=500), send(rt, hook, "failed", status=500)
    ada.post(f"/webhooks/{hook.id}/messages/{first.id}/resend")
    assert [each.state for each in deliveries(rt)] == ["waiting", "failed"]
    ada.post(f"/webhooks/{hook.id}/resend-failed", data={"since": "2030-01-08"})
    assert [each.state for each in deliveries(rt)] == ["waiting", "failed"]
    answer = ada.post(f"/webhooks/{hook.id}/resend-failed", data={"since": "2030-01-07"}, follow_redirects=True)
    assert "1 message is sent again" in text_of(answer.text)
    assert [each.state for each in deliveries(rt)] == ["waiting", "waiting"]
    assert ada.post(f"/webhooks/{hook.id}/resend-failed", data={"since": "someday"}).status_code == 422
    assert second.id != first.id


@pytest.mark.parametrize("error", ["unreachable", "timeout", "certificate", "private_network", "redirect", "novel"])
def test_why_there_was_no_answer_is_said_in_words(ada: FlaskClient, rt: Runtime, hook: t.Webhook, error: str) -> None:
    sent = send(rt, hook, "failed", error=error, detail="raw words")
    page = text_of(ada.get(f"/webhooks/{hook.id}/messages/{sent.id}").text)
    assert "raw words" in page
    assert f"Why {error} " not in page


def test_every_event_is_explained(ada: FlaskClient) -> None:
    page = text_of(ada.get("/webhooks/new").text)
    for event in Happening:
        assert re.search(rf"{re.escape(event)} — [A-Z]", page), event


# --- notices, the other direction, who may


def test_a_webhook_that_was_switched_off_says_so_everywhere(
    ada: FlaskClient, rt: Runtime, hook: t.Webhook, cast: factories.Cast
) -> None:
    with rt.writing() as session:
        row = rows.get(session, t.pk(hook))
        row.state, row.off_at = "failed", rt.now()
    notices.watch(rt)
    page = ada.get("/notices/").text
    assert "crm.example.com took no message for five days" in text_of(page)
    assert f'href="/webhooks/{hook.id}"' in page
    assert "Switched off" in ada.get("/webhooks/").text
    assert "What happens is kept" in text_of(ada.get(f"/webhooks/{hook.id}").text)


def test_channels_of_providers_are_listed(ada: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    assert "No provider tells us of changes" in text_of(ada.get("/webhooks/inbound").text)
    account = factories.make_account(rt, cast.eli, provider="google")
    calendar = factories.make_calendar(rt, account)
    with rt.writing() as session:
        opened = {"state": "open", "opened_at": rt.now(), "expires_at": rt.now() + timedelta(days=7)}
        session.add(
            t.Channel(account_id=account.id, calendar_id=calendar.id, channel_id="c", created_at=rt.now(), **opened)
        )
    page = text_of(ada.get("/webhooks/inbound").text)
    assert re.search(r"Work eli@example.com Google\S* (Calendar )?Open just now in 7 d", page)


def test_only_admins_find_it_in_the_navigation(ada: FlaskClient, eli: FlaskClient) -> None:
    assert 'href="/webhooks/"' in ada.get("/profile/").text
    assert 'href="/webhooks/"' not in eli.get("/profile/").text
