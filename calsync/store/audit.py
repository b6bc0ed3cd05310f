"""The audit log: who did what to what. Rows are only ever added, and each one's hash covers the one before it.

Whoever changes or removes a row in the middle breaks the chain, which `verify` finds. Cutting rows off the end
cannot be seen from inside the database.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol, cast

import sqlalchemy
from sqlmodel import Session, col, select

from calsync.store import changes as feed
from calsync.store import keyset
from calsync.store import tables as t
from calsync.store.keyset import Cut, Slice

HIDDEN = "(hidden)"
_SECRET = re.compile(r"password|secret|token|_hash$|^code$|_key$|sealed|authorization", re.IGNORECASE)
_CHAIN_LOCK = 7_201_969  # any number that nothing else in the database locks


class Who(Protocol):
    """The part of an Actor that is written down."""

    @property
    def user_id(self) -> int | None: ...
    @property
    def label(self) -> str: ...
    @property
    def address(self) -> str: ...


Thing = Any
"""What was acted on: a table's row, or (kind, id, label)."""


def record(
    session: Session,
    by: Who,
    action: str,
    thing: Thing,
    *,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> t.AuditEntry:
    """Add a row about `action` ("account.paused") and return it.

    Call it last in a transaction: until the transaction ends nobody else can add a row. Values whose names
    sound like secrets are replaced by "(hidden)", a private activity's title is left out.
    """
    feed.made_by(session, feed.by_actor(by), weakly=True)
    kind, id_, label = _describe(thing)
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(_CHAIN_LOCK)))
    entry = t.AuditEntry(
        at=at.astimezone(UTC),
        actor_id=by.user_id,
        actor=by.label[:320],
        action=action,
        object_kind=kind[:30],
        object_id=id_[:60],
        object_label=label[:300],
        before=_harmless(before),
        after=_harmless(after),
        address=by.address[:64],
        previous_hash=_last_hash(session),
        hash="",
    )
    entry.hash = _hash(entry)
    session.add(entry)
    session.flush()
    return entry


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both mappings without what is the same in them."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


def verify(session: Session) -> int | None:
    """Return the id of the first row that does not follow from the one before it; None when all do."""
    checked = Checked()
    while not (checked.is_done or checked.broken_id):
        checked = verify_part(session, checked.last_id)
    return checked.broken_id


@dataclass(frozen=True, slots=True)
class Checked:
    """How far a check has come: to the row `last_id`, 0 for none. `broken_id` does not follow from the one before."""

    last_id: int = 0
    broken_id: int | None = None
    is_done: bool = False


def verify_part(session: Session, after_id: int, limit: int = 500) -> Checked:
    """Check the next rows after `after_id`, which was found right."""
    table: Any = t.AuditEntry.__table__  # type: ignore[attr-defined]
    before = sqlalchemy.select(table.c.hash).where(table.c.id == after_id)
    previous = session.connection().execute(before).scalar() or ""
    # Plain columns: the log is long, and entities cost more than their hashes.
    query = sqlalchemy.select(table).where(table.c.id > after_id).order_by(table.c.id).limit(limit)
    rows = session.connection().execute(query).all()
    for row in rows:
        if row.previous_hash != previous or row.hash != _hash(row):
            return Checked(after_id, int(row.id))
        previous = row.hash
    return Checked(int(rows[-1].id) if rows else after_id, is_done=len(rows) < limit)


def list_entries(
    session: Session,
    *,
    cut: Cut | None = None,
    actor: str = "",
    action: str = "",
    kind: str = "",
    id: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> Slice:
    """Return a slice of the log, newest first; its key is (id,). `action` is a beginning: "account."."""
    entry = t.AuditEntry
    query = sqlalchemy.select(entry)
    if actor:
        query = query.where(col(entry.actor) == actor)
    if action:
        query = query.where(col(entry.action).startswith(action, autoescape=True))
    if kind:
        query = query.where(col(entry.object_kind) == kind)
    if id:
        query = query.where(col(entry.object_id) == id)
    if since is not None:
        query = query.where(col(entry.at) >= since)
    if until is not None:
        query = query.where(col(entry.at) < until)
    return keyset.fetch(session, query, [cast(Any, entry.id)], cut or Cut())


def _describe(thing: Thing) -> tuple[str, str, str]:
    if isinstance(thing, tuple):
        kind, id_, label = thing
        return str(kind), str(id_), str(label)
    label = next((str(v) for n in ("email", "label", "name", "title") if (v := getattr(thing, n, ""))), "")
    is_private = getattr(thing, "is_private", False)
    return str(thing.__tablename__), str(getattr(thing, "id", "")), "" if is_private else label


def _last_hash(session: Session) -> str:
    query = select(t.AuditEntry.hash).order_by(col(t.AuditEntry.id).desc()).limit(1)
    return session.exec(query).first() or ""


def _hash(entry: t.AuditEntry | sqlalchemy.Row[Any]) -> str:
    # The actor's id is not covered: it goes when the person's row goes, the label stays.
    facts = [
        entry.previous_hash,
        entry.at.astimezone(UTC).isoformat(),
        entry.actor,
        entry.action,
        entry.object_kind,
        entry.object_id,
        entry.object_label,
        entry.before,
        entry.after,
        entry.address,
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _harmless(facts: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if facts is None:
        return None
    return {str(name): HIDDEN if _SECRET.search(str(name)) else _plain(value) for name, value in facts.items()}


def _plain(value: Any) -> Any:
    """Return `value` as JSON gives it back, so that its hash is the same after reading."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case Mapping():
            return _harmless(value)
        case list() | tuple() | set() | frozenset():
            return [_plain(each) for each in value]
        case _:
            raise TypeError(f"{type(value).__name__} does not belong into the audit log")
