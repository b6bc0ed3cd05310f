"""Busy time that is asked for: of rooms and people whose calendars are not connected here, through an account whose
provider tells of others (`Capabilities.tells_free_busy`).

Answers are rows, as fresh as their `read_at`; they are asked for every few minutes, and again before a booking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from calsync.engine import clock
from calsync.engine.vocabulary import AccountState, ResourceKind
from calsync.errors import ProviderError, RateLimited, Refused
from calsync.providers import free_busy
from calsync.providers.free_busy import FreeBusy, Told, Window
from calsync.runtime import Actor, Runtime
from calsync.services import activity_fields, clients, resources, settings
from calsync.services.believing import ASKED_EVERY
from calsync.store import accounts as account_rows
from calsync.store import asked_busy as rows
from calsync.store import audit, rooms, scheduling
from calsync.store import tables as t

AHEAD = timedelta(days=92)
"""How far ahead is asked: what lies beyond counts as busy."""

UNTOLD = timedelta(hours=1)
"""When to ask again where the provider tells nothing."""


def list_accounts(rt: Runtime, session: Session) -> list[t.Account]:
    """Return the accounts through which can be asked, by label."""
    names = [name for name, entry in rt.providers.items() if entry.info.capabilities.tells_free_busy]
    return rows.accounts(session, names)


def set_address(
    rt: Runtime, resource_id: int, account_id: int, address: str, *, is_invited: bool = False, by: Actor
) -> t.Resource:
    """Have a resource's busy time asked for under an address, through an account.

    `is_invited`: bookings invite it from that account's main calendar, as a room. Raises NotFound, NotAllowed; Refused
    (code `invalid`, `has_calendar`, `cannot_ask`, `disconnected`, and where it is invited also `no_room`,
    `cannot_invite`, `no_calendar` and those of `resources.check_calendar`).
    """
    resources.admin(by, "choose whose busy time is asked for")
    address = activity_fields.clean_address(address.strip(), "address")
    with rt.writing() as session:
        row = scheduling.lock_resources(session, [resource_id])
        resource = row[0] if row else scheduling.get_resource(session, resource_id)
        account = account_rows.get(session, account_id)
        _check(rt, resource, account)
        if is_invited:
            _check_invited(rt, session, resource, account)
        resource.asked_account_id, resource.asked_address = account_id, address
        resource.is_invited = is_invited
        resource.row_version += 1
        rows.forget(session, resource_id)
        start, end = _window(rt.now())
        made = t.AskedBusy(
            resource_id=resource_id, account_id=account_id, address=address, starts_at=start, ends_at=end
        )
        made.next_ask_at = rt.now()
        session.add(made)
        thing = ("resource", str(resource_id), resource.name)
        after = {"address": address, "is_invited": is_invited}
        audit.record(session, by, "resource.asked", thing, at=rt.now(), after=after)
    rt.enqueue("ask_busy", account_id=account_id)
    return resource


def drop(rt: Runtime, resource_id: int, *, by: Actor) -> t.Resource:
    """Ask no more about a resource. Dropping it twice is fine. Raises NotFound, NotAllowed."""
    resources.admin(by, "choose whose busy time is asked for")
    with rt.writing() as session:
        resource = scheduling.get_resource(session, resource_id)
        if resource.asked_address:
            resources.stop_asking(session, resource)
            thing = ("resource", str(resource_id), resource.name)
            audit.record(session, by, "resource.no_longer_asked", thing, at=rt.now())
        return resource


def list_due(rt: Runtime) -> list[int]:
    """Return the accounts through which something is to be asked now."""
    with rt.reading() as session:
        return rows.due_accounts(session, rt.now())


def ask(rt: Runtime, account_id: int) -> None:
    """Ask for everything that is asked through an account. What goes wrong stands with the answers. Raises NotFound."""
    with rt.reading() as session:
        addresses = sorted({row.address for row in rows.of_account(session, account_id)})
    if not addresses:
        return
    window = _window(rt.now())
    try:
        found = _answers(rt, account_id, addresses, window)
    except (ProviderError, Refused) as error:
        _note(rt, account_id, error)
        return
    with rt.writing() as session:
        for row in rows.of_account(session, account_id):
            if row.address in found:
                ours = rooms.own_times(session, row.resource_id, *window) if _is_invited(session, row) else []
                _save(row, found[row.address], ours, window, rt.now())


def _is_invited(session: Session, row: t.AskedBusy) -> bool:
    return scheduling.get_resource(session, row.resource_id).is_invited


def _answers(rt: Runtime, account_id: int, addresses: list[str], window: Window) -> Mapping[str, Told]:
    client = clients.open_reading(rt, account_id)
    try:
        if not isinstance(client, FreeBusy):
            raise Refused("This account's provider tells nothing of others.", code="cannot_ask")
        return client.free_busy(addresses, window)
    finally:
        client.close()


def _save(row: t.AskedBusy, told: Told, ours: Sequence[Window], window: Window, now: datetime) -> None:
    """Write down what was told. What a room is busy with by bookings of ours is known better here."""
    row.why, row.error = told.why, ""
    row.next_ask_at = now + (UNTOLD if told.why else ASKED_EVERY)
    if not told.why:
        spans = free_busy.without(told.busy, ours)
        row.spans = [[start.isoformat(), end.isoformat()] for start, end in spans]
        (row.starts_at, row.ends_at), row.read_at = window, now


def _note(rt: Runtime, account_id: int, error: ProviderError | Refused) -> None:
    """Leave an error with the answers; what was told before stays, and grows old."""
    until = error.until if isinstance(error, RateLimited) else rt.now() + ASKED_EVERY
    with rt.writing() as session:
        for row in rows.of_account(session, account_id):
            row.error, row.next_ask_at = str(error)[:300], until


def _window(now: datetime) -> Window:
    """Return from when to when is asked: the day that began everywhere before now, and AHEAD."""
    start = clock.moment(clock.seconds(now) // clock.DAY * clock.DAY) - timedelta(days=1)
    return start, start + AHEAD


def _check(rt: Runtime, resource: t.Resource, account: t.Account) -> None:
    info = clients.provider_of(rt, account.provider).info
    if resource.calendar_id is not None:
        reason = "It has a calendar here, which says when it is busy. Take that off first."
        raise Refused(reason, code="has_calendar", field="address")
    if not info.capabilities.tells_free_busy:
        reason = f"{info.short} does not tell when others are busy. Choose another account."
        raise Refused(reason, code="cannot_ask", field="account")
    if account.state == AccountState.DISCONNECTED:
        raise Refused("This account is disconnected.", code="disconnected", field="account")


def _check_invited(rt: Runtime, session: Session, resource: t.Resource, account: t.Account) -> None:
    info = clients.provider_of(rt, account.provider).info
    if resource.kind == ResourceKind.PERSON:
        reason = "A person is not invited this way: they would get mail. Map their calendar instead."
        raise Refused(reason, code="no_room", field="address")
    if not info.capabilities.invites_rooms:
        raise Refused(f"{info.short} takes no invitations of rooms from here.", code="cannot_invite", field="account")
    calendar = rooms.main_calendar(session, t.pk(account))
    if calendar is None:
        reason = f"{account.label} has no main calendar, which is where rooms send their answers."
        raise Refused(reason, code="no_calendar", field="account")
    resources.check_calendar(calendar, account, settings.rules_of(session, account))
