"""Conflicts: what policy does not settle, and a person or a program decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from calsync.engine.vocabulary import ConflictKind, Scope
from calsync.errors import NotFound
from calsync.services import conflicts, keep_both
from calsync.store import conflict_list
from calsync.store import tables as t
from calsync.store.conflict_list import Filters, Line
from webapp.api import lookup, paging
from webapp.api.operations import Call, operation
from webapp.api.paging import Listed, Paged
from webapp.api.schemas.activities import FIELD_NAMES
from webapp.api.schemas.base import Sent, Time, Told

TAG = "Conflicts"
_STORED = {shown: stored for stored, shown in FIELD_NAMES.items()}


class ConflictQuery(Paged):
    """Which conflicts are wanted: open ones, the oldest first, or decided ones, the newest first."""

    is_open: bool = True
    integration_id: str | None = Field(None, max_length=64)
    kind: ConflictKind | None = None


class ConflictOut(Told):
    """A record that both sides changed, or that could be several."""

    id: int
    kind: str
    state: str
    integration_id: str
    provider: str
    activity_id: str | None
    title: str
    fields: dict[str, Any] = Field(description="Each clashing field with its values: agreed, local (the CRM's), remote")
    candidates: list[str] = Field(description="Of a duplicate match: the activities that it could be")
    local_fingerprint: str
    remote_fingerprint: str
    is_withheld: bool
    opened_at: Time
    closed_at: Time | None
    remind_at: Time | None


class ConflictList(Listed[ConflictOut]):
    pass


class ResolveIn(Sent):
    """Which side stands. The fingerprints that you saw make sure that you decide about what is there."""

    choice: dict[str, str] | Literal["crm", "external", "both"] = Field(
        description="crm, external or both for the whole record, or a side for each field; of a duplicate match "
        '{"*": "new"} or {"*": "<activity id>"}',
        examples=["crm", {"title": "crm", "time": "external"}],
    )
    local_fingerprint: str | None = Field(None, max_length=32)
    remote_fingerprint: str | None = Field(None, max_length=64)


class PutOffIn(Sent):
    until: datetime | None = Field(None, description="Within 30 days; null takes it back")


@operation("GET", "/conflicts", Scope.READ, tag=TAG, query=ConflictQuery, answer=ConflictList)
def list_conflicts(call: Call) -> ConflictList:
    """List conflicts"""
    asked: ConflictQuery = call.query
    filters = Filters(
        viewer_id=lookup.viewer_id(call.by),
        is_open=asked.is_open,
        account_id=t.pk(lookup.account(call, asked.integration_id)) if asked.integration_id else None,
        kind=asked.kind.value if asked.kind else "",
    )
    with call.rt.reading() as session:
        found = conflict_list.list_conflicts(session, filters, asked.cut())
    named = _named(call, [line.conflict for line in found.rows])
    part = paging.listed(found, lambda line: _told(call, line, named), lambda line: (t.pk(line.conflict),))
    return ConflictList(items=part.items, next=part.next)


@operation("GET", "/conflicts/<int:id>", Scope.READ, tag=TAG, answer=ConflictOut)
def show_conflict(call: Call, id: int) -> ConflictOut:
    """Show a conflict"""
    around = _around(call, id)
    line = Line(around.conflict, around.account.label, around.account.provider, t.pk(around.owner), "", None)
    return _told(call, line, _named(call, [around.conflict]))


@operation(
    "POST", "/conflicts/<int:id>/resolve", Scope.WRITE, tag=TAG, body=ResolveIn, answer=ConflictOut, problems=(409,)
)
def resolve_conflict(call: Call, id: int) -> ConflictOut:
    """Decide a conflict

    The next run, due at once, carries it out. 409 with the code `changed`: a side has changed since you looked.
    """
    around, sent = _around(call, id), call.body
    seen = {"local_fp": sent.local_fingerprint, "remote_fp": sent.remote_fingerprint}
    if sent.choice == "both":
        keep_both.keep_both(call.rt, id, **seen, by=call.by)
    else:
        conflicts.resolve(call.rt, id, _choice(call, around.conflict, sent.choice), **seen, by=call.by)
    return show_conflict(call, id)


@operation(
    "POST", "/conflicts/<int:id>/put-off", Scope.WRITE, tag=TAG, body=PutOffIn, answer=ConflictOut, problems=(409,)
)
def put_off_conflict(call: Call, id: int) -> ConflictOut:
    """Put a conflict off"""
    _around(call, id)
    conflicts.put_off(call.rt, id, call.body.until, by=call.by)
    return show_conflict(call, id)


def _around(call: Call, id: int) -> conflict_list.Around:
    with call.rt.reading() as session:
        around = conflict_list.around(session, id)
    if not lookup.may_see(call.by, t.pk(around.owner)):
        raise NotFound("conflict", id)
    return around


def _choice(call: Call, row: t.Conflict, sent: dict[str, str] | str) -> dict[str, str]:
    if isinstance(sent, str):
        return {"*": sent}
    chosen = {_STORED.get(name, name): side for name, side in sent.items()}
    if row.kind == ConflictKind.DUPLICATE_MATCH and chosen.get("*", "new") != "new":
        chosen["*"] = str(t.pk(lookup.activity(call, chosen["*"])))
    return chosen


@dataclass(frozen=True, slots=True)
class _Named:
    """Public ids of what conflicts are about: accounts and activities by their own ids."""

    accounts: dict[int, str]
    activities: dict[int, str]


def _named(call: Call, found: Sequence[t.Conflict]) -> _Named:
    activity_ids = {i for row in found for i in (*row.candidates, row.activity_id) if i is not None}
    with call.rt.reading() as session:
        return _Named(
            lookup.public_ids(session, t.Account, {row.account_id for row in found}),
            lookup.public_ids(session, t.Activity, activity_ids),
        )


def _told(call: Call, line: Line, named: _Named) -> ConflictOut:
    row = line.conflict
    is_withheld = row.is_private and call.by.user_id is not None and call.by.user_id != line.owner_id
    return ConflictOut(
        id=t.pk(row),
        kind=row.kind,
        state=row.state,
        integration_id=named.accounts[row.account_id],
        provider=line.provider.upper(),
        activity_id=named.activities.get(row.activity_id or 0),
        title="" if is_withheld else row.title,
        fields={} if is_withheld else {FIELD_NAMES.get(name, name): value for name, value in row.fields.items()},
        candidates=[named.activities[i] for i in row.candidates if i in named.activities],
        local_fingerprint=row.local_fp,
        remote_fingerprint=row.remote_fp,
        is_withheld=is_withheld,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        remind_at=row.remind_at,
    )
