"""The mail outbox: written in the transaction of what caused it, emptied by a job over SMTP."""

from __future__ import annotations

import smtplib
import ssl
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr

from sqlmodel import Session

from calsync.errors import NotAllowed, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import mail_faults, settings
from calsync.services.settings import MailServer
from calsync.store import audit
from calsync.store import notices as rows
from calsync.store import tables as t

TIMEOUT_S = 20.0
AT_ONCE = 50
WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
)
"""How long a mail waits after its first, second, ... failure; after the last it is given up."""
FRESH = timedelta(days=14)
"""Mails older than this are not worth sending any more when an admin asks for another try."""
RESERVED = timedelta(minutes=5)
"""A mail that is being sent is nobody else's for so long; a killed process's mail is tried again after it."""


class MailRefused(Refused):
    """The mail server did not take a mail. `detail` is its own answer."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, code="mail_refused", field="host")
        self.detail = detail


def queue(session: Session, to: str, subject: str, text: str, now: datetime, html: str = "") -> t.Mail:
    """Put a mail into the outbox, to leave once this transaction is committed."""
    clean = " ".join(subject.split())[:300]
    mail = t.Mail(to=to, subject=clean, text=text, html=html, created_at=now, next_attempt_at=now)
    session.add(mail)
    return mail


def send_waiting(rt: Runtime) -> int:
    """Send what is due, over one connection, and return how many left. Does nothing while no server is set.

    Two processes never send the same mail; one whose answer was lost may go out twice.
    """
    server, mails = _due(rt)
    if not mails:
        return 0
    try:
        with _connect(server) as smtp:
            return sum(_send_one(rt, smtp, server, mail) for mail in mails)
    except (OSError, smtplib.SMTPException) as error:
        for mail in mails:
            _postpone(rt, mail, error)
        return 0


def send_test(rt: Runtime, to: str, *, by: Actor) -> None:
    """Send a mail now, past the outbox.

    Raises Refused with words of what the mail server did, and as `detail` the server's own answer.
    """
    if not by.is_admin:
        raise NotAllowed("send a test mail")
    with rt.reading() as session:
        server = settings.mail_server_of(session, rt)[0]
        organisation = settings.organisation_of(session)[0]
    if not server.is_set:
        raise Refused("Save a mail server and a sender first.", code="no_mail_server", field="host")
    text = f"This is a test mail from {organisation.name}. If you can read it, the mail server settings work."
    message = _message(server, to, f"Test mail from {organisation.name}", text, "")
    try:
        with _connect(server) as smtp:
            smtp.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise MailRefused(mail_faults.in_words(error, server), mail_faults.raw(error)) from error
    with rt.writing() as session:
        audit.record(session, by, "mail.tested", ("setting", "mail", to), at=rt.now())


def try_again(rt: Runtime, *, by: Actor) -> int:
    """Make every fresh mail that waits or was given up due now, and return how many."""
    if not by.is_admin:
        raise NotAllowed("send mails again")
    with rt.writing() as session:
        count = rows.make_mails_due(session, rt.now(), rt.now() - FRESH)
        if count:
            thing = ("setting", "mail", "outbox")
            audit.record(session, by, "mail.tried_again", thing, at=rt.now(), after={"mails": count})
    rt.enqueue("send_mail")
    return count


def _due(rt: Runtime) -> tuple[MailServer, list[t.Mail]]:
    with rt.reading() as session:
        server = settings.mail_server_of(session, rt)[0]
        mails = rows.waiting_mails(session, rt.now(), AT_ONCE) if server.is_set else []
    return server, mails


def _connect(server: MailServer) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if server.tls == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
    try:
        if server.tls == "starttls":
            smtp.starttls(context=context)
        if server.username:
            smtp.login(server.username, server.password or "")
    except BaseException:
        smtp.close()
        raise
    return smtp


def _send_one(rt: Runtime, smtp: smtplib.SMTP, server: MailServer, mail: t.Mail) -> bool:
    with rt.writing() as session:
        if not rows.take_mail(session, mail, rt.now() + RESERVED):
            return False
    try:
        smtp.send_message(_of_row(server, mail))
    except (OSError, smtplib.SMTPException) as error:
        _fail(rt, mail.id, error)
        return False
    with rt.writing() as session:
        sent = session.get_one(t.Mail, mail.id)
        sent.state, sent.sent_at, sent.next_attempt_at, sent.error = "sent", rt.now(), None, ""
    return True


def _postpone(rt: Runtime, mail: t.Mail, error: Exception) -> None:
    """Note that the server could not be reached at all: this costs a mail one try, unless it was tried just
    now.
    """
    with rt.writing() as session:
        if rows.take_mail(session, mail, rt.now() + RESERVED):
            _set_failed(session.get_one(t.Mail, mail.id, populate_existing=True), error, rt.now())


def _fail(rt: Runtime, mail_id: int | None, error: Exception) -> None:
    with rt.writing() as session:
        _set_failed(session.get_one(t.Mail, mail_id), error, rt.now())


def _set_failed(mail: t.Mail, error: Exception, now: datetime) -> None:
    mail.error = mail_faults.raw(error)[:500]
    if _is_permanent(error) or mail.attempts > len(WAITS):
        mail.state, mail.next_attempt_at = "failed", None
    else:
        mail.next_attempt_at = now + WAITS[mail.attempts - 1]


def _is_permanent(error: Exception) -> bool:
    """Whether this mail will never be taken. RFC 5321 section 4.2.1: 5yz is a permanent negative answer.

    A refused sender or login is not: that is a setting of ours, which an admin will mend.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500


def _of_row(server: MailServer, mail: t.Mail) -> EmailMessage:
    message = _message(server, mail.to, mail.subject, mail.text, mail.html)
    for name, media_type, text in mail.attachments or ():
        _attach(message, name, media_type, text)
    return message


def _attach(message: EmailMessage, name: str, media_type: str, text: str) -> None:
    """Attach a text, its bytes as they are: a calendar file keeps its line ends (RFC 5545 section 3.1)."""
    kind, *given = (part.strip() for part in media_type.split(";"))
    maintype, _, subtype = kind.partition("/")
    parameters = dict(part.split("=", 1) for part in given)
    message.add_attachment(text.encode(), maintype=maintype, subtype=subtype, filename=name, params=parameters)


def _message(server: MailServer, to: str, subject: str, text: str, html: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = server.sender, to, subject
    message["Date"] = formatdate(localtime=False, usegmt=True)
    message["Message-ID"] = make_msgid(domain=parseaddr(server.sender)[1].partition("@")[2] or "localhost")
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message
