"""Notices and the mails about them: who is told, when, once when it begins and once when it is over."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from calsync.errors import NotFound, Refused
from calsync.runtime import CLI, Runtime
from calsync.services import digest, mail, notices, settings
from calsync.services.settings import MailServer
from calsync.store import tables as t
from tests import factories
from tests.factories import Cast, Clock, acting
from tests.parts.smtp import SmtpSink


@pytest.fixture
def mailing(rt: Runtime, smtp: SmtpSink) -> SmtpSink:
    """A mail server that the installation is set to use."""
    server = MailServer(smtp.host, smtp.port, sender="calendar@example.com", tls="none")
    settings.save_mail_server(rt, server, 0, by=CLI)
    return smtp


def trouble(rt: Runtime, owner: t.User, **values: Any) -> t.Account:
    """An account whose grant is dead."""
    return factories.make_account(rt, owner, **{"grant_ok": False, "grant_error": "wrong_password", **values})


def change(rt: Runtime, account: t.Account, **values: Any) -> None:
    with rt.writing() as session:
        row = session.get_one(t.Account, account.id)
        for name, value in values.items():
            setattr(row, name, value)


def open_notices(rt: Runtime) -> list[tuple[str, int]]:
    with rt.reading() as session:
        found = session.exec(select(t.Notice).where(col(t.Notice.ended_at).is_(None)))
        return sorted((n.kind, n.user_id) for n in found)


def tick(rt: Runtime) -> None:
    """What the jobs do each minute."""
    notices.watch(rt)
    notices.mail_due(rt)
    mail.send_waiting(rt)


def got(smtp: SmtpSink, user: t.User) -> list[str]:
    return [m.subject for m in smtp.messages if user.email in m.recipients]


# --- who is told of what


def test_a_dead_grant_tells_its_owner_and_the_admins(rt: Runtime, cast: Cast) -> None:
    trouble(rt, cast.eli)
    notices.watch(rt)
    assert open_notices(rt) == sorted([("reconnect", cast.ada.id), ("reconnect", cast.eli.id)])


def test_watching_again_changes_nothing(rt: Runtime, cast: Cast, clock: Clock) -> None:
    trouble(rt, cast.eli)
    notices.watch(rt)
    clock.advance(hours=5)
    notices.watch(rt)
    assert len(open_notices(rt)) == 2


def test_three_failed_runs_are_told_and_two_are_not(rt: Runtime, cast: Cast) -> None:
    account = factories.make_account(rt, cast.eli, failed_runs=2, last_error="503")
    notices.watch(rt)
    assert open_notices(rt) == []
    change(rt, account, failed_runs=3)
    notices.watch(rt)
    assert ("failing", cast.eli.id) in open_notices(rt)
    change(rt, account, failed_runs=0)
    notices.watch(rt)
    assert open_notices(rt) == []


def test_held_changes_are_told_to_admins_even_where_the_owner_is_a_client(rt: Runtime, cast: Cast) -> None:
    account = factories.make_account(rt, cast.vic)
    with rt.writing() as session:
        session.add(held_step(rt, session, account))
    notices.watch(rt)
    assert open_notices(rt) == [("held", cast.ada.id)]


def test_a_waiting_conflict_is_told_to_whose_account_it_is(rt: Runtime, cast: Cast) -> None:
    account = factories.make_account(rt, cast.eli)
    with rt.writing() as session:
        for number in range(3):
            subject = f"link:{number}"
            session.add(t.Conflict(account_id=account.id, subject=subject, kind="both_changed", opened_at=rt.now()))
    notices.watch(rt)
    assert open_notices(rt) == [("conflict", cast.eli.id)]


def test_a_disconnected_account_troubles_nobody(rt: Runtime, cast: Cast) -> None:
    trouble(rt, cast.eli, state="disconnected")
    notices.watch(rt)
    assert open_notices(rt) == []


def test_only_the_person_told_can_close_a_notice(rt: Runtime, cast: Cast) -> None:
    trouble(rt, cast.eli)
    notices.watch(rt)
    with rt.reading() as session:
        mine = session.exec(select(t.Notice).where(t.Notice.user_id == cast.eli.id)).one()
    with pytest.raises(NotFound):
        notices.seen(rt, mine.id or 0, by=acting(cast.sam))
    notices.seen(rt, mine.id or 0, by=acting(cast.eli))
    with rt.reading() as session:
        assert session.get_one(t.Notice, mine.id).seen_at == rt.now()


# --- mails


def test_reconnects_are_mailed_on_days_0_1_3_7_and_14(rt: Runtime, cast: Cast, mailing: SmtpSink, clock: Clock) -> None:
    trouble(rt, cast.eli)
    days = []
    for day in range(30):
        before = len(got(mailing, cast.eli))
        for _ in range(3):
            tick(rt)
        days += [day] * (len(got(mailing, cast.eli)) - before)
        clock.advance(days=1)
    assert days == [0, 1, 3, 7, 14]
    assert len(got(mailing, cast.ada)) == 5


def test_after_a_long_silence_one_mail_catches_up(rt: Runtime, cast: Cast, mailing: SmtpSink, clock: Clock) -> None:
    trouble(rt, cast.eli)
    tick(rt)
    clock.advance(days=8)
    tick(rt)
    tick(rt)
    assert len(got(mailing, cast.eli)) == 2


def test_recovery_is_mailed_once(rt: Runtime, cast: Cast, mailing: SmtpSink, clock: Clock) -> None:
    account = trouble(rt, cast.eli)
    tick(rt)
    change(rt, account, grant_ok=True)
    for _ in range(4):
        clock.advance(hours=13)
        tick(rt)
    subjects = got(mailing, cast.eli)
    assert [s for s in subjects if "connected again" in s] == [subjects[-1]]
    assert len(subjects) == 2
    assert open_notices(rt) == []


def test_a_mail_says_what_why_and_where(rt: Runtime, cast: Cast, mailing: SmtpSink) -> None:
    account = trouble(rt, cast.eli)
    tick(rt)
    [letter] = [m for m in mailing.messages if cast.eli.email in m.recipients]
    assert account.label in letter.text
    assert "password" in letter.text
    assert f"https://calendar.example.com/accounts/{account.id}" in letter.text
    assert letter.message["Auto-Submitted"] == "auto-generated"


def test_who_does_not_want_a_kind_gets_none_of_it(rt: Runtime, cast: Cast, mailing: SmtpSink) -> None:
    with rt.writing() as session:
        session.get_one(t.User, cast.eli.id).notice_choices = {"reconnect": False}
    trouble(rt, cast.eli)
    tick(rt)
    assert got(mailing, cast.eli) == []
    assert ("reconnect", cast.eli.id) in open_notices(rt)


def test_who_is_disabled_gets_no_mail(rt: Runtime, cast: Cast, mailing: SmtpSink) -> None:
    with rt.writing() as session:
        session.get_one(t.User, cast.eli.id).is_disabled = True
    trouble(rt, cast.eli)
    tick(rt)
    assert got(mailing, cast.eli) == []


def test_without_a_mail_server_mails_wait_for_one(rt: Runtime, cast: Cast, smtp: SmtpSink, clock: Clock) -> None:
    trouble(rt, cast.eli)
    tick(rt)
    clock.advance(hours=2)
    server = MailServer(smtp.host, smtp.port, sender="calendar@example.com", tls="none")
    settings.save_mail_server(rt, server, 0, by=CLI)
    tick(rt)
    assert len(got(smtp, cast.eli)) == 1


def test_an_admin_can_ask_people_to_reconnect_once_more(rt: Runtime, cast: Cast, mailing: SmtpSink) -> None:
    account = trouble(rt, cast.eli)
    fine = factories.make_account(rt, cast.sam, subject="fine")
    tick(rt)
    assert notices.ask_to_reconnect(rt, [account.id or 0, fine.id or 0], by=acting(cast.ada)) == 1
    tick(rt)
    assert len(got(mailing, cast.eli)) == 2
    assert got(mailing, cast.sam) == []


# --- the outbox


def outbox(rt: Runtime) -> list[t.Mail]:
    with rt.reading() as session:
        return list(session.exec(select(t.Mail).order_by(col(t.Mail.id))))


def put(rt: Runtime, to: str = "eli@example.com") -> None:
    with rt.writing() as session:
        mail.queue(session, to, "Hello\nBcc: all@example.com", "Text", rt.now())


def test_a_mail_leaves_once(rt: Runtime, mailing: SmtpSink) -> None:
    put(rt)
    assert (mail.send_waiting(rt), mail.send_waiting(rt)) == (1, 0)
    [sent] = mailing.messages
    assert sent.subject == "Hello Bcc: all@example.com"
    assert sent.recipients == ("eli@example.com",)
    assert outbox(rt)[0].state == "sent"


def test_a_server_that_is_away_is_tried_again_later(rt: Runtime, mailing: SmtpSink, clock: Clock) -> None:
    put(rt)
    mailing.stop()
    assert mail.send_waiting(rt) == 0
    waiting = outbox(rt)[0]
    assert (waiting.state, waiting.attempts) == ("waiting", 1)
    mailing.start()
    assert mail.send_waiting(rt) == 0
    clock.advance(minutes=1)
    assert mail.send_waiting(rt) == 1


def test_a_permanent_refusal_is_final_and_says_why(rt: Runtime, mailing: SmtpSink, clock: Clock) -> None:
    put(rt)
    mailing.refusal = "550 no such person"
    assert mail.send_waiting(rt) == 0
    refused = outbox(rt)[0]
    assert refused.state == "failed"
    assert "no such person" in refused.error
    clock.advance(days=3)
    mailing.refusal = None
    assert mail.send_waiting(rt) == 0


def test_a_mail_is_given_up_after_some_days(rt: Runtime, mailing: SmtpSink, clock: Clock) -> None:
    put(rt)
    mailing.stop()
    for _ in range(20):
        mail.send_waiting(rt)
        clock.advance(days=1)
    gone = outbox(rt)[0]
    assert (gone.state, gone.attempts) == ("failed", len(mail.WAITS) + 1)


def test_a_killed_senders_mail_is_sent_by_the_next(rt: Runtime, mailing: SmtpSink, clock: Clock) -> None:
    put(rt)
    with rt.writing() as session:
        row = session.exec(select(t.Mail)).one()
        row.attempts, row.next_attempt_at = 1, clock() + mail.RESERVED
    assert mail.send_waiting(rt) == 0
    clock.advance(minutes=5)
    assert mail.send_waiting(rt) == 1


def test_a_withheld_mail_never_leaves(rt: Runtime, mailing: SmtpSink) -> None:
    put(rt)
    with rt.writing() as session:
        session.exec(select(t.Mail)).one().state = "withheld"
    assert mail.send_waiting(rt) == 0


def test_send_test_tells_what_the_server_said(rt: Runtime, cast: Cast, mailing: SmtpSink) -> None:
    mail.send_test(rt, "ada@example.com", by=acting(cast.ada))
    assert "Test mail" in mailing.messages[0].subject
    mailing.refusal = "550 go away"
    with pytest.raises(mail.MailRefused) as refused:
        mail.send_test(rt, "ada@example.com", by=acting(cast.ada))
    assert "was reached and refused the mail" in refused.value.reason
    assert refused.value.detail == "550 go away"


def test_send_test_without_a_server_says_what_to_do(rt: Runtime, cast: Cast) -> None:
    with pytest.raises(Refused) as refused:
        mail.send_test(rt, "ada@example.com", by=acting(cast.ada))
    assert refused.value.code == "no_mail_server"


# --- the weekly digest


def test_admins_get_one_digest_a_week(rt: Runtime, cast: Cast, mailing: SmtpSink, clock: Clock) -> None:
    factories.make_account(rt, cast.eli)
    for _ in range(15 * 24):
        digest.send_due(rt)
        mail.send_waiting(rt)
        clock.advance(hours=1)
    assert len(got(mailing, cast.ada)) == 3  # the clock starts on a Monday at nine
    assert got(mailing, cast.eli) == []


def test_the_digest_waits_for_monday_morning(rt: Runtime, cast: Cast, mailing: SmtpSink, clock: Clock) -> None:
    clock.at = factories.START.replace(hour=7)
    assert digest.send_due(rt) == 0
    clock.advance(hours=1)
    assert digest.send_due(rt) == 1


def test_the_digest_follows_the_organisations_zone(rt: Runtime, cast: Cast, mailing: SmtpSink, clock: Clock) -> None:
    org, version = settings.organisation(rt)
    settings.save_organisation(rt, dataclasses.replace(org, tz="Pacific/Auckland"), version, by=CLI)
    clock.at = factories.START.replace(day=6, hour=19)  # Monday 08:00 in Auckland
    assert digest.send_due(rt) == 1


def test_the_digest_counts_what_happened(rt: Runtime, cast: Cast, clock: Clock) -> None:
    account = trouble(rt, cast.eli)
    with rt.writing() as session:
        for state, age in (("succeeded", 1), ("failed", 2), ("succeeded", 30)):
            at = clock() - timedelta(days=age)
            session.add(t.Run(account_id=account.id, trigger="schedule", state=state, started_at=at, created=2))
    with rt.reading() as session:
        text = "\n".join(digest.lines(session, clock()))
    assert "1 connected, to reconnect: eli@example.com" in text
    assert "2, of these 1 with errors" in text
    assert "4 created" in text


def held_step(rt: Runtime, session: Any, account: t.Account) -> t.Step:
    run = t.Run(account_id=account.id, trigger="schedule", state="held", started_at=rt.now())
    session.add(run)
    session.flush()
    given = {"action": "cancel", "direction": "inbound", "reason": "brake_deletions", "state": "held"}
    return t.Step(run_id=run.id, account_id=account.id, subject="link:1", created_at=rt.now(), **given)
