"""Channels by which providers tell us of changes: opened for calendars that sync, renewed in time, stopped.

Each is a row that says what is to be done next and when, so that a failure is only a later try, and never a run's.
Polling goes on beside it: not every change is told.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlmodel import Session, col

from calsync.engine.backoff import DAILY, Backoff
from calsync.errors import NotAllowed, NotFound, ProviderError, RateLimited, Refused, Rejected, SignInNeeded
from calsync.providers.base import CalendarClient
from calsync.providers.channels import Channel, Notifying, Watcher
from calsync.runtime import Actor, Runtime
from calsync.services import clients, settings, usage, wanted_channels
from calsync.services.wanted_channels import Decided, Place
from calsync.store import accounts, audit, credentials
from calsync.store import channels as rows
from calsync.store import tables as t

PATH = "/hooks/{provider}"
CLAIM = timedelta(minutes=5)
"""How long somebody who opens or stops a channel has time before another one tries."""

AGAIN = Backoff(first=timedelta(minutes=1), longest=timedelta(hours=6), tries=12)
LAST_STOP = 5
"""After so many failures a channel is left to end by itself: a few days of notices that nobody needs."""

log = structlog.get_logger(__name__)


def address(rt: Runtime, provider: str) -> str:
    """Return where a provider sends its notices; "" while people do not reach us by https: providers then refuse."""
    public = settings.public_url(rt)
    return public + PATH.format(provider=provider) if public.startswith("https://") else ""


def secret_of(rt: Runtime, public_id: str, channel_id: str) -> str:
    """Return a channel's secret. It names the account, so that a channel we have forgotten can still be stopped."""
    key = rt.settings.secret_key.get_secret_value().encode()
    mac = hmac.new(key, f"channel {public_id} {channel_id}".encode(), hashlib.sha256)
    return f"{public_id}.{mac.hexdigest()}"


def keep(rt: Runtime) -> list[int]:
    """Return the accounts at whose provider a channel is to be opened or stopped now. Costs four queries."""
    where = {name: address(rt, name) for name, entry in rt.providers.items() if isinstance(entry, Notifying)}
    now = rt.now()
    with rt.reading() as session:
        found, known = rows.watched_accounts(session, where), rows.by_account(session)
        wanted = wanted_channels.of_accounts(session, found, where)
    places = {t.pk(account): wanted_channels.place(rt, account, where[account.provider]) for account in found}
    return [
        account_id
        for account_id, place in places.items()
        if _is_anything_to_do(wanted[account_id], known.get(account_id, []), place, now)
    ]


def _is_anything_to_do(wanted: set[int], known: Sequence[t.Channel], place: Place, now: datetime) -> bool:
    return bool(wanted_channels.decide(wanted, known, place, now) or _due(known, now))


def keep_account(rt: Runtime, account_id: int) -> None:
    """Open and stop an account's channels as far as it is time. Raises NotFound, but no provider's error."""
    with rt.reading() as session:
        account, calendars = accounts.get(session, account_id), accounts.list_calendars(session, account_id)
    here = address(rt, account.provider)
    mine = _claim(rt, account_id, here)
    if not mine:
        return
    client = clients.connected(rt, account, calendars)
    try:
        if isinstance(client, Watcher):
            names = {calendar.id: calendar.remote_id for calendar in calendars}
            for row in mine:
                _next_step(rt, client, account, row, names.get(row.calendar_id, ""), here)
            for row in _claim(rt, account_id, here):  # what a new channel has replaced
                _next_step(rt, client, account, row, names.get(row.calendar_id, ""), here)
    except (SignInNeeded, RateLimited):
        pass  # the others would meet the same: their turn comes when the claim has run out
    finally:
        client.close()
    with rt.writing() as session:
        usage.add(rt, session, account_id, usage.of(client))


def renew(rt: Runtime, channel_id: int, *, by: Actor) -> None:
    """Ask the provider for a new channel now, which takes the place of this one. Asking twice is fine.

    Raises NotAllowed, NotFound, and Refused for one that is not open.
    """
    if not by.is_admin:
        raise NotAllowed("renew channels")
    with rt.writing() as session:
        row = session.get(t.Channel, channel_id)
        if row is None:
            raise NotFound("channel", channel_id)
        if row.state != "open" or row.calendar_id is None:
            raise Refused("Only a channel that is open can be renewed.", code="not_open")
        account_id, calendar_id = row.account_id, row.calendar_id
        known = rows.of_account(session, account_id)
        if not any(each.calendar_id == calendar_id and each.state == "opening" for each in known):
            session.add(_new(account_id, calendar_id, rt.now()))
            thing = ("channel", str(channel_id), "")
            audit.record(session, by, "channel.renewed", thing, at=rt.now(), after={"account": account_id})
    rt.enqueue("keep_account_channels", account_id=account_id)


def stop_all(rt: Runtime, account_id: int) -> None:
    """Stop and forget an account's channels, as it leaves. Never raises ProviderError: they end by themselves, too."""
    with rt.reading() as session:
        account, found = accounts.get(session, account_id), rows.of_account(session, account_id)
        calendars = accounts.list_calendars(session, account_id)
    if not found:
        return
    if account.secret is not None:
        try:
            _stop_each(clients.connected(rt, account, calendars), found)
        except (ProviderError, NotFound) as error:
            log.info("channels.left", account_id=account_id, error=type(error).__name__)
    with rt.writing() as session:
        rows.drop_all(session, account_id)


def _stop_each(client: CalendarClient, found: Sequence[t.Channel]) -> None:
    try:
        for row in found:
            if isinstance(client, Watcher) and row.resource_id:
                client.stop(row.channel_id, row.resource_id)
    finally:
        client.close()


# --- what is to be done


def _due(known: Sequence[t.Channel], now: datetime) -> list[t.Channel]:
    return [row for row in known if row.next_try_at is not None and row.next_try_at <= now]


def _claim(rt: Runtime, account_id: int, here: str) -> list[t.Channel]:
    """Write down what should be, and return the channels whose turn it is: nobody else takes them for a while."""
    now = rt.now()
    with rt.writing() as session:
        query = sa.select(t.Account).where(col(t.Account.id) == account_id).with_for_update()
        account = session.scalars(query).one()
        if account not in rows.watched_accounts(session, [account.provider]):
            return []
        where = {account.provider: here}
        wanted = wanted_channels.of_accounts(session, [account], where)[account_id]
        place = wanted_channels.place(rt, account, here)
        decided = wanted_channels.decide(wanted, rows.of_account(session, account_id), place, now)
        _write(session, account_id, decided, now)
        session.flush()
        mine = _due(rows.of_account(session, account_id), now)
        for row in mine:
            row.next_try_at = now + CLAIM
    return sorted(mine, key=lambda row: row.state != "opening")


def _write(session: Session, account_id: int, decided: Decided, now: datetime) -> None:
    for row in decided.ended:
        session.delete(row)
    for row in decided.surplus:
        row.state, row.tries, row.next_try_at = "closing", 0, now
    for calendar_id in decided.missing:
        session.add(_new(account_id, calendar_id, now))


def _new(account_id: int, calendar_id: int, now: datetime) -> t.Channel:
    return t.Channel(
        account_id=account_id, calendar_id=calendar_id, channel_id=_new_id(), next_try_at=now, created_at=now
    )


def _new_id() -> str:
    return str(uuid.uuid4())


# --- one step at the provider


def _next_step(rt: Runtime, client: Watcher, account: t.Account, row: t.Channel, remote_id: str, here: str) -> None:
    """Open or stop one channel. Raises SignInNeeded and RateLimited, once they are noted."""
    try:
        if row.state == "closing":
            if row.resource_id:
                client.stop(row.channel_id, row.resource_id)
            _forget(rt, row)
        else:
            secret = secret_of(rt, account.public_id, row.channel_id)
            _note_open(rt, client, row, client.watch(remote_id, row.channel_id, secret, here), here)
    except ProviderError as error:
        _note_failure(rt, row, error)
        if isinstance(error, SignInNeeded | RateLimited):
            raise


def _note_open(rt: Runtime, client: Watcher, row: t.Channel, opened: Channel, here: str) -> None:
    with rt.writing() as session:
        known = session.get(t.Channel, row.id)
        if known is not None:
            known.resource_id, known.expires_at, known.opened_at = opened.resource_id, opened.expires_at, rt.now()
            known.tries, known.error, known.address = 0, "", here
            if opened.is_heard:
                credentials.note_heard(session, known.account_id, rt.now())
            # Deselected while it was opened: the next step is to stop it.
            known.state = "closing" if known.state == "closing" else "open"
            known.next_try_at = rt.now() if known.state == "closing" else None
    if known is None:  # the account has left meanwhile
        client.stop(opened.id, opened.resource_id)


def _note_failure(rt: Runtime, row: t.Channel, error: ProviderError) -> None:
    """Plan the next try: what is refused is asked for again the next day, a lost answer needs another id."""
    log.info("channel.failed", account_id=row.account_id, state=row.state, error=type(error).__name__)
    now = rt.now()
    with rt.writing() as session:
        known = session.get(t.Channel, row.id)
        if known is None:
            return
        known.tries, known.error = known.tries + 1, str(error)[:300]
        is_final = isinstance(error, Rejected) and error.code != "duplicate"
        known.next_try_at = now + (DAILY if is_final else AGAIN.wait(known.tries) or DAILY)
        if isinstance(error, RateLimited):
            known.next_try_at = max(error.until, known.next_try_at)
        if known.state == "opening":
            known.channel_id = _new_id()
        elif known.state == "closing" and (isinstance(error, Rejected) or known.tries >= LAST_STOP):
            session.delete(known)


def _forget(rt: Runtime, row: t.Channel) -> None:
    with rt.writing() as session:
        session.execute(sa.delete(t.Channel).where(col(t.Channel.id) == row.id))
