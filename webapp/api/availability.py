"""Availability: free slots of an event type, and what takes the same time twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, Field

from calsync.engine.vocabulary import Scope
from calsync.errors import Refused
from calsync.services import availability, overlaps
from calsync.services.overlaps import Side, Who
from calsync.store import tables as t
from webapp.api import event_types
from webapp.api.operations import Call, operation
from webapp.api.schemas.base import Time, Told

TAG = "Availability"
LONGEST = timedelta(days=92)


class WindowQuery(BaseModel):
    """An event type and a window of at most 92 days."""

    event_type_id: str = Field(max_length=64)
    start_date: datetime = Field(description="With an offset, or a date in UTC")
    end_date: datetime = Field(description="Exclusive")

    def window(self) -> tuple[datetime, datetime]:
        """Return both ends. Raises Refused."""
        start, end = (_in_utc(each) for each in (self.start_date, self.end_date))
        if not start < end <= start + LONGEST:
            raise Refused("Choose a window of at most 92 days.", code="invalid", field="end_date")
        return start, end


class SlotOut(Told):
    starts_at: Time
    ends_at: Time
    resource_ids: list[str]


class SourceOut(Told):
    """A calendar that was asked, and what it is worth."""

    resource_id: str
    calendar: str
    read_at: Time | None
    why_not_believed: str | None
    counts: bool


class SlotsOut(Told):
    slots: list[SlotOut]
    sources: list[SourceOut]


class SideOut(Told):
    start_time: Time
    end_time: Time
    source: str
    title: str | None = Field(description="null: not for you to read")


class OverlapOut(Told):
    resource_id: str | None
    start_time: Time
    end_time: Time
    first: SideOut
    second: SideOut


class OverlapsOut(Told):
    conflicts: list[OverlapOut]


@operation(
    "GET",
    "/availability/slots",
    Scope.READ,
    tag=TAG,
    query=WindowQuery,
    answer=SlotsOut,
    team_only=True,
    problems=(404, 409),
)
def list_slots(call: Call) -> SlotsOut:
    """List free slots"""
    start, end = call.query.window()
    found = availability.slots(call.rt, t.pk(event_types.of(call, call.query.event_type_id)), start, end)
    named = _names(call, {i for slot in found.slots for i in slot.resource_ids} | set(found.sources))
    return SlotsOut(
        slots=[
            SlotOut(starts_at=s.starts_at, ends_at=s.ends_at, resource_ids=[named[i] for i in s.resource_ids])
            for s in found.slots
        ],
        sources=[
            SourceOut(
                resource_id=named[i],
                calendar=s.name,
                read_at=s.read_at,
                why_not_believed=s.why or None,
                counts=s.counts,
            )
            for i, sources in found.sources.items()
            for s in sources
        ],
    )


@operation(
    "GET",
    "/availability/conflicts",
    Scope.READ,
    tag=TAG,
    query=WindowQuery,
    answer=OverlapsOut,
    team_only=True,
    problems=(404, 409),
)
def list_overlaps(call: Call) -> OverlapsOut:
    """List what takes the same time twice"""
    start, end = call.query.window()
    who = Who(event_type_id=t.pk(event_types.of(call, call.query.event_type_id)))
    found = overlaps.overlaps(call.rt, who, start, end, call.by)
    named = _names(call, {each.resource_id for each in found})
    return OverlapsOut(
        conflicts=[
            OverlapOut(
                resource_id=named.get(each.resource_id),
                start_time=each.starts_at,
                end_time=each.ends_at,
                first=_side(each.first),
                second=_side(each.second),
            )
            for each in found
        ]
    )


def _side(side: Side) -> SideOut:
    return SideOut(start_time=side.starts_at, end_time=side.ends_at, source=side.source, title=side.title)


def _names(call: Call, ids: set[int]) -> dict[int, str]:
    with call.rt.reading() as session:
        rows = [session.get(t.Resource, i) for i in ids]
    return {t.pk(row): row.public_id for row in rows if row is not None}


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
