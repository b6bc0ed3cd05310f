"""Which channels there should be: for calendars that sync, at providers that reach us, replaced before they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from calsync.engine import status
from calsync.engine.rules import Rules, overlay
from calsync.providers.channels import Channel
from calsync.runtime import Runtime
from calsync.services import settings
from calsync.store import channels as rows
from calsync.store import tables as t


@dataclass(frozen=True, slots=True)
class Decided:
    """What differs from how it should be: calendars without a channel, and channels to stop or to forget."""

    missing: tuple[int, ...]
    surplus: tuple[t.Channel, ...]
    ended: tuple[t.Channel, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.surplus or self.ended)


@dataclass(frozen=True, slots=True)
class Place:
    """Where we are reached, and after which share of its life a channel there is replaced."""

    address: str
    renewal: float


def of_accounts(session: Session, found: Sequence[t.Account], where: Mapping[str, str]) -> dict[int, set[int]]:
    """Return the calendars that should have a channel, by account. `where` gives our address by provider."""
    base, _ = settings.organisation_rules(session)
    syncing = rows.syncing_calendars(session, [t.pk(account) for account in found])
    return {
        t.pk(account): syncing.get(t.pk(account), set())
        if where[account.provider] and _listens(account, base)
        else set()
        for account in found
    }


def _listens(account: t.Account, base: Rules) -> bool:
    """An account that syncs when somebody asks, and only then, wants no notices."""
    return status.interval(overlay(base, account.overrides)) is not None


def place(rt: Runtime, account: t.Account, address: str) -> Place:
    """Return the place that an account's provider reaches us at."""
    return Place(address, rt.providers[account.provider].info.capabilities.renews_channels_after)


def decide(wanted: set[int], known: Sequence[t.Channel], place: Place, now: datetime) -> Decided:
    """Compare the channels there are, the oldest first, with the calendars that should have one."""
    ended = tuple(row for row in known if row.expires_at is not None and row.expires_at <= now)
    alive = [row for row in known if row not in ended and row.state != "closing"]
    newest = {row.calendar_id: row for row in alive if row.state == "open"}
    served = {row.calendar_id for row in alive if row.state == "opening" or not _is_old(row, place, now)}
    surplus = [row for row in alive if row.calendar_id not in wanted or newest.get(row.calendar_id, row) is not row]
    # One that is being opened beside an older one is the next, not too many.
    surplus = [row for row in surplus if row.calendar_id not in wanted or row.state == "open"]
    return Decided(tuple(sorted(wanted - served)), tuple(surplus), ended)


def _is_old(row: t.Channel, place: Place, now: datetime) -> bool:
    """Return whether an open channel is to be replaced: it ends soon, or it leads to where we are no more."""
    if row.opened_at is None or row.expires_at is None or not is_here(row, place.address):
        return True
    return Channel(row.channel_id, row.resource_id, row.expires_at).renew_at(row.opened_at, place.renewal) <= now


def is_here(row: t.Channel, here: str) -> bool:
    """Return whether a channel leads to our address; those opened before that was noted are taken to."""
    return row.address in ("", here)
