"""Which notices should be open by the facts, and who is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import Session

from calsync.engine.vocabulary import Role
from calsync.services import secret_ends
from calsync.store import accounts as account_rows
from calsync.store import conference_list, rooms
from calsync.store import credentials as credential_rows
from calsync.store import notices as rows
from calsync.store import tables as t
from calsync.store import webhooks as webhook_rows

WATCHED = ("reconnect", "ending", "credentials", "secret", "held", "failing", "conflict", "meeting", "room", "webhook")
"""Kinds that begin and end with the facts."""
ENDING_WITHIN = timedelta(days=2)
"""How long before a grant ends by itself its owner is told."""
HOMELESS_WITHIN = timedelta(days=2)
"""How long before a meeting begins its owner is told that nobody can host it."""


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


def by_facts(session: Session, labels: Mapping[str, str], now: datetime) -> list[Wanted]:
    """Return every notice that should be open; `labels` are providers' names for people."""
    admins = [a.id for a in rows.admins(session) if a.id is not None]
    held, conflicts = rows.held_counts(session), rows.conflict_counts(session)
    refused = credential_rows.refused(session)
    found = [_credentials(row, user_id, labels) for row in refused for user_id in admins]
    soon = now + timedelta(days=max(secret_ends.STAGES))
    ending = credential_rows.ending_secrets(session, soon)
    found += [_secret(row, user_id, labels, now) for row in ending for user_id in admins]
    found += [_webhook(row, user_id) for row in webhook_rows.switched_off(session) for user_id in admins]
    meetings = conference_list.troubled(session, now, now + HOMELESS_WITHIN)
    found += [_meeting(row, activity, labels) for row, activity in meetings]
    found += [each for refusal in rooms.declined(session, now) for each in _room(refusal)]
    found += [_ending(account) for account in rows.ending_accounts(session, now + ENDING_WITHIN)]
    unknown = {row.id for row in refused}
    for account in rows.troubled_accounts(session):
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
