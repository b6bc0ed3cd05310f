"""Mail for admins: the server it leaves by, a test with the server's real answer, what is stuck, the weekly summary."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, url_for
from flask_login import current_user

from calsync.errors import Refused
from calsync.services import digest_schedule, mail, settings
from calsync.services.settings import MailServer
from calsync.store import notices as rows
from webapp import errors, security, words
from webapp.access import Role, actor, role_required, runtime
from webapp.forms.mail import DigestForm, MailServerForm, TestMailForm
from webapp.fragments import page

bp = Blueprint("mail", __name__, url_prefix="/mail")

SHOWN = 10


@bp.get("/")
@role_required(Role.ADMIN)
def index() -> Any:
    return _show()


@bp.post("/server")
@role_required(Role.ADMIN)
def save_server() -> Any:
    form = MailServerForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            known, _ = settings.mail_server(runtime())
            settings.save_mail_server(runtime(), form.value(known), form.version.data or 0, by=actor())
            flash("Saved. Send a test mail to see whether it works." if form.host.data else "Saved. No mail is sent.")
            return redirect(url_for("mail.index"), 303)
    return _show(server_form=form)


@bp.post("/test")
@role_required(Role.ADMIN)
@security.limit("20 per minute")
def test() -> Any:
    """Send a mail now and show what the mail server answered, good or bad."""
    form = TestMailForm()
    sent_to, problem, answer = "", "", ""
    if form.validate_on_submit():
        try:
            mail.send_test(runtime(), form.to.data, by=actor())
            sent_to = form.to.data
        except Refused as refused:
            problem, answer = refused.reason, getattr(refused, "detail", "")
    return _show(test_form=form, sent_to=sent_to, problem=problem, answer=answer)


@bp.post("/again")
@role_required(Role.ADMIN)
def again() -> Any:
    count = mail.try_again(runtime(), by=actor())
    flash(f"{words.count(count, 'mail is', 'mails are')} sent again now." if count else "No mail is waiting.", "info")
    return redirect(url_for("mail.index"), 303)


@bp.post("/digest")
@role_required(Role.ADMIN)
def save_digest() -> Any:
    form = DigestForm()
    if form.validate_on_submit():
        with errors.shown_on(form):
            digest_schedule.save_schedule(runtime(), form.value(), form.version.data or 0, by=actor())
            flash("Saved.")
            return redirect(url_for("mail.index"), 303)
    return _show(digest_form=form)


def _show(
    server_form: MailServerForm | None = None,
    test_form: TestMailForm | None = None,
    digest_form: DigestForm | None = None,
    **result: Any,
) -> Any:
    with runtime().reading() as session:
        server, version = settings.mail_server_of(session, runtime())
        schedule, digest_version = digest_schedule.schedule_of(session)
        counts, stuck = rows.mail_counts(session), rows.unsent_mails(session, SHOWN)
    given = [form for form in (server_form, test_form, digest_form) if form is not None]
    is_wrong = any(form.errors for form in given) or bool(result.get("problem"))
    return page(
        "mail/index.html",
        "test" if test_form is not None else None,
        status=422 if is_wrong else 200,
        server=server,
        counts=counts,
        stuck=stuck,
        server_form=server_form or _server_form(server, version),
        test_form=test_form or TestMailForm(formdata=None, data={"to": current_user.email}),
        digest_form=digest_form or DigestForm(formdata=None, obj=schedule, data={"version": digest_version}),
        **{"sent_to": "", "problem": "", "answer": "", **result},
    )


def _server_form(server: MailServer, version: int) -> MailServerForm:
    """Return the form as it is stored; the password never leaves the server again."""
    names = ("host", "port", "tls", "username", "sender")
    return MailServerForm(formdata=None, data={name: getattr(server, name) for name in names} | {"version": version})
