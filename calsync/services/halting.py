"""Somebody says stop while a run goes on: it ends before its next write, and what it has not written waits.

Rules do not change during a run. What is paused or switched off does: who presses that sees something go wrong, and
means now.
"""

from __future__ import annotations

from calsync.engine.vocabulary import AccountState
from calsync.errors import CalsyncError
from calsync.services import settings
from calsync.services.context import Context
from calsync.store import accounts
from calsync.store import tables as t


class Halted(CalsyncError):
    """The run is not to go on. The message is a sentence for people."""


def check(ctx: Context, *, writes: bool = True) -> None:
    """Raise Halted if, since the run began, the account was paused, one of its calendars switched off or, before
    `writes`, all writing paused.
    """
    synced = [t.pk(calendar) for calendar in ctx.calendars if calendar.syncs]
    with ctx.rt.reading() as session:
        state = accounts.state(session, ctx.account_id)
        off = accounts.switched_off(session, synced)
        is_stopped = writes and not ctx.writes_paused and settings.switches_of(session)[0].writes_paused
    if state == AccountState.PAUSED and ctx.account.state == AccountState.ACTIVE:
        raise Halted("The account was paused in the middle of this run. What is left waits for the end of the pause.")
    if off:
        raise Halted(f"Syncing of {off[0]} was switched off in the middle of this run. The next one does what is left.")
    if is_stopped:
        raise Halted("All writing was paused in the middle of this run. What is left waits for the end of that.")
