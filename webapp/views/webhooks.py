"""Webhooks, for admins: addresses of programs that are told of what happens, and what became of every message."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for

from calsync.engine.webhooks import Happening
from calsync.errors import NotFound
from calsync.services import channels as channel_service
from calsync.services import webhooks
from calsync.store import channels
from calsync.store import tables as t
from calsync.store import webhooks as rows
from webapp import errors, moments, paging, security, webhook_view, words
from webapp.access import Role, actor, role_required, runtime
from webapp.forms.webhooks import ResendForm, WebhookForm, WebhookTestForm
from webapp.fragments import page

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")

TABS = {"delivered": rows.DELIVERED, "pending": rows.WAITING, "failed": rows.FAILED}


@bp.get("/")
@role_required(Role.ADMIN)
def index() -> Any:
    with runtime().reading() as session:
        lines = webhook_view.lines(session, moments.now())
    return page("webhooks/index.html", lines=lines)


@bp.get("/inbound")
@role_required(Role.ADMIN)
def inbound() -> Any:
    """Show the channels by which providers tell us."""
    with runtime().reading() as session:
        found = channels.list_channels(session, paging.asked())
    return page("webhooks/inbound.html", lines=found.rows, pager=paging.pager(found, key=lambda line: (line[0].id,)))


@bp.post("/inbound/<int:channel_id>/renew")
@role_required(Role.ADMIN)
def renew(channel_id: int) -> Any:
    channel_service.renew(runtime(), channel_id, by=actor())
    flash("A new channel is being opened; the old one is stopped then.", "info")
    return redirect(url_for("webhooks.inbound"), 303)


@bp.route("/new", methods=["GET", "POST"])
@role_required(Role.ADMIN)
def new() -> Any:
    form = WebhookForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            text = form.description.data or ""
            made, _ = webhooks.create(runtime(), form.url.data, form.events.data, description=text, by=actor())
            flash("Saved. Give its secret to the receiver, then send a test.")
            return redirect(url_for("webhooks.show", webhook_id=made.id), 303)
    if not form.is_submitted():
        form.events.data = [str(each) for each in Happening]
    return page("webhooks/form.html", status=422 if form.errors else 200, form=form, webhook=None)


@bp.get("/<int:webhook_id>")
@role_required(Role.ADMIN)
def show(webhook_id: int) -> Any:
    return _show(webhook_id)


@bp.route("/<int:webhook_id>/edit", methods=["GET", "POST"])
@role_required(Role.ADMIN)
def edit(webhook_id: int) -> Any:
    webhook = _get(webhook_id)
    form = WebhookForm(obj=webhook, data={"version": webhook.row_version})
    if form.validate_on_submit():
        with errors.shown_on(form):
            webhooks.edit(
                runtime(),
                webhook_id,
                url=form.url.data,
                events=form.events.data,
                description=form.description.data or "",
                version=form.version.data,
                by=actor(),
            )
            flash("Saved.")
            return redirect(url_for("webhooks.show", webhook_id=webhook_id), 303)
    return page("webhooks/form.html", status=422 if form.errors else 200, form=form, webhook=webhook)


@bp.post("/<int:webhook_id>/switch")
@role_required(Role.ADMIN)
def switch(webhook_id: int) -> Any:
    webhook = webhooks.switch(runtime(), webhook_id, on=request.form.get("on") == "1", by=actor())
    flash(
        "It is on: what waited leaves now." if webhook.state == "on" else "It is off: nothing is kept for it.", "info"
    )
    return redirect(url_for("webhooks.show", webhook_id=webhook_id), 303)


@bp.post("/<int:webhook_id>/secret")
@role_required(Role.ADMIN)
def secret(webhook_id: int) -> Any:
    """Show the secret on this answer only. Who saw it is in the audit log."""
    shown = webhooks.secret(runtime(), webhook_id, by=actor())
    return page("webhooks/secret.html", webhook=_get(webhook_id), secret=shown, is_new=False)


@bp.post("/<int:webhook_id>/rotate")
@role_required(Role.ADMIN)
def rotate(webhook_id: int) -> Any:
    shown = webhooks.rotate(runtime(), webhook_id, by=actor())
    return page("webhooks/secret.html", webhook=_get(webhook_id), secret=shown, is_new=True)


@bp.post("/<int:webhook_id>/test")
@role_required(Role.ADMIN)
@security.limit("60 per minute")
def test(webhook_id: int) -> Any:
    form = WebhookTestForm()
    if form.validate_on_submit():
        sent = webhooks.send_test(runtime(), webhook_id, form.event.data, by=actor())
        return redirect(url_for("webhooks.message", webhook_id=webhook_id, delivery_id=sent.id), 303)
    return _show(webhook_id, test_form=form)


@bp.post("/<int:webhook_id>/resend-failed")
@role_required(Role.ADMIN)
def resend_failed(webhook_id: int) -> Any:
    form = ResendForm()
    if form.validate_on_submit():
        since = datetime.combine(form.day, time(), moments.zone()).astimezone(UTC)
        count = webhooks.resend_failed(runtime(), webhook_id, since, by=actor())
        told = words.count(count, "message is", "messages are")
        flash(f"{told} sent again." if count else "Nothing was given up since then.", "info")
        return redirect(url_for("webhooks.show", webhook_id=webhook_id, tab="pending" if count else "failed"), 303)
    return _show(webhook_id, resend_form=form)


@bp.post("/<int:webhook_id>/remove")
@role_required(Role.ADMIN)
def remove(webhook_id: int) -> Any:
    webhooks.remove(runtime(), webhook_id, by=actor())
    flash("The webhook is removed.", "info")
    return redirect(url_for("webhooks.index"), 303)


@bp.get("/<int:webhook_id>/messages/<int:delivery_id>")
@role_required(Role.ADMIN)
def message(webhook_id: int, delivery_id: int) -> Any:
    with runtime().reading() as session:
        webhook, delivery = rows.get(session, webhook_id), _message_of(session, webhook_id, delivery_id)
        tries = rows.list_tries(session, delivery_id)
    return page(
        "webhooks/message.html",
        "delivery",
        webhook=webhook,
        delivery=delivery,
        tries=tries,
        state=webhook_view.delivery_state(delivery),
        body=webhook_view.body(delivery),
        is_soon=webhook_view.is_soon(delivery, webhook, moments.now()),
    )


@bp.post("/<int:webhook_id>/messages/<int:delivery_id>/resend")
@role_required(Role.ADMIN)
def resend(webhook_id: int, delivery_id: int) -> Any:
    with runtime().reading() as session:
        _message_of(session, webhook_id, delivery_id)
    webhooks.resend(runtime(), delivery_id, by=actor())
    flash("It is sent again.", "info")
    return redirect(url_for("webhooks.message", webhook_id=webhook_id, delivery_id=delivery_id), 303)


def _get(webhook_id: int) -> t.Webhook:
    with runtime().reading() as session:
        return rows.get(session, webhook_id)


def _message_of(session: Any, webhook_id: int, delivery_id: int) -> t.Delivery:
    delivery = rows.get_delivery(session, delivery_id)
    if delivery.webhook_id != webhook_id:
        raise NotFound("delivery", delivery_id)
    return delivery


def _show(webhook_id: int, test_form: WebhookTestForm | None = None, resend_form: ResendForm | None = None) -> Any:
    tab = request.args.get("tab", "")
    with runtime().reading() as session:
        webhook = rows.get(session, webhook_id)
        found = rows.list_deliveries(session, webhook_id, TABS.get(tab, ""), paging.asked())
        next_try_at = rows.next_tries(session).get(webhook_id)
    a_week_ago = (moments.now() - timedelta(days=7)).astimezone(moments.zone()).date()
    forms = [form for form in (test_form, resend_form) if form is not None]
    return page(
        "webhooks/show.html",
        status=422 if any(form.errors for form in forms) else 200,
        line=webhook_view.line(webhook, next_try_at, moments.now()),
        webhook=webhook,
        deliveries=found.rows,
        pager=paging.pager(found, key=lambda delivery: (delivery.id,)),
        tab=tab if tab in TABS else "",
        state_of=webhook_view.delivery_state,
        test_form=test_form or WebhookTestForm(formdata=None),
        resend_form=resend_form or ResendForm(formdata=None, data={"since": a_week_ago}),
    )
