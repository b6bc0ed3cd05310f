"""Notices: what a person should know until it is over, shown in the page's header and mailed if they want.

Which notices are open follows from the facts alone (`watch`), so that nothing has to remember to raise or
end one. The texts of their mails stand in `letters.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import Session

from calsync.engine.vocabulary import Role
from calsync.errors import NotAllowed, NotFound
from calsync.runtime import Actor, Runtime
from calsync.services import letters, mail, secret_ends, settings
from calsync.store import accounts as account_rows
from calsync.store import audit, conferences, rooms
from calsync.store import credentials as credential_rows
from calsync.store import notices as rows
from calsync.store import tables as t
from calsync.store import webhooks as webhook_rows

WATCHED = ("reconnect", "ending", "credentials", "secret", "held", "failing", "conflict", "meeting", "room", "webhook")
"""Kinds that begin and end with the facts."""
KINDS = (*WATCHED, "disconnected", "recovered", "digest")
"""Every kind; each is also the name of a switch in a person's notice_choices."""
ENDING_WITHIN = timedelta(days=2)
"""How long before a grant ends by itself its owner is told."""
HOMELESS_WITHIN = timedelta(days=2)
"""How long before a meeting begins its owner is told that nobody can host it."""
FAILING_AFTER = 3
"""Failed runs in a row after which people are told."""
MAIL_DAYS = {"reconnect": (0, 1, 3, 7, 14)}
"""Days after its beginning on which a notice is mailed; the other kinds are mailed once."""
RECOVERS = ("reconnect", "credentials")
"""Kinds whose end is told, to those who got a mail about the beginning."""
PASSING = {"recovered": timedelta(days=1), "disconnected": timedelta(days=14)}
"""Kinds that end by themselves."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A notice that should be open by the facts. `account_id` is None for one about a provider or a webhook."""

    user_id: int
    kind: str
    account_id: int | None
    facts: dict[str, Any] = field(compare=False)

    @property
    def key(self) -> tuple[int, str, str]:
        return self.user_id, self.kind, subject_of(self.account_id, self.facts)


def subject_of(account_id: int | None, facts: Mapping[str, Any]) -> str:
    """Return how a notice names what it is about: an account, a webhook, a meeting, a room, a provider or nothing."""
    if account_id is not None:
        return f"account:{account_id}"
    if facts.get("webhook"):
        return f"webhook:{facts['webhook']}"
    if facts.get("meeting"):
        return f"meeting:{facts['meeting']}"
    if facts.get("room"):
        return f"room:{facts['room']}"
    return f"provider:{facts['provider']}" if facts.get("provider") else ""


def watch(rt: Runtime) -> None:
    """Open, update and end notices until they say what the facts say. Repeating it changes nothing."""
    now = rt.now()
    labels = {name: provider.info.label for name, provider in rt.providers.items()}
    with rt.reading() as session:
        wanted = {w.key: w for w in _wanted(session, labels, now)}
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
        subject=subject_of(account_id, facts),
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
        wanted = {subject_of(i, {}): account_rows.get(session, i) for i in account_ids}
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


def _wanted(session: Session, labels: Mapping[str, str], now: datetime) -> list[Wanted]:
    admins = [a.id for a in rows.admins(session) if a.id is not None]
    held, conflicts = rows.held_counts(session), rows.conflict_counts(session)
    refused = credential_rows.refused(session)
    found = [_credentials(row, user_id, labels) for row in refused for user_id in admins]
    soon = now + timedelta(days=max(secret_ends.STAGES))
    ending = credential_rows.ending_secrets(session, soon)
    found += [_secret(row, user_id, labels, now) for row in ending for user_id in admins]
    found += [_webhook(row, user_id) for row in webhook_rows.switched_off(session) for user_id in admins]
    meetings = conferences.troubled(session, now, now + HOMELESS_WITHIN)
    found += [_meeting(row, activity, labels) for row, activity in meetings]
    found += [each for refusal in rooms.declined(session, now) for each in _room(refusal)]
    found += [_ending(account) for account in rows.ending_accounts(session, now + ENDING_WITHIN)]
    unknown = {row.id for row in refused}
    for account in rows.troubled_accounts(session, FAILING_AFTER):
        found += _trouble(account, admins, is_unknown=account.credential_id in unknown)
    for account_id, count in held.items():
        found += _for_people(session, "held", account_id, count, admins, always_admins=True)
    for account_id, count in conflicts.items():
        found += _for_people(session, "conflict", account_id, count, admins, always_admins=False)
    return found


def _credentials(row: t.ProviderCredential, user_id: int, labels: Mapping[str, str]) -> Wanted:
    facts = {"account": labels.get(row.provider, row.provider), "provider": row.provider, "why": row.refused_why}
    return Wanted(user_id, "credentials", None, facts)


def _secret(row: t.ProviderCredential, user_id: int, labels: Mapping[str, str], now: datetime) -> Wanted:
    """Tell an admin how much time is left; each stage is told anew."""
    ends_at = row.secret_expires_at or now
    facts = {"account": labels.get(row.provider, row.provider), "provider": row.provider}
    return Wanted(user_id, "secret", None, {**facts, "ends_at": ends_at.isoformat(), "days": _stage(ends_at, now)})


def _stage(ends_at: datetime, now: datetime) -> int:
    stage = secret_ends.stage(ends_at, now)
    return max(secret_ends.STAGES) if stage is None else stage


def _webhook(row: t.Webhook, user_id: int) -> Wanted:
    facts = {"account": urlsplit(row.url).hostname or row.url, "webhook": row.id}
    return Wanted(user_id, "webhook", None, facts)


def _meeting(row: t.Conference, activity: t.Activity, labels: Mapping[str, str]) -> Wanted:
    """Tell whose activity it is: only they can plan otherwise, or connect an account that hosts."""
    why = {"gone": "gone", "failed": "failed"}.get(row.state, "no_host")
    facts = {"account": labels.get(row.provider, row.provider), "meeting": row.id, "why": why}
    return Wanted(activity.owner_id, "meeting", None, facts | {"starts_at": activity.span_start.isoformat()})


def _room(refusal: rooms.Refusal) -> list[Wanted]:
    """Tell whose activity it is and who booked it: they can choose another time, or another room."""
    booking = refusal.booking
    facts = {"account": refusal.resource.name, "room": refusal.taken_id, "booking": booking.id}
    facts |= {"starts_at": booking.starts_at.isoformat()}
    people = dict.fromkeys([refusal.activity.owner_id, booking.booked_by_id or refusal.activity.owner_id])
    return [Wanted(user_id, "room", None, facts) for user_id in people]


def _ending(account: t.Account) -> Wanted:
    ends = account.grant_ends_at.isoformat() if account.grant_ends_at else ""
    facts = {"account": account.label, "provider": account.provider, "ends_at": ends}
    return Wanted(account.user_id, "ending", account.id or 0, facts)


def _trouble(account: t.Account, admins: list[int], *, is_unknown: bool) -> list[Wanted]:
    """Tell the owner and the admins; these have their own notice where it is our credentials that are refused."""
    kind = "failing" if account.grant_ok else "reconnect"
    why = account.last_error if account.grant_ok else account.grant_error
    is_ours = is_unknown and account.grant_ok
    facts = {"account": account.label, "provider": account.provider, "why": "client_refused" if is_ours else why}
    people = dict.fromkeys([account.user_id, *(() if is_ours else admins)])
    return [Wanted(user_id, kind, account.id or 0, facts) for user_id in people]


def _for_people(
    session: Session, kind: str, account_id: int, count: int, admins: list[int], *, always_admins: bool
) -> list[Wanted]:
    """Tell the owner; admins too where they have to act, or where the owner is a client and cannot."""
    account = account_rows.get(session, account_id)
    owner = session.get(t.User, account.user_id)
    is_client = owner is None or owner.role == Role.CLIENT
    people = ([] if is_client else [account.user_id]) + (admins if always_admins or is_client else [])
    facts = {"account": account.label, "provider": account.provider, "count": count}
    return [Wanted(user_id, kind, account_id, facts) for user_id in dict.fromkeys(people)]


def _is_over(notice: t.Notice, is_wanted: bool, now: datetime) -> bool:
    if notice.kind in WATCHED:
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
