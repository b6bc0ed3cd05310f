"""Notices: what a person should know until it is over, shown in the page's header and mailed if they want.

Which notices are open follows from the facts alone (`watch`, by `wanted_notices.py`), so that nothing has to remember
to raise or end one. The texts of their mails stand in `letters.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from calsync.errors import NotAllowed, NotFound
from calsync.runtime import Actor, Runtime
from calsync.services import letters, mail, settings, wanted_notices
from calsync.store import accounts as account_rows
from calsync.store import audit
from calsync.store import credentials as credential_rows
from calsync.store import notices as rows
from calsync.store import tables as t

KINDS = (*wanted_notices.WATCHED, "disconnected", "recovered", "digest")
"""Every kind; each is also the name of a switch in a person's notice_choices."""
MAIL_DAYS = {"reconnect": (0, 1, 3, 7, 14)}
"""Days after its beginning on which a notice is mailed; the other kinds are mailed once."""
RECOVERS = ("reconnect", "credentials")
"""Kinds whose end is told, to those who got a mail about the beginning."""
PASSING = {"recovered": timedelta(days=1), "disconnected": timedelta(days=14)}
"""Kinds that end by themselves."""


def watch(rt: Runtime) -> None:
    """Open, update and end notices until they say what the facts say. Repeating it changes nothing."""
    now = rt.now()
    labels = {name: provider.info.label for name, provider in rt.providers.items()}
    with rt.reading() as session:
        wanted = {w.key: w for w in wanted_notices.by_facts(session, labels, now)}
        known = {(n.user_id, n.kind, n.subject): n for n in rows.list_open(session)}
    over = [n for key, n in known.items() if _is_over(n, key in wanted, now)]
    new = [w for key, w in wanted.items() if key not in known]
    changed = [(known[k], w) for k, w in wanted.items() if k in known and known[k].facts != w.facts]
    if not over and not new and not changed:
        return
    with rt.writing() as session:
        for notice in over:
            _end(session, notice.id, now)
        # Somebody else may have opened it since it was looked for.
        open_now = {(n.user_id, n.kind, n.subject) for n in rows.list_open(session)}
        for each in new:
            if each.key not in open_now:
                raise_notice(session, each.user_id, each.kind, each.account_id, each.facts, now)
        for notice, each in changed:
            _update(session, notice.id, each.facts, now)


def raise_notice(
    session: Session, user_id: int, kind: str, account_id: int | None, facts: dict[str, Any], now: datetime
) -> t.Notice:
    """Open a notice; its first mail is due at once."""
    notice = t.Notice(
        user_id=user_id,
        kind=kind,
        subject=wanted_notices.subject_of(account_id, facts),
        account_id=account_id,
        facts=facts,
        created_at=now,
        next_mail_at=now,
    )
    session.add(notice)
    return notice


def mail_due(rt: Runtime) -> int:
    """Write the mails that are due into the outbox and return how many. Waits while no mail server is set."""
    now = rt.now()
    with rt.reading() as session:
        is_set = settings.mail_server_of(session, rt)[0].is_set
        is_anything = bool(is_set and rows.list_mailable(session, now, 1))
    if not is_anything:
        return 0
    place = letters.place(rt)
    with rt.writing() as session:
        due = rows.list_mailable(session, now)
        return sum(_mail(session, notice, user, place, now) for notice, user in due)


def seen(rt: Runtime, notice_id: int, *, by: Actor) -> None:
    """Note that a person closed a notice in the page's header. Raises NotFound for somebody else's."""
    with rt.writing() as session:
        notice = session.get(t.Notice, notice_id)
        if notice is None or notice.user_id != by.user_id:
            raise NotFound("notice", notice_id)
        notice.seen_at = rt.now()


def seen_all(rt: Runtime, *, by: Actor) -> int:
    """Note that a person read everything there is; return how many notices were new."""
    with rt.writing() as session:
        new = [n for n in rows.list_open(session, by.user_id) if by.user_id is not None and n.seen_at is None]
        for notice in new:
            notice.seen_at = rt.now()
    return len(new)


def ask_to_reconnect(rt: Runtime, account_ids: Iterable[int], *, by: Actor) -> int:
    """Mail the owners of these accounts once more, now, and show them the notice again; return how many.

    Accounts whose grant works are left out.
    """
    if not by.is_admin:
        raise NotAllowed("ask people to reconnect")
    asked, now = 0, rt.now()
    watch(rt)
    with rt.writing() as session:
        wanted = {wanted_notices.subject_of(i, {}): account_rows.get(session, i) for i in account_ids}
        for notice in rows.list_open(session, kinds=("reconnect",)):
            account = wanted.get(notice.subject)
            if account is not None and account.user_id == notice.user_id:
                notice.next_mail_at, notice.seen_at = now, None
                audit.record(session, by, "account.reconnect_asked", account, at=now)
                asked += 1
    rt.enqueue("watch_notices")
    return asked


def wants_mail(user: t.User, kind: str) -> bool:
    """Return whether a person wants mail about this kind; they do until they say otherwise."""
    return not user.is_disabled and bool(user.notice_choices.get(kind, True))


def _is_over(notice: t.Notice, is_wanted: bool, now: datetime) -> bool:
    if notice.kind in wanted_notices.WATCHED:
        return not is_wanted
    stays = PASSING.get(notice.kind, timedelta())
    return notice.seen_at is not None or notice.created_at + stays <= now


def _end(session: Session, notice_id: int | None, now: datetime) -> None:
    notice = session.get(t.Notice, notice_id)
    if notice is None or notice.ended_at is not None:
        return
    notice.ended_at, notice.next_mail_at = now, None
    if notice.kind in RECOVERS and notice.mails_sent and _is_well(session, notice):
        raise_notice(session, notice.user_id, "recovered", notice.account_id, notice.facts, now)


def _is_well(session: Session, notice: t.Notice) -> bool:
    """Return whether what a notice was about works again, and is not merely gone."""
    if notice.account_id is None:
        current = credential_rows.find(session, notice.facts.get("provider", ""))
        return current is not None and current.refused_at is None
    account = session.get(t.Account, notice.account_id)
    return account is not None and account.grant_ok and account.disconnected_at is None


def _update(session: Session, notice_id: int | None, facts: dict[str, Any], now: datetime) -> None:
    notice = session.get(t.Notice, notice_id)
    if notice is None:
        return
    if notice.facts.get("days") != facts.get("days"):
        # A further stage: it is shown and mailed again, also to those who closed the notice of the one before.
        notice.next_mail_at, notice.seen_at = now, None
    notice.facts = facts


def _mail(session: Session, notice: t.Notice, user: t.User, place: letters.Place, now: datetime) -> bool:
    days = MAIL_DAYS.get(notice.kind, (0,))
    is_extra = notice.mails_sent >= len(days)
    notice.mails_sent += 1
    later = [day for day in days[notice.mails_sent :] if notice.created_at + timedelta(days=day) > now]
    notice.next_mail_at = None if is_extra or not later else notice.created_at + timedelta(days=later[0])
    if not wants_mail(user, notice.kind):
        return False
    letter = letters.about(notice, user, place)
    mail.queue(session, user.email, letter.subject, letter.text, now)
    return True
