"""Sync: the mirror, the links, and the rows that say what was done and why."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from calsync.engine.vocabulary import OPEN_STEP_STATES, Action, ConflictKind, LinkState, RunState, StepState, Taking
from calsync.store.tables.columns import json_column, one_of, public_id

_IS_OPEN = text("state IN ({})".format(", ".join(f"'{state}'" for state in OPEN_STEP_STATES)))


class MirrorResource(SQLModel, table=True):
    """Our last copy of one resource at the provider. A tombstone stays as a row with is_deleted."""

    __tablename__ = "mirror_resource"

    id: int | None = Field(default=None, primary_key=True)
    calendar_id: int = Field(foreign_key="calendar.id", ondelete="CASCADE")
    handle: str = Field(max_length=2000)
    version: str | None = Field(default=None, max_length=500)
    body: str = ""
    fault: str | None = Field(default=None, max_length=500)
    is_deleted: bool = False
    deleted_at: datetime | None = None  # when we learned of it
    replaced_version: str | None = Field(default=None, max_length=500)  # what our last write replaced: a late answer
    written_at: datetime | None = None  # our last write
    recheck: bool = False  # an answer looked older than our write: ask again later
    read_at: datetime

    __table_args__ = (
        UniqueConstraint("calendar_id", "handle"),
        # Hardly a resource is in it: whether there is any is asked by every run.
        Index(
            "ix_mirror_resource_recheck",
            "calendar_id",
            sqlite_where=text("recheck IS 1"),
            postgresql_where=text("recheck IS true"),
        ),
    )


class MirrorEvent(SQLModel, table=True):
    """One event, series or override inside a mirrored resource.

    `facts` is engine.event.to_json; `fingerprint` that of its content. `before_read_at` is the last complete read in
    which this content was not yet there: the remote edit happened after it.
    """

    __tablename__ = "mirror_event"

    id: int | None = Field(default=None, primary_key=True)
    resource_id: int = Field(foreign_key="mirror_resource.id", index=True, ondelete="CASCADE")
    calendar_id: int = Field(foreign_key="calendar.id", ondelete="CASCADE")
    uid: str = Field(index=True, max_length=1000)
    recurrence_key: str = Field(default="", max_length=40)
    facts: dict[str, Any] = Field(sa_column=json_column(nullable=False))
    fingerprint: str = Field(max_length=32)
    organizer: str | None = Field(default=None, max_length=320)
    our_id: str | None = Field(default=None, index=True, max_length=64)
    title: str = ""
    is_deleted: bool = False
    is_cancelled: bool = False
    is_busy: bool = True  # opaque, neither cancelled nor declined by the calendar's person
    is_all_day: bool = False
    is_series: bool = False
    is_long: bool = False  # as of an activity
    # As of an activity.
    taking: str = Field(
        default=Taking.UNFOLDED, max_length=8, sa_column_kwargs={"server_default": Taking.UNFOLDED.value}
    )
    span_start: datetime
    span_end: datetime
    before_read_at: datetime | None = None
    seen_at: datetime  # when this content reached the mirror
    excluded: str = Field(default="", max_length=40)
    considered: str = Field(default="", max_length=32)

    __table_args__ = (
        UniqueConstraint("resource_id", "uid", "recurrence_key"),
        Index(None, "calendar_id", "considered"),
        # As of activities.
        Index(
            "ix_mirror_event_taking",
            "calendar_id",
            "span_start",
            "id",
            "span_end",
            "taking",
            "is_deleted",
            "is_cancelled",
        ),
        Index(None, "calendar_id", "is_long", "span_end"),
    )


class Link(SQLModel, table=True):
    """The remembered pairing of one activity with one remote event, and what each side held when they agreed."""

    __tablename__ = "link"

    id: int | None = Field(default=None, primary_key=True)
    activity_id: int = Field(foreign_key="activity.id", ondelete="CASCADE")
    account_id: int = Field(foreign_key="account.id", ondelete="CASCADE")
    calendar_id: int = Field(foreign_key="calendar.id", ondelete="CASCADE")
    event_id: int | None = Field(default=None, foreign_key="mirror_event.id", unique=True, ondelete="SET NULL")
    uid: str = Field(max_length=1000)
    aliases: list[Any] = Field(default_factory=list, sa_column=json_column())  # uids this record had before
    recurrence_key: str = Field(default="", max_length=40)
    state: str = Field(default=LinkState.ACTIVE, max_length=10)
    park_reason: str = Field(default="", max_length=40)
    is_ours: bool = False  # we created the remote event: projection applies
    is_guest_copy: bool = False  # an attendee's copy: only the own response travels
    agreed_local: dict[str, Any] = Field(sa_column=json_column(nullable=False))
    agreed_remote: dict[str, Any] = Field(sa_column=json_column(nullable=False))
    local_fp: str = Field(max_length=32)
    remote_fp: str = Field(max_length=32)
    projection: str = Field(default="", max_length=32)  # digest of the projection that was written
    drift: list[Any] = Field(
        default_factory=list, sa_column=json_column()
    )  # outbound only: fields left as they are there
    pushes: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())  # field -> [value hash, times]
    generation: int = 0  # raised when a revived record needs a new uid
    waits_for: str = Field(default="", max_length=40)  # Reason why a difference stands; "" when there is none
    considered_local: str = Field(default="", max_length=32)  # under what waits_for was said
    considered_remote: str = Field(default="", max_length=32)
    considered_rules: str = Field(default="", max_length=32)
    agreed_at: datetime
    created_at: datetime

    __table_args__ = (
        one_of("state", LinkState),
        UniqueConstraint("calendar_id", "activity_id"),
        Index(None, "activity_id", "state"),
        Index(None, "account_id", "state"),
        Index(None, "calendar_id", "uid"),
    )


class Run(SQLModel, table=True):
    """One sync of one account. Counters are stored, so that lists never count steps."""

    __tablename__ = "run"

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True, max_length=32)
    account_id: int = Field(foreign_key="account.id", ondelete="CASCADE")
    parent_id: int | None = Field(default=None, foreign_key="run.id", index=True, ondelete="SET NULL")
    trigger: str = Field(max_length=12)
    requested_by_id: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    direction: str = Field(default="both", max_length=10)
    state: str = Field(default=RunState.RUNNING, max_length=12)
    is_full: bool = False
    is_first: bool = False  # the account's first run: creating much is expected
    phase: str = Field(default="", max_length=10)  # fetch, plan, apply while running
    phases: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())  # phase -> ms
    cursors: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())  # calendar id -> [before, after]
    progress_done: int = 0
    progress_total: int | None = None
    started_at: datetime
    finished_at: datetime | None = None
    processed: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    skipped: int = 0
    merged: int = 0
    conflicts: int = 0
    failed: int = 0
    held: int = 0
    inbound: int = 0  # changes made here
    outbound: int = 0  # changes made at the provider
    requests: int = 0
    error_class: str = Field(default="", max_length=20)
    error: str = Field(default="", max_length=1000)
    plan_digest: str = Field(default="", max_length=64)
    rules: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())  # the settings in force

    __table_args__ = (
        one_of("state", RunState),
        Index(None, "account_id", "id"),
        Index(None, "account_id", "state", "id"),
        Index(None, "state", "id"),
        Index(None, "started_at", "id"),
    )


class Step(SQLModel, table=True):
    """One change in a run, and everything known about it: outbox entry, history, unit of retry, before-image.

    `subject` names what it is about even before a link exists: "link:7", "event:9", "activity:3:5" (activity,
    calendar). At most one step of a subject is open. `before` and `after` are Content of the written side;
    `losing` holds the values that a clash dropped. `side` is the side written to.
    """

    __tablename__ = "step"

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE")
    account_id: int = Field(foreign_key="account.id", ondelete="CASCADE")
    calendar_id: int | None = Field(default=None, foreign_key="calendar.id", ondelete="SET NULL")
    activity_id: int | None = Field(default=None, foreign_key="activity.id", index=True, ondelete="SET NULL")
    event_id: int | None = Field(default=None, foreign_key="mirror_event.id", index=True, ondelete="SET NULL")
    link_id: int | None = Field(default=None, foreign_key="link.id", index=True, ondelete="SET NULL")
    subject: str = Field(max_length=60)
    title: str = Field(default="", max_length=500)
    is_private: bool = False
    action: str = Field(max_length=10)
    direction: str = Field(max_length=10)  # inbound, outbound
    fields: list[Any] = Field(default_factory=list, sa_column=json_column())
    before: dict[str, Any] | None = Field(default=None, sa_column=json_column())
    after: dict[str, Any] | None = Field(default=None, sa_column=json_column())
    losing: dict[str, Any] | None = Field(default=None, sa_column=json_column())
    detail: dict[str, Any] = Field(
        default_factory=dict, sa_column=json_column()
    )  # the decision trace, versions planned against
    reason: str = Field(max_length=40)
    state: str = Field(max_length=12)
    key: str = Field(default="", max_length=64)  # idempotency key of a remote create
    people_mailed: int = 0
    digest: str = Field(default="", max_length=32)  # of what it would do: an approval is bound to it
    is_approved: bool = False
    attempts: int = 0
    error_class: str = Field(default="", max_length=20)
    error: str = Field(default="", max_length=1000)
    next_attempt_at: datetime | None = None
    created_at: datetime
    finished_at: datetime | None = None
    retried_in_id: int | None = Field(default=None, foreign_key="run.id", ondelete="SET NULL")

    __table_args__ = (
        one_of("state", StepState),
        one_of("action", Action),
        Index(None, "run_id", "id"),
        Index(None, "account_id", "state"),
        Index(None, "state", "finished_at"),
        Index(
            "uq_step_open_subject",
            "subject",
            unique=True,
            sqlite_where=_IS_OPEN,
            postgresql_where=_IS_OPEN,
        ),
    )


class Conflict(SQLModel, table=True):
    """A clash that policy does not settle, or an ambiguous match. At most one is open per subject.

    `fields` maps a merge unit to {"agreed", "local", "remote"}; `merged` is the content proposed for the others.
    `choice` maps a merge unit (or "*" for the whole record) to "crm" or "external".
    """

    __tablename__ = "conflict"

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", ondelete="CASCADE")
    subject: str = Field(max_length=60)
    link_id: int | None = Field(default=None, foreign_key="link.id", index=True, ondelete="CASCADE")
    activity_id: int | None = Field(default=None, foreign_key="activity.id", ondelete="CASCADE")
    event_id: int | None = Field(default=None, foreign_key="mirror_event.id", ondelete="SET NULL")
    run_id: int | None = Field(default=None, foreign_key="run.id", ondelete="SET NULL")
    kind: str = Field(max_length=20)
    title: str = Field(default="", max_length=500)
    is_private: bool = False
    fields: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    merged: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    candidates: list[Any] = Field(default_factory=list, sa_column=json_column())  # duplicate match: activity ids
    local_fp: str = Field(default="", max_length=32)
    remote_fp: str = Field(default="", max_length=32)
    state: str = Field(default="open", max_length=10)  # open, resolved, settled
    choice: dict[str, Any] | None = Field(default=None, sa_column=json_column())
    resolved_by_id: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    opened_at: datetime
    closed_at: datetime | None = None
    remind_at: datetime | None = None  # put off until then by a person; None: it waits now

    __table_args__ = (
        one_of("kind", ConflictKind),
        one_of("state", ("open", "resolved", "settled")),
        Index(None, "state", "id"),
        Index(None, "account_id", "state"),
        Index(
            "uq_conflict_open_subject",
            "subject",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )
