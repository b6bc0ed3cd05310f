"""Webhooks: addresses that are told of what happens, and what became of every message. For admins."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from calsync.engine.vocabulary import Scope
from calsync.engine.webhooks import Happening
from calsync.errors import Refused
from calsync.services import webhooks
from calsync.store import tables as t
from calsync.store import webhooks as rows
from webapp import webhook_view
from webapp.api import paging
from webapp.api.operations import Answer, Call, operation
from webapp.api.paging import Listed, Paged
from webapp.api.schemas.base import Sent, Time, Told

TAG = "Webhooks"

STATES = {"pending": rows.WAITING, "delivered": rows.DELIVERED, "failed": rows.FAILED}
_NAMES = {stored: name for name, stored in STATES.items()}


class WebhookNew(Sent):
    url: str = Field(min_length=1, max_length=1000, examples=["https://crm.example.com/hooks"])
    events: list[Happening] = Field(min_length=1, max_length=len(Happening))
    description: str = Field("", max_length=200)


class WebhookPatch(Sent):
    """What is to change. What is left out stays."""

    url: str | None = Field(None, min_length=1, max_length=1000)
    events: list[Happening] | None = Field(None, min_length=1, max_length=len(Happening))
    description: str | None = Field(None, max_length=200)
    is_on: bool | None = Field(None, description="False: nothing more is sent, and nothing kept for it")


class WebhookTest(Sent):
    event: Happening


class ResendFailed(Sent):
    since: datetime = Field(description="With its offset, as 2030-01-09T10:00:00Z")


class MessageQuery(Paged):
    state: Literal["pending", "delivered", "failed"] | None = None


class WebhookOut(Told):
    id: str
    url: str
    description: str
    events: list[str]
    state: str = Field(description="on, off (somebody switched it off), or failed (five days without success)")
    off_at: Time | None
    secret_ends: str = Field(description="The last characters of the secret")
    old_secret_until: Time | None = Field(description="Until then the secret before this one signs as well")
    created_at: Time


class WebhookHealth(Told):
    """How deliveries go. Shares are of the tries of the last 24 hours, null without any."""

    success_percent: int | None
    p95_ms: int | None
    failing_since: Time | None
    last_failed_at: Time | None
    last_delivered_at: Time | None
    next_retry_at: Time | None


class WebhookSecret(Told):
    secret: str


class WebhookMessage(Told):
    id: str = Field(description="The header Webhook-Id of every try")
    type: str
    timestamp: Time
    data: dict[str, Any]
    is_test: bool
    state: str = Field(description="pending, delivered or failed")
    next_try_at: Time | None


class WebhookTry(Told):
    at: Time
    status: int | None = Field(description="What was answered; null for no answer")
    took_ms: int
    error: str | None = Field(description="Why it failed: unreachable, timeout, redirect, refused, ...")
    answer: str = Field(description="At most 2 KB of the body")


class WebhookMessageDetails(WebhookMessage):
    tries: list[WebhookTry] = Field(description="Newest first")


class Resent(Told):
    messages: int


class WebhookList(Listed[WebhookOut]):
    pass


class WebhookMessageList(Listed[WebhookMessage]):
    pass


@operation("GET", "/webhooks", Scope.ADMIN, tag=TAG, query=Paged, answer=WebhookList)
def list_webhooks(call: Call) -> WebhookList:
    """List webhooks"""
    with call.rt.reading() as session:
        found = rows.page_of_webhooks(session, call.query.cut())
    part = paging.listed(found, _told, lambda row: (row.id,))
    return WebhookList(items=part.items, next=part.next)


@operation("GET", "/webhooks/<id>", Scope.ADMIN, tag=TAG, answer=WebhookOut)
def show_webhook(call: Call, id: str) -> WebhookOut:
    """Show a webhook"""
    return _told(_row(call, id))


@operation(
    "POST", "/webhooks", Scope.ADMIN, tag=TAG, body=WebhookNew, answer=WebhookOut, status=201, problems=(404, 409)
)
def create_webhook(call: Call) -> Answer:
    """Add a webhook

    It is on at once. Its secret is at `/webhooks/{id}/secret`.
    """
    sent: WebhookNew = call.body
    made, _ = webhooks.create(call.rt, sent.url, sent.events, description=sent.description, by=call.by)
    return Answer(_told(made), 201, {"Location": f"/api/v1/webhooks/{made.public_id}"})


@operation(
    "PATCH",
    "/webhooks/<id>",
    Scope.ADMIN,
    tag=TAG,
    body=WebhookPatch,
    answer=WebhookOut,
    current=show_webhook,
    problems=(409,),
)
def edit_webhook(call: Call, id: str) -> WebhookOut:
    """Change a webhook, or switch it on or off

    What waited while it was off for failing leaves as it is switched on.
    """
    sent: WebhookPatch = call.body
    row_id = t.pk(_row(call, id))
    webhooks.edit(call.rt, row_id, url=sent.url, events=sent.events, description=sent.description, by=call.by)
    if sent.is_on is not None:
        webhooks.switch(call.rt, row_id, on=sent.is_on, by=call.by)
    return show_webhook(call, id)


@operation("DELETE", "/webhooks/<id>", Scope.ADMIN, tag=TAG, status=204, current=show_webhook)
def remove_webhook(call: Call, id: str) -> None:
    """Remove a webhook

    Its log and everything that waits for it go, too.
    """
    webhooks.remove(call.rt, t.pk(_row(call, id)), by=call.by)


@operation("GET", "/webhooks/<id>/health", Scope.ADMIN, tag=TAG, answer=WebhookHealth)
def show_webhook_health(call: Call, id: str) -> WebhookHealth:
    """Show how deliveries to a webhook go"""
    row = _row(call, id)
    with call.rt.reading() as session:
        next_try_at = rows.next_tries(session).get(t.pk(row))
    line = webhook_view.line(row, next_try_at, call.rt.now())
    return WebhookHealth(
        success_percent=line.success,
        p95_ms=line.p95_ms,
        failing_since=row.failing_since,
        last_failed_at=row.last_failed_at,
        last_delivered_at=row.last_delivered_at,
        next_retry_at=line.next_try_at,
    )


@operation("GET", "/webhooks/<id>/secret", Scope.ADMIN, tag=TAG, answer=WebhookSecret)
def show_webhook_secret(call: Call, id: str) -> WebhookSecret:
    """Show a webhook's secret

    That it was read is in the audit log.
    """
    return WebhookSecret(secret=webhooks.secret(call.rt, t.pk(_row(call, id)), by=call.by))


@operation("POST", "/webhooks/<id>/rotate", Scope.ADMIN, tag=TAG, answer=WebhookOut)
def rotate_webhook_secret(call: Call, id: str) -> WebhookOut:
    """Give a webhook a new secret

    For 24 hours the old one signs as well. The new one is at `/webhooks/{id}/secret`.
    """
    webhooks.rotate(call.rt, t.pk(_row(call, id)), by=call.by)
    return show_webhook(call, id)


@operation("POST", "/webhooks/<id>/test", Scope.ADMIN, tag=TAG, body=WebhookTest, answer=WebhookMessage, status=202)
def send_webhook_test(call: Call, id: str) -> WebhookMessage:
    """Send a test message to a webhook"""
    return _told_message(webhooks.send_test(call.rt, t.pk(_row(call, id)), call.body.event, by=call.by))


@operation("POST", "/webhooks/<id>/resend-failed", Scope.ADMIN, tag=TAG, body=ResendFailed, answer=Resent, status=202)
def resend_failed_messages(call: Call, id: str) -> Resent:
    """Send everything again that was given up since then"""
    since: datetime = call.body.since
    if since.tzinfo is None:
        raise Refused("Give the time with its offset, as 2030-01-09T10:00:00Z.", code="invalid", field="since")
    return Resent(messages=webhooks.resend_failed(call.rt, t.pk(_row(call, id)), since, by=call.by))


@operation("GET", "/webhooks/<id>/messages", Scope.ADMIN, tag=TAG, query=MessageQuery, answer=WebhookMessageList)
def list_webhook_messages(call: Call, id: str) -> WebhookMessageList:
    """List the messages to a webhook, newest first"""
    asked: MessageQuery = call.query
    row = _row(call, id)
    with call.rt.reading() as session:
        found = rows.list_deliveries(session, t.pk(row), STATES.get(asked.state or "", ""), asked.cut())
    part = paging.listed(found, _told_message, lambda each: (each.id,))
    return WebhookMessageList(items=part.items, next=part.next)


@operation("GET", "/webhooks/<id>/messages/<message_id>", Scope.ADMIN, tag=TAG, answer=WebhookMessageDetails)
def show_webhook_message(call: Call, id: str, message_id: str) -> WebhookMessageDetails:
    """Show a message with its tries"""
    delivery = _message(call, id, message_id)
    with call.rt.reading() as session:
        tries = rows.list_tries(session, t.pk(delivery))
    return WebhookMessageDetails(**_told_message(delivery).model_dump(), tries=[_told_try(each) for each in tries])


@operation(
    "POST", "/webhooks/<id>/messages/<message_id>/resend", Scope.ADMIN, tag=TAG, answer=WebhookMessage, status=202
)
def resend_webhook_message(call: Call, id: str, message_id: str) -> WebhookMessage:
    """Send a message again, under its old id"""
    return _told_message(webhooks.resend(call.rt, t.pk(_message(call, id, message_id)), by=call.by))


def _row(call: Call, id: str) -> t.Webhook:
    with call.rt.reading() as session:
        return rows.get_public(session, id)


def _message(call: Call, id: str, message_id: str) -> t.Delivery:
    with call.rt.reading() as session:
        return rows.get_public_delivery(session, t.pk(rows.get_public(session, id)), message_id)


def _told(row: t.Webhook) -> WebhookOut:
    return WebhookOut(
        id=row.public_id,
        url=row.url,
        description=row.description,
        events=row.events,
        state=row.state,
        off_at=row.off_at,
        secret_ends=row.secret_hint,
        old_secret_until=row.old_secret_until,
        created_at=row.created_at,
    )


def _told_message(row: t.Delivery) -> WebhookMessage:
    return WebhookMessage(
        id=row.public_id,
        type=row.type,
        timestamp=row.at,
        data=row.data,
        is_test=row.is_test,
        state=_NAMES[row.state],
        next_try_at=row.next_try_at,
    )


def _told_try(row: t.DeliveryTry) -> WebhookTry:
    return WebhookTry(
        at=row.at, status=row.status, took_ms=row.took_ms, error=row.error or None, answer=row.answer or row.detail
    )
