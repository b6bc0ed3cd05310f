"""What programs are told of: noticed while a transaction writes, put into the outbox of webhooks as it commits.

Nobody who writes a row has to think of it. What happens to activities comes from the feed of changes; everything else
a writing session notices by itself. Where nobody listens this costs one question per transaction that did something.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event as orm_events
from sqlalchemy.orm import attributes
from sqlmodel import Session

from calsync.engine import backoff
from calsync.engine.vocabulary import AccountState, BookingState, RunState
from calsync.engine.webhooks import Happening
from calsync.store import changes, messages, webhooks
from calsync.store import tables as t
from calsync.store.messages import Message, Seen

CLOCK = "calsync.clock"
"""Where a session keeps what tells the time; without it, the system's clock."""
QUEUED = "calsync.deliveries_queued"
"""Set on a session whose transaction put messages into the outbox."""

_SEEN = "calsync.happenings"


# --- noticing


changes.taken_back_by_savepoints(_SEEN)


def note(session: Session, what: Happening, row: Any, **more: Any) -> None:
    """Note what no flush shows."""
    session.info.setdefault(_SEEN, []).append(Seen(what, row, more))


@orm_events.listens_for(changes.WritingSession, "after_flush")
def _notice(session: Session, _context: Any) -> None:
    for row in (*session.new, *session.dirty):
        read = _READERS.get(type(row))
        if read is not None:
            session.info.setdefault(_SEEN, []).extend(read(row))


def _seen_of_account(row: t.Account) -> Iterator[Seen]:
    state, had_grant = _was(row, "state"), _was(row, "grant_ok")
    if row.state == AccountState.DISCONNECTED:
        if state != row.state:
            yield Seen(Happening.INTEGRATION_DISCONNECTED, row)
        return
    if state in (None, AccountState.DISCONNECTED) or (row.grant_ok and not had_grant):
        yield Seen(Happening.INTEGRATION_CONNECTED, row)
    if had_grant and not row.grant_ok:
        yield Seen(Happening.INTEGRATION_TOKEN_EXPIRED, row)
    if row.rate_limited_until is not None and _was(row, "rate_limited_until") is None:
        yield Seen(Happening.INTEGRATION_RATE_LIMITED, row)
    if _is_worse(_was(row, "failed_runs") or 0, row.failed_runs):
        yield Seen(Happening.INTEGRATION_ERROR, row)


def _is_worse(before: int, now: int) -> bool:
    """Whether runs began to fail, or failed so often by now that a person is needed. Each is told once."""
    return bool(now) and (not before or (backoff.needs_attention(now) and not backoff.needs_attention(before)))


def _seen_of_run(row: t.Run) -> Iterator[Seen]:
    state = _was(row, "state")
    if row.held and row.held > (_was(row, "held") or 0):
        yield Seen(Happening.RUN_HELD, row)
    is_done = row.state in (RunState.SUCCEEDED, RunState.NO_CHANGES, RunState.PARTIAL, RunState.HELD)
    if is_done and state == RunState.RUNNING and not row.error_class:
        yield Seen(Happening.INTEGRATION_SYNCED, row)


def _seen_of_conflict(row: t.Conflict) -> Iterator[Seen]:
    state = _was(row, "state")
    if row.state == "open" and state != "open":
        yield Seen(Happening.CONFLICT_OPENED, row)
    elif row.state != "open" and state == "open":
        yield Seen(Happening.CONFLICT_RESOLVED, row)


def _seen_of_booking(row: t.Booking) -> Iterator[Seen]:
    state, starts_at = _was(row, "state"), _was(row, "starts_at")
    match row.state:
        case BookingState.BOOKED if state != BookingState.BOOKED:
            yield Seen(Happening.BOOKING_CREATED, row)
        case BookingState.BOOKED if (starts_at, _was(row, "ends_at")) != (row.starts_at, row.ends_at):
            yield Seen(Happening.BOOKING_RESCHEDULED, row, {"previous_starts_at": messages.text(starts_at)})
        case BookingState.CANCELLED if state == BookingState.BOOKED:
            yield Seen(Happening.BOOKING_CANCELLED, row)


_READERS: dict[type, Callable[[Any], Iterator[Seen]]] = {
    t.Account: _seen_of_account,
    t.Run: _seen_of_run,
    t.Conflict: _seen_of_conflict,
    t.Booking: _seen_of_booking,
}


def _was(row: Any, name: str) -> Any:
    """Return a column's value before the flush; None for a new row."""
    if sa.inspect(row).pending:
        return None
    history = attributes.get_history(row, name)
    return history.deleted[0] if history.deleted else getattr(row, name)


# --- putting into the outbox


def publish(session: Session, made: changes.Published) -> None:
    """Write the messages of a transaction, its last statements before it commits."""
    seen = session.info.pop(_SEEN, ())
    listeners = webhooks.listening(session) if seen or made.notes else []
    wanted = frozenset[str]().union(*(events for _, events in listeners))
    if not wanted:
        return
    told = [each for each in seen if each.what in wanted]
    made_of = [*messages.rows(session, told), *messages.activities(session, made, wanted)]
    at = session.info.get(CLOCK, _system_time)()
    queue(session, [message_row(i, m, at) for m in made_of for i, events in listeners if m.what in events])


def queue(session: Session, rows: list[dict[str, Any]]) -> None:
    """Put messages into the outbox, to leave once the transaction is committed."""
    if rows:
        webhooks.insert(session, rows)
        session.info[QUEUED] = True


def message_row(webhook_id: int, message: Message, at: datetime) -> dict[str, Any]:
    """Return a message to one webhook as it is saved: due at once."""
    return {
        "public_id": f"msg_{secrets.token_hex(14)}",
        "webhook_id": webhook_id,
        "type": message.what,
        "subject": message.subject,
        "data": dict(message.data),
        "at": at,
        "is_test": False,
        "state": webhooks.WAITING,
        "tries": 0,
        "error": "",
        "next_try_at": at,
    }


def _system_time() -> datetime:
    return datetime.now(UTC)
