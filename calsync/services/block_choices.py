"""Whether a calendar takes busy blocks: who may choose that, and what switching it off leaves to the next run."""

from __future__ import annotations

from sqlmodel import Session

from calsync.errors import Refused
from calsync.providers.base import Capabilities
from calsync.runtime import Runtime
from calsync.services import clients
from calsync.store import tables as t


def can_hold(powers: Capabilities) -> bool:
    """Return whether blocks can be written to a provider's calendars: without our mark they come back as meetings."""
    return powers.keeps_private_fields


def choose(rt: Runtime, session: Session, account: t.Account, calendar: t.Calendar, wanted: bool) -> None:
    """Switch the blocks of a calendar on or off, on rows that the caller is writing. Raises Refused."""
    if wanted and not calendar.takes_blocks:
        why_not = _why_not(rt, account, calendar)
        if why_not:
            raise Refused(why_not, code="no_blocks", field="takes_blocks")
    if wanted != calendar.takes_blocks:
        calendar.takes_blocks, calendar.clears_blocks = wanted, not wanted


def _why_not(rt: Runtime, account: t.Account, calendar: t.Calendar) -> str:
    info = clients.provider_of(rt, account.provider).info
    if calendar.is_gone:
        return f"The calendar {calendar.name} no longer exists at the provider."
    if not calendar.is_writable or not account.can_write:
        return f"The calendar {calendar.name} is read-only: no busy blocks can be written to it."
    if not can_hold(info.capabilities):
        return f"{info.short} does not keep the mark by which blocks are known, so they would come back as meetings."
    if not (calendar.syncs or calendar.blocks or calendar.is_write_target):
        return "Blocks need a calendar that is read: switch Sync on for it, or Blocks availability."
    return ""
