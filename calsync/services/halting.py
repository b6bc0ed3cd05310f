"""Somebody says stop while a run goes on: it ends before its next write, and what it has not written waits.

Rules do not change during a run. What is paused or switched off does: who presses that sees something go wrong, and
means now.
"""

from __future__ import annotations

from calsync.engine.vocabulary import AccountState
from calsync.errors import CalsyncError
from calsync.services import settings
from calsync.services.context import Context
from calsync.store import polls
from calsync.store import tables as t


class Halted(CalsyncError):
    """The run is not to go on. The message is a sentence for people."""


def check(ctx: Context, *, writes: bool = True) -> None:
    """Raise Halted if, since the run began, the account was paused, one of its calendars switched off or, before
    `writes`, all writing paused.
    """
    with ctx.rt.reading() as session:
        state, switches, off = polls.stops(session, ctx.account_id)
    if state == AccountState.PAUSED and ctx.account.state == AccountState.ACTIVE:
        raise Halted("The account was paused in the middle of this run. What is left waits for the end of the pause.")
    gone = [off[t.pk(each)] for each in ctx.calendars if each.syncs and each.id in off]
    if gone:
        raise Halted(
            f"Syncing of {gone[0]} was switched off in the middle of this run. The next one does what is left."
        )
    if writes and not ctx.writes_paused and settings.switches_from(switches).writes_paused:
        raise Halted("All writing was paused in the middle of this run. What is left waits for the end of that.")
