"""What messages to programs say. They name things and carry nothing private: a receiver asks the API for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import mapping
from calsync.engine.vocabulary import ChangeKind
from calsync.engine.webhooks import Happening
from calsync.store import tables as t
from calsync.store.changes import Note, Published

COUNTS = ("created", "updated", "deleted", "conflicts", "held", "failed")


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that happened to a row, with what the row no longer tells."""

    what: Happening
    row: Any
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """`subject` is what it is about: messages about one are delivered in order."""

    what: Happening
    subject: str
    data: Mapping[str, Any]


def rows(session: Session, seen: Iterable[Seen]) -> list[Message]:
    """Return one message for each thing and what became of it, with the facts as they are at the end."""
    found: dict[tuple[str, str, int], Seen] = {}
    for each in seen:
        found.setdefault((each.what, each.row.__tablename__, each.row.id), each)
    return [_TELLERS[type(each.row)](session, each) for each in found.values() if not _is_repeated(session, each)]


def activities(session: Session, made: Published, wanted: frozenset[str]) -> list[Message]:
    """Return the messages about what a transaction did to activities, of the wanted types."""
    notes = [note for note in made.notes if _OF_CHANGES[note.what] in wanted]
    if not notes:
        return []
    names = _names(session, [note.activity_id for note in notes])
    users = _users(session, {note.owner_id for note in notes})
    common = {
        "integration_id": _of_account(session, made.by.account_id).get("integration_id"),
        "by": {"kind": made.by.kind, "name": made.by.label},
    }
    return [_of_note(note, names, users, common) for note in notes if note.activity_id in names]


def text(moment: datetime | None) -> str | None:
    """Return a moment as messages carry it: RFC 3339, in UTC."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _is_repeated(session: Session, seen: Seen) -> bool:
    """Whether a run holds what the one before it held: every run plans anew what nobody has approved yet."""
    if seen.what is not Happening.RUN_HELD:
        return False
    run: t.Run = seen.row
    earlier = (col(t.Run.account_id) == run.account_id, col(t.Run.id) < run.id, col(t.Run.plan_digest) != "")
    query = sa.select(col(t.Run.plan_digest)).where(*earlier).order_by(col(t.Run.id).desc()).limit(1)
    return session.connection().execute(query).scalar() == run.plan_digest


def _of_note(
    note: Note, names: dict[int, tuple[str, str | None]], users: dict[int, str], common: Mapping[str, Any]
) -> Message:
    public_id, external_id = names[note.activity_id]
    data = {"activity_id": public_id, "external_id": external_id, "user_id": users.get(note.owner_id)}
    what = {"change": str(note.what), "fields": _public(note.fields)}
    return Message(_OF_CHANGES[note.what], f"activity:{note.activity_id}", {**data, **what, **common})


_OF_CHANGES = {
    ChangeKind.CREATED: Happening.ACTIVITY_CREATED,
    ChangeKind.UPDATED: Happening.ACTIVITY_UPDATED,
    ChangeKind.RESTORED: Happening.ACTIVITY_UPDATED,
    ChangeKind.CANCELLED: Happening.ACTIVITY_CANCELLED,
}


def _account(session: Session, seen: Seen) -> Message:
    row: t.Account = seen.row
    data = _of_whom(session, row)
    match seen.what:
        case Happening.INTEGRATION_ERROR:
            data["error"] = {"code": row.last_error_class or "provider", "message": row.last_error}
        case Happening.INTEGRATION_TOKEN_EXPIRED:
            data["error"] = {"code": "auth", "message": row.grant_error}
        case Happening.INTEGRATION_RATE_LIMITED:
            data["rate_limit_resets_at"] = text(row.rate_limited_until)
    return Message(seen.what, f"integration:{row.id}", data)


def _run(session: Session, seen: Seen) -> Message:
    row: t.Run = seen.row
    counts = {name: getattr(row, name) for name in COUNTS}
    data = {**_of_account(session, row.account_id), "run_id": row.public_id, "trigger": row.trigger, **counts}
    is_about_the_run = seen.what is Happening.RUN_HELD
    return Message(seen.what, f"run:{row.id}" if is_about_the_run else f"integration:{row.account_id}", data)


def _conflict(session: Session, seen: Seen) -> Message:
    row: t.Conflict = seen.row
    activity = None if row.activity_id is None else session.get(t.Activity, row.activity_id)
    data = {
        **_of_account(session, row.account_id),
        "conflict_id": row.id,
        "kind": row.kind,
        "fields": sorted(_public(row.fields)),
        "activity_id": None if activity is None else activity.public_id,
    }
    if seen.what is Happening.CONFLICT_RESOLVED:
        data["choice"] = row.choice if row.state == "resolved" else None
    return Message(seen.what, f"conflict:{row.id}", data)


def _booking(session: Session, seen: Seen) -> Message:
    row: t.Booking = seen.row
    activity = None if row.activity_id is None else session.get(t.Activity, row.activity_id)
    event_type = None if row.event_type_id is None else session.get(t.EventType, row.event_type_id)
    data = {
        "booking_id": row.public_id,
        "activity_id": None if activity is None else activity.public_id,
        "user_id": None if activity is None else _user(session, activity.owner_id),
        "event_type_id": None if event_type is None else event_type.public_id,
        "starts_at": text(row.starts_at),
        "ends_at": text(row.ends_at),
        **seen.more,
    }
    return Message(seen.what, f"booking:{row.id}", data)


_TELLERS: dict[type, Callable[[Session, Seen], Message]] = {
    t.Account: _account,
    t.Run: _run,
    t.Conflict: _conflict,
    t.Booking: _booking,
}


def _public(fields: Iterable[str]) -> list[str]:
    return [mapping.PUBLIC_NAMES.get(name, name) for name in fields]


def _of_account(session: Session, account_id: int | None) -> dict[str, Any]:
    account = None if account_id is None else session.get(t.Account, account_id)
    return {} if account is None else _of_whom(session, account)


def _of_whom(session: Session, account: t.Account) -> dict[str, Any]:
    user_id = _user(session, account.user_id)
    return {"integration_id": account.public_id, "provider": account.provider.upper(), "user_id": user_id}


def _user(session: Session, user_id: int) -> str | None:
    return _users(session, {user_id}).get(user_id)


def _users(session: Session, ids: set[int]) -> dict[int, str]:
    query = sa.select(col(t.User.id), col(t.User.public_id)).where(col(t.User.id).in_(sorted(ids)))
    return {int(i or 0): public_id for i, public_id in session.connection().execute(query)}


def _names(session: Session, ids: list[int]) -> dict[int, tuple[str, str | None]]:
    A = t.Activity
    found: dict[int, tuple[str, str | None]] = {}
    for start in range(0, len(ids), 500):
        query = sa.select(col(A.id), col(A.public_id), col(A.external_id))
        part = session.connection().execute(query.where(col(A.id).in_(ids[start : start + 500])))
        found |= {int(i or 0): (public_id, external_id) for i, public_id, external_id in part}
    return found
