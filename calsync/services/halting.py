"""Somebody says stop while a run goes on: it ends before its next write, and what it has not written waits.

Rules do not change during a run. Pausing does: who presses it sees something go wrong, and means now.
"""

from __future__ import annotations

from calsync.engine.vocabulary import AccountState
from calsync.errors import CalsyncError
from calsync.services import settings
from calsync.services.context import Context
from calsync.store import accounts


class Halted(CalsyncError):
    """The run is not to go on. The message is a sentence for people."""


def check(ctx: Context, *, writes: bool = True) -> None:
    """Raise Halted if, since the run began, the account was paused or, before `writes`, all writing was."""
    with ctx.rt.reading() as session:
        state = accounts.state(session, ctx.account_id)
        is_stopped = writes and not ctx.writes_paused and settings.switches_of(session)[0].writes_paused
    if state == AccountState.PAUSED and ctx.account.state == AccountState.ACTIVE:
        raise Halted("The account was paused in the middle of this run. What is left waits for the end of the pause.")
    if is_stopped:
        raise Halted("All writing was paused in the middle of this run. What is left waits for the end of that.")
