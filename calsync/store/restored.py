"""What must be forgotten in a database that was put back: it speaks of a past that the providers have left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy
from sqlalchemy import update
from sqlmodel import col

from calsync.engine.vocabulary import OPEN_STEP_STATES, RunState, StepState
from calsync.store import tables as t

WITHHELD = "withheld: a backup was restored"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows lost something."""

    accounts: int
    calendars: int
    steps: int
    mails: int


def start_over(connection: sqlalchemy.Connection, epoch: int, now: datetime) -> Forgotten:
    """Give the database its new epoch and drop what must not be acted on.

    Cursors are dropped, open steps superseded, waiting mail and messages withheld, logins, tokens and links for
    passwords ended, channels forgotten, and every account's next plan is held; `account.restore_epoch` differs from the
    epoch until it was compared.
    """

    def change(statement: sqlalchemy.Update) -> int:
        return connection.execute(statement).rowcount

    _new_epoch(connection, epoch)
    change(update(t.Login).where(col(t.Login.ended_at).is_(None)).values(ended_at=now))
    connection.execute(sqlalchemy.delete(t.Invite).where(col(t.Invite.used_at).is_(None)))
    # One that was revoked since must not come alive again; the answers to repeated requests are of another past.
    change(update(t.ApiToken).where(col(t.ApiToken.revoked_at).is_(None)).values(revoked_at=now))
    connection.execute(sqlalchemy.delete(t.IdempotencyKey))
    # They arrived since, or were overtaken; who wants them sends them again.
    waiting = update(t.Delivery).where(col(t.Delivery.state) == "waiting")
    change(waiting.values(state="failed", next_try_at=None, ended_at=now))
    change(update(t.Webhook).values(lease_owner=None, lease_until=None))
    # They may have been stopped since. Those that were not are found by their next notice.
    connection.execute(sqlalchemy.delete(t.Channel))
    unfinished = col(t.Run.state).in_((RunState.QUEUED, RunState.RUNNING, RunState.HELD))
    ended: dict[str, Any] = {"state": RunState.CANCELLED, "finished_at": now}
    change(update(t.Run).where(unfinished).values(**ended, error="A backup was restored."))
    mails = update(t.Mail).where(col(t.Mail.state) == "waiting")
    return Forgotten(
        accounts=change(update(t.Account).values(_of_account())),
        calendars=change(update(t.Calendar).values(cursor=None)),
        steps=change(
            update(t.Step)
            .where(col(t.Step.state).in_(OPEN_STEP_STATES))
            .values(state=StepState.SUPERSEDED, finished_at=now, next_attempt_at=None)
        ),
        mails=change(mails.values(state="withheld", error=WITHHELD, next_attempt_at=None)),
    )


def _of_account() -> dict[str, Any]:
    return {
        "hold_next_plan": True,
        "approved_digest": "",
        "lease_owner": None,
        "lease_until": None,
        "in_sync_since": None,
    }


def _new_epoch(connection: sqlalchemy.Connection, epoch: int) -> None:
    changed = connection.execute(update(t.Instance).values(epoch=epoch, scheduler_tick_at=None))
    if changed.rowcount == 0:
        connection.execute(sqlalchemy.insert(t.Instance).values(id=1, epoch=epoch, key_check=""))
