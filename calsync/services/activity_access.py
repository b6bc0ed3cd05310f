"""Whose activities may be changed by whom, where calendars forbid it, and which accounts have to hear of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session

from calsync.engine.vocabulary import AccountState, Direction, Trigger
from calsync.errors import NotAllowed, NotFound, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import accounts as accounts_service
from calsync.services import settings
from calsync.store import accounts, activities, placements, whereabouts
from calsync.store import tables as t


class NoWriting(Refused):
    """An edit has no way to the calendar it came from. `mend` says what would open one: `write_access` (the account at
    its provider), `direction` (its own rules), or "" where only the calendar's owner can.
    """

    def __init__(self, reason: str, code: str, account: t.Account, mend: str) -> None:
        self.account_id, self.provider, self.mend = t.pk(account), account.provider, mend
        super().__init__(reason, code=code)


def get(session: Session, activity_id: int, by: Actor, *, lock: bool = False) -> t.Activity:
    """Return an activity that `by` may see. Raises NotFound for any other: its existence is no news for strangers."""
    activity = activities.get(session, activity_id, lock=lock)
    if not may_see(activity, by):
        raise NotFound("activity", activity_id)
    return activity


def may_see(activity: t.Activity, by: Actor) -> bool:
    """People see their own activities, admins and the system all of them."""
    return by.is_admin or activity.owner_id == by.user_id


def check_owner(by: Actor, owner_id: int) -> None:
    """Return when `by` may plan for that person. Raises NotAllowed."""
    if not by.is_admin and owner_id != by.user_id:
        raise NotAllowed("plan activities for somebody else")


def check_writable(session: Session, activity: t.Activity, changed: Collection[str]) -> None:
    """Return when these merge units may be edited here. Raises Refused with the code not_owner, one_way or read_only.

    A guest changes their own response alone. What came from a calendar may change only where the change can go back;
    the CRM's own activities change here in any case and go out when access comes.
    """
    copies = activities.copies(session, activity)
    if not copies or not changed:
        return
    owned = [(calendar, account) for link, calendar, account in copies if not link.is_guest_copy]
    if not owned:
        _check_guest(session, changed, [(calendar, account) for _, calendar, account in copies])
        return
    if activity.source == "calendar":
        _check_any_takes_writes(session, owned)


def check_new_id(session: Session, external_id: str | None, own: int | None) -> None:
    """Return when no activity but that with the id `own` has this external id. Raises Refused."""
    known = activities.find_by_external_id(session, external_id) if external_id else None
    if known is not None and known.id != own:
        reason = f"Another activity has the id {external_id} already."
        raise Refused(reason, code="duplicate", field="external_id")


def _check_guest(session: Session, changed: Collection[str], copies: list[tuple[t.Calendar, t.Account]]) -> None:
    if set(changed) != {"responses"}:
        reason = "Somebody else organizes this event. You can answer it; its organizer changes the rest."
        raise Refused(reason, code="not_owner")
    _check_any_takes_writes(session, copies)


def _check_any_takes_writes(session: Session, copies: list[tuple[t.Calendar, t.Account]]) -> None:
    refusals = [_refusal(session, calendar, account) for calendar, account in copies]
    if None not in refusals and refusals[0] is not None:
        raise refusals[0]


def _refusal(session: Session, calendar: t.Calendar, account: t.Account) -> Refused | None:
    if settings.rules_of(session, account).direction is Direction.INBOUND:
        reason = (
            f"{account.label} is synced one way, into the CRM. Change the event in the calendar, "
            "or set the account's direction to both."
        )
        return NoWriting(reason, "one_way", account, "direction")
    if not account.can_write or not calendar.is_writable:
        name = calendar.name or account.label
        reason = f"{name} can only be read. Change the event in the calendar, or enable write access for the account."
        return NoWriting(reason, "read_only", account, "" if account.can_write else "write_access")
    return None


def wake(session: Session, activity: t.Activity, by: Actor, now: datetime) -> list[int]:
    """Make the accounts due that push an edit at once, and return their ids; the others come to it in their turn."""
    concerned = {t.pk(account): account for _, _, account in activities.copies(session, activity)}
    placed = placements.targets(session, [t.pk(activity)]).get(t.pk(activity), [])
    owners = [(c, accounts.get(session, c.account_id)) for c in accounts.write_targets(session, activity.owner_id)]
    for _, account in placed or owners:
        concerned.setdefault(t.pk(account), account)
    woken = [a for a in concerned.values() if _pushes_at_once(session, a, now)]
    for account in woken:
        accounts_service.ask_for_run(account, Trigger.EDIT, now, by.user_id)
    return [t.pk(a) for a in woken]


def wake_all(session: Session, rows: Collection[t.Activity], by: Actor, now: datetime) -> list[int]:
    """Do for many activities what `wake` does for one, by a handful of queries."""
    ids = [t.pk(row) for row in rows]
    if not ids:
        return []
    placed = placements.targets(session, ids)
    concerned = {t.pk(place.account): place.account for place in whereabouts.places(session, ids)}
    concerned |= {t.pk(account): account for found in placed.values() for _, account in found}
    owners = {row.owner_id for row in rows if t.pk(row) not in placed}
    concerned |= {t.pk(a): a for found in whereabouts.write_targets(session, owners).values() for _, a in found}
    woken = [account for account in concerned.values() if _pushes_at_once(session, account, now)]
    for account in woken:
        accounts_service.ask_for_run(account, Trigger.EDIT, now, by.user_id)
    return [t.pk(account) for account in woken]


def _pushes_at_once(session: Session, account: t.Account, now: datetime) -> bool:
    if account.state != AccountState.ACTIVE or not account.grant_ok:
        return False
    if account.rate_limited_until is not None and account.rate_limited_until > now:
        return False
    return settings.rules_of(session, account).frequency == "realtime"


def hint(rt: Runtime, account_ids: Collection[int]) -> None:
    """Tell the queue, after the transaction."""
    for account_id in account_ids:
        rt.enqueue("sync_account", account_id=account_id)
