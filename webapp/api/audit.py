"""The audit log, for admins: who did what to what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from calsync.engine.vocabulary import Scope
from calsync.errors import Refused
from calsync.store import audit
from calsync.store import tables as t
from webapp.api import paging
from webapp.api.operations import Call, operation
from webapp.api.paging import Listed, Paged
from webapp.api.schemas.base import Time, Told


class AuditQuery(Paged):
    """Which entries are wanted; the newest first."""

    actor: str | None = Field(None, max_length=320)
    action: str | None = Field(None, max_length=60, description="A beginning: `account.`")
    object_kind: str | None = Field(None, max_length=30)
    since: datetime | None = None
    until: datetime | None = None


class EntryOut(Told):
    id: int
    at: Time
    actor: str
    action: str
    object_kind: str
    object_id: str
    object_label: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    address: str


class EntryList(Listed[EntryOut]):
    pass


@operation("GET", "/audit", Scope.ADMIN, tag="Audit", query=AuditQuery, answer=EntryList)
def list_audit(call: Call) -> EntryList:
    """List who did what"""
    asked: AuditQuery = call.query
    for name in ("since", "until"):
        moment = getattr(asked, name)
        if moment is not None and moment.tzinfo is None:
            raise Refused("Give the time with its offset.", code="invalid", field=name)
    with call.rt.reading() as session:
        found = audit.list_entries(
            session,
            cut=asked.cut(),
            actor=asked.actor or "",
            action=asked.action or "",
            kind=asked.object_kind or "",
            since=asked.since,
            until=asked.until,
        )
    part = paging.listed(found, _told, lambda entry: (t.pk(entry),))
    return EntryList(items=part.items, next=part.next)


def _told(entry: t.AuditEntry) -> EntryOut:
    return EntryOut(
        id=t.pk(entry),
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        object_kind=entry.object_kind,
        object_id=entry.object_id,
        object_label=entry.object_label,
        before=entry.before,
        after=entry.after,
        address=entry.address,
    )
