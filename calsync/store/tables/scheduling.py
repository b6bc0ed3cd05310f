"""Scheduling: what can be booked, when, by which event types, and what has been taken."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from calsync.engine.vocabulary import (
    BookingState,
    GroupMode,
    Pick,
    ResourceKind,
    Unreachable,
)
from calsync.store.tables.columns import json_column, one_of, public_id


class Resource(SQLModel, table=True):
    """A room, a piece of equipment or a person, with at most one calendar, which is its alone.

    A person's resource belongs to a user, whose own activities and calendars block it as well. `asked_address` is
    under what a provider is asked when it is busy, through `asked_account_id`: for calendars that are not connected.
    With `is_invited` it is a room there, which bookings invite from that account's main calendar.
    """

    __tablename__ = "resource"

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True, max_length=32)
    name: str = Field(max_length=200)
    kind: str = Field(default=ResourceKind.ROOM, max_length=10)
    tz: str = Field(default="UTC", max_length=64)
    user_id: int | None = Field(default=None, foreign_key="user.id", unique=True, ondelete="SET NULL")
    calendar_id: int | None = Field(default=None, foreign_key="calendar.id", unique=True, ondelete="SET NULL")
    asked_account_id: int | None = Field(default=None, foreign_key="account.id", index=True, ondelete="SET NULL")
    asked_address: str = Field(default="", max_length=320, sa_column_kwargs={"server_default": ""})
    is_invited: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    is_active: bool = True
    when_unreachable: str = Field(default=Unreachable.FAIL_CLOSED, max_length=12)
    last_known_minutes: int = 60  # with last_known: how old what is known may be
    description: str = Field(default="", max_length=2000)
    capacity: int | None = None  # people it has room for; None: nobody said
    row_version: int = 1
    created_at: datetime

    __table_args__ = (one_of("kind", ResourceKind), one_of("when_unreachable", Unreachable))


class AskedBusy(SQLModel, table=True):
    """What a provider told of when a resource is busy, from `starts_at` to `ends_at`; the last answer counts.

    `spans` are [start, end] in ISO 8601, UTC. `why` it told nothing (providers/free_busy.py), or what went wrong.
    """

    __tablename__ = "asked_busy"

    resource_id: int = Field(foreign_key="resource.id", primary_key=True, ondelete="CASCADE")
    account_id: int = Field(foreign_key="account.id", index=True, ondelete="CASCADE")
    address: str = Field(max_length=320)
    spans: list[Any] = Field(default_factory=list, sa_column=json_column())
    starts_at: datetime
    ends_at: datetime
    read_at: datetime | None = None  # last answer that told something
    why: str = Field(default="", max_length=20)
    error: str = Field(default="", max_length=300)
    next_ask_at: datetime | None = Field(default=None, index=True)


class ResourceGroup(SQLModel, table=True):
    """Resources that are booked together (all of), or of which one is picked (any of)."""

    __tablename__ = "resource_group"

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True, max_length=32)
    name: str = Field(max_length=200)
    mode: str = Field(default=GroupMode.ANY_OF, max_length=10)
    pick: str = Field(default=Pick.ROUND_ROBIN, max_length=12)  # any of: who takes a booking
    is_active: bool = True
    row_version: int = 1
    created_at: datetime

    __table_args__ = (one_of("mode", GroupMode), one_of("pick", Pick))


class GroupMember(SQLModel, table=True):
    """A resource in a group."""

    __tablename__ = "group_member"

    id: int | None = Field(default=None, primary_key=True)
    group_id: int = Field(foreign_key="resource_group.id", ondelete="CASCADE")
    resource_id: int = Field(foreign_key="resource.id", index=True, ondelete="CASCADE")
    picked_at: datetime | None = None  # when it last took a booking of this group

    __table_args__ = (UniqueConstraint("group_id", "resource_id"),)


class Hours(SQLModel, table=True):
    """Working hours of the organisation, a user, a resource or an event type (engine.hours.Hours as JSON).

    `owner` names it, like "organisation" or "resource:3"; the key beside it removes the row with its owner.
    """

    __tablename__ = "hours"

    id: int | None = Field(default=None, primary_key=True)
    owner: str = Field(unique=True, max_length=40)
    user_id: int | None = Field(default=None, foreign_key="user.id", index=True, ondelete="CASCADE")
    resource_id: int | None = Field(default=None, foreign_key="resource.id", index=True, ondelete="CASCADE")
    event_type_id: int | None = Field(default=None, foreign_key="event_type.id", index=True, ondelete="CASCADE")
    value: dict[str, Any] = Field(sa_column=json_column(nullable=False))
    row_version: int = 1
    changed_at: datetime


class EventType(SQLModel, table=True):
    """What can be booked: how long, of whom, where, and when at the earliest and latest.

    It is of exactly one of a resource, a group and a user, who then has a person's resource.
    """

    __tablename__ = "event_type"

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True, max_length=32)
    name: str = Field(max_length=200)
    slug: str = Field(unique=True, max_length=100)
    description: str = Field(default="", max_length=5000)
    length_minutes: int = 30
    resource_id: int | None = Field(default=None, foreign_key="resource.id", index=True, ondelete="SET NULL")
    group_id: int | None = Field(default=None, foreign_key="resource_group.id", index=True, ondelete="SET NULL")
    owner_id: int | None = Field(default=None, foreign_key="user.id", index=True, ondelete="SET NULL")
    location_kind: str = Field(default="in_person", max_length=12)  # as of an activity
    location: str = Field(default="", max_length=2000)  # address, number, or link
    host_account_id: int | None = Field(default=None, foreign_key="account.id", index=True, ondelete="SET NULL")
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    notice_minutes: int = 60
    horizon_days: int = 60
    step_minutes: int = 15
    daily_limit: int | None = None  # bookings of this type a day, per resource; None: any number
    reminders: list[Any] = Field(default_factory=list, sa_column=json_column())  # [minutes, "popup" or "email"]
    visibility: str = Field(default="public", max_length=12)
    color: str = Field(default="", max_length=9)
    questions: list[Any] = Field(default_factory=list, sa_column=json_column())  # engine.booking_form.Question
    mail: dict[str, Any] | None = Field(default=None, sa_column=json_column())  # mail rules; None: the organisation's
    is_public: bool = False
    is_active: bool = True
    row_version: int = 1
    created_at: datetime

    __table_args__ = (one_of("visibility", ("public", "private", "confidential")),)


class Booking(SQLModel, table=True):
    """What was booked, beside its activity: by whom, of which type, and whether it still stands.

    `starts_at` and `ends_at` are where it stands without buffers. A hold has no activity yet and ends at `expires_at`.
    `followed_version` is the row version of the activity that this row and its Taken rows were last made to follow.
    Where a calendar moved it onto something else, `moved_from` and `moved_until` say where it was: a person decides.
    """

    __tablename__ = "booking"

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True, max_length=32)
    key: str | None = Field(default=None, unique=True, max_length=100)  # the request's own: books once
    activity_id: int | None = Field(default=None, foreign_key="activity.id", unique=True, ondelete="CASCADE")
    event_type_id: int | None = Field(default=None, foreign_key="event_type.id", ondelete="SET NULL")
    state: str = Field(default=BookingState.HELD, max_length=10)
    starts_at: datetime
    ends_at: datetime
    guest_name: str = Field(default="", max_length=200)
    guest_email: str = Field(default="", max_length=320)
    guest_tz: str = Field(default="UTC", max_length=64)
    answers: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    colleagues: dict[str, Any] | None = Field(default=None, sa_column=json_column())  # address -> times they were told
    token_hash: str | None = Field(default=None, unique=True, max_length=64)  # of the links that move and cancel it
    expires_at: datetime | None = None
    followed_version: int = 0
    moved_from: datetime | None = None
    moved_until: datetime | None = None
    booked_by_id: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    created_at: datetime
    cancelled_at: datetime | None = None

    __table_args__ = (
        one_of("state", BookingState),
        Index(None, "state", "expires_at"),
        Index(None, "event_type_id", "starts_at"),
        Index(None, "starts_at", "id"),
    )


class Taken(SQLModel, table=True):
    """The time that a living booking takes of one resource, buffers included. Never longer than columns.LONG.

    So a window of a resource is one range of the index. `expires_at` is the hold's, None once it is booked.
    `room_answer` is what an invited room said, one of engine.vocabulary.RoomAnswer, "" before it was invited.
    """

    __tablename__ = "taken"

    id: int | None = Field(default=None, primary_key=True)
    booking_id: int = Field(foreign_key="booking.id", ondelete="CASCADE")
    resource_id: int = Field(foreign_key="resource.id", ondelete="CASCADE")
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime | None = None
    room_answer: str = Field(default="", max_length=12, sa_column_kwargs={"server_default": ""})

    __table_args__ = (
        UniqueConstraint("booking_id", "resource_id"),
        Index(None, "resource_id", "starts_at", "ends_at"),
    )


class Placement(SQLModel, table=True):
    """A calendar that an activity is to stand on, instead of its owner's write target.

    `written_at` is when it was first written there, None before. `considered` and `considered_local` are the rules and
    the content under which a run decided that it is not written.
    """

    __tablename__ = "placement"

    id: int | None = Field(default=None, primary_key=True)
    activity_id: int = Field(foreign_key="activity.id", ondelete="CASCADE")
    calendar_id: int = Field(foreign_key="calendar.id", ondelete="CASCADE")
    written_at: datetime | None = None
    considered: str = Field(default="", max_length=32)
    considered_local: str = Field(default="", max_length=32)

    __table_args__ = (
        UniqueConstraint("activity_id", "calendar_id"),
        # What still waits to be written is little, and every run asks for it.
        Index(
            "ix_placement_waiting",
            "calendar_id",
            sqlite_where=text("written_at IS NULL"),
            postgresql_where=text("written_at IS NULL"),
        ),
    )
