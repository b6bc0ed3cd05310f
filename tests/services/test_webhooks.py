"""Webhooks as admins manage them: what can be an address, secrets, switching, and who may."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import select

from calsync.engine.webhooks import Happening
from calsync.errors import NotAllowed, NotFound, Refused
from calsync.runtime import CLI, Runtime
from calsync.services import rotate, webhook_secrets, webhooks
from calsync.store import tables as t
from calsync.store import webhooks as rows
from calsync.store.secrets import Secrets, make_key
from tests import factories

URL = "https://crm.example.com/hooks"
EVENTS = ["activity.updated", "activity.created"]


def make(rt: Runtime, url: str = URL, events: Any = EVENTS) -> t.Webhook:
    return webhooks.create(rt, url, events, by=CLI)[0]


def audited(rt: Runtime) -> list[str]:
    with rt.reading() as session:
        return [entry.action for entry in session.exec(select(t.AuditEntry).order_by(t.AuditEntry.id))]


def test_a_new_webhook_is_on_and_knows_its_events_in_order(rt: Runtime) -> None:
    webhook, secret = webhooks.create(rt, f"  {URL} ", EVENTS, description=" CRM ", by=CLI)
    assert (webhook.url, webhook.description, webhook.state) == (URL, "CRM", "on")
    assert webhook.events == ["activity.created", "activity.updated"]
    assert secret.startswith("whsec_")
    assert webhook.secret_hint == secret[-5:-1]  # without the padding that every one has


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "invalid"),
        ("crm.example.com", "invalid"),
        ("ftp://crm.example.com", "invalid"),
        ("https://", "invalid"),
        ("https://crm.example.com:port", "invalid"),
        ("https://crm.example.com:0/", "invalid"),
        ("https://[::1", "invalid"),
        ("https://ada:secret@crm.example.com/", "invalid"),
        ("https://crm.example.com/#part", "invalid"),
        ("https://crm.example.com/" + "x" * 1000, "invalid"),
        ("http://crm.example.com/", "insecure"),
        ("https://localhost/", "private_network"),
        ("https://crm.local/", "private_network"),
        ("https://10.0.0.7/", "private_network"),
        ("https://[::1]/", "private_network"),
        ("https://169.254.169.254/latest/meta-data", "private_network"),
    ],
)
def test_what_cannot_be_an_address_is_refused(rt: Runtime, url: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        make(rt, url)
    assert (refused.value.code, refused.value.field) == (code, "url")
    known = make(rt)
    with pytest.raises(Refused):
        webhooks.edit(rt, t.pk(known), url=url, by=CLI)


def test_private_networks_are_addresses_where_the_operator_allows_them(rt: Runtime) -> None:
    open_rt = replace(rt, settings=rt.settings.model_copy(update={"allow_private_networks": True}))
    assert make(open_rt, "http://crm.local:8080/hooks").url == "http://crm.local:8080/hooks"


@pytest.mark.parametrize("events", [[], ["activity.exploded"], ["activity.created", ""]])
def test_events_are_chosen_from_the_list(rt: Runtime, events: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        make(rt, events=events)
    assert refused.value.field == "events"


def test_only_admins_manage_webhooks(rt: Runtime) -> None:
    eli, webhook = factories.acting(factories.make_user(rt, "Eli")), make(rt)
    webhook_id = t.pk(webhook)
    for attempt in (
        lambda: webhooks.create(rt, URL, EVENTS, by=eli),
        lambda: webhooks.edit(rt, webhook_id, description="mine", by=eli),
        lambda: webhooks.switch(rt, webhook_id, on=False, by=eli),
        lambda: webhooks.remove(rt, webhook_id, by=eli),
        lambda: webhooks.secret(rt, webhook_id, by=eli),
        lambda: webhooks.rotate(rt, webhook_id, by=eli),
        lambda: webhooks.send_test(rt, webhook_id, "run.held", by=eli),
        lambda: webhooks.resend(rt, 1, by=eli),
        lambda: webhooks.resend_failed(rt, webhook_id, rt.now(), by=eli),
    ):
        with pytest.raises(NotAllowed):
            attempt()


def test_there_is_a_bound(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "MOST", 2)
    make(rt), make(rt)
    with pytest.raises(Refused) as refused:
        make(rt)
    assert refused.value.code == "too_many"


def test_an_edit_that_somebody_overtook_is_refused(rt: Runtime) -> None:
    webhook = make(rt)
    webhooks.edit(rt, t.pk(webhook), description="first", version=1, by=CLI)
    for attempt in (
        lambda: webhooks.edit(rt, t.pk(webhook), description="second", version=1, by=CLI),
        lambda: webhooks.switch(rt, t.pk(webhook), on=False, version=1, by=CLI),
        lambda: webhooks.remove(rt, t.pk(webhook), version=1, by=CLI),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.code == "stale"
    with rt.reading() as session:
        assert rows.get(session, t.pk(webhook)).description == "first"


def test_everything_is_audited_and_no_secret_with_it(rt: Runtime) -> None:
    webhook = make(rt)
    webhook_id = t.pk(webhook)
    secrets = [webhooks.secret(rt, webhook_id, by=CLI), webhooks.rotate(rt, webhook_id, by=CLI)]
    webhooks.send_test(rt, webhook_id, "run.held", by=CLI)
    webhooks.edit(rt, webhook_id, events=["run.held"], by=CLI)
    webhooks.switch(rt, webhook_id, on=False, by=CLI)
    webhooks.switch(rt, webhook_id, on=False, by=CLI)
    webhooks.switch(rt, webhook_id, on=True, by=CLI)
    webhooks.remove(rt, webhook_id, by=CLI)
    names = "created secret_shown rotated tested changed switched_off switched_on removed"
    assert audited(rt) == [f"webhook.{name}" for name in names.split()]
    with rt.reading() as session:
        log = str([entry.model_dump() for entry in session.exec(select(t.AuditEntry))])
    assert not any(secret in log for secret in secrets)


def test_what_is_removed_is_gone_with_its_messages(rt: Runtime) -> None:
    webhook = make(rt)
    webhooks.send_test(rt, t.pk(webhook), "run.held", by=CLI)
    webhooks.remove(rt, t.pk(webhook), by=CLI)
    with rt.reading() as session:
        assert list(session.exec(select(t.Delivery))) == []
    with pytest.raises(NotFound):
        webhooks.secret(rt, t.pk(webhook), by=CLI)


@pytest.mark.parametrize("event", list(Happening))
def test_a_test_can_be_of_any_type(rt: Runtime, event: Happening) -> None:
    webhook = make(rt)
    sent = webhooks.send_test(rt, t.pk(webhook), event, by=CLI)
    assert (sent.type, sent.is_test, sent.data, sent.state) == (event, True, {"test": True}, "waiting")


def test_nothing_is_tested_while_it_is_off(rt: Runtime) -> None:
    webhook = make(rt)
    webhooks.switch(rt, t.pk(webhook), on=False, by=CLI)
    with pytest.raises(Refused) as refused:
        webhooks.send_test(rt, t.pk(webhook), "run.held", by=CLI)
    assert refused.value.code == "off"


def test_secrets_are_sealed_and_follow_a_new_key(rt: Runtime) -> None:
    webhook = make(rt)
    shown = webhooks.secret(rt, t.pk(webhook), by=CLI)
    with rt.reading() as session:
        stored = session.execute(sa.select(t.Webhook.secret)).scalar_one()
    assert shown.encode() not in stored
    newer = replace(rt, secrets=Secrets([make_key(), *rt.settings.key_texts]))
    with newer.writing() as session:
        row = rows.get(session, t.pk(webhook))
        row.secret = newer.secrets.rotate(row.secret or b"")
    assert webhooks.secret(newer, t.pk(webhook), by=CLI) == shown


def test_a_new_key_reseals_them(rt: Runtime) -> None:
    columns = {str(column) for column in rotate.sealed.columns()}
    assert "webhook.secret" in columns


def test_after_rotating_twice_all_three_secrets_sign_for_their_day(rt: Runtime, clock: factories.Clock) -> None:
    webhook, first = webhooks.create(rt, URL, EVENTS, by=CLI)
    second = webhooks.rotate(rt, t.pk(webhook), by=CLI)
    clock.advance(hours=12)
    third = webhooks.rotate(rt, t.pk(webhook), by=CLI)
    with rt.reading() as session:
        keys = webhook_secrets.of(rt, rows.get(session, t.pk(webhook)))
    assert keys.signing(clock()) == [third, second, first]
    assert keys.signing(clock() + timedelta(hours=12)) == [third, second]
    assert keys.signing(clock() + timedelta(hours=24)) == [third]
