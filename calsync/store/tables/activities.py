"""Activities: the CRM's own records with a time."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from calsync.engine.vocabulary import Kind, Taking
from calsync.store.tables.columns import SEARCHED, json_column, one_of, public_id


class Activity(SQLModel, table=True):
    """A meeting, call, task, appointment or booking; one series is one row, a changed occurrence its own row.

    `content` is the whole truth of the synced fields (engine.event.Content), `fingerprint` its hash; the typed columns
    beside it are copies for queries, written together with it by `store.activities.set_content` and nowhere else.
    `span_start` and `span_end` bound every occurrence in UTC: span_end is columns.NEVER for an endless series, and
    all-day dates are bounded by the widest zones. With `is_long` the two lie further apart than columns.LONG, so that a
    window finds all others by their start. `search_text` is what the search box looks through (see
    store.activities.search_text).
    """

    __tablename__ = "activity"

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True, max_length=32)  # the mark on remote events
    external_id: str | None = Field(default=None, unique=True, max_length=200)  # the CRM's own id
    owner_id: int = Field(foreign_key="user.id")
    kind: str = Field(default=Kind.MEETING, max_length=12)
    uid: str = Field(max_length=1000)  # RFC 5545 UID, shared by a series and its overrides
    recurrence_key: str = Field(default="", max_length=40)
    organizer: str | None = Field(default=None, max_length=320)  # address, when it came from a calendar
    content: dict[str, Any] = Field(sa_column=json_column(nullable=False))
    fingerprint: str = Field(max_length=32)
    field_times: dict[str, Any] = Field(
        default_factory=dict, sa_column=json_column()
    )  # merge unit -> ISO time of last edit
    row_version: int = 1

    title: str = ""
    search_text: str = Field(default="", max_length=SEARCHED)
    status: str = Field(default="confirmed", max_length=12)  # confirmed, tentative, cancelled
    is_done: bool = False  # a CRM fact; never written to a calendar
    is_private: bool = False
    is_all_day: bool = False
    is_series: bool = False
    is_long: bool = False
    # What the content says of the time it takes
    taking: str = Field(
        default=Taking.UNFOLDED, max_length=8, sa_column_kwargs={"server_default": Taking.UNFOLDED.value}
    )
    due_is: str | None = Field(default=None, max_length=5)  # tasks: which end is the due time; None: has a span
    start_on: date | None = None  # all-day only
    span_start: datetime
    span_end: datetime
    location_kind: str = Field(default="", max_length=12)  # in_person, phone, meet, teams, zoom, link
    is_dissolved: bool = False  # an override that went back to its series: kept for history, shown nowhere
    heir_id: int | None = None  # of one that moved with its series: the activity in its new slot; it may be gone since
    source: str = Field(default="crm", max_length=10)  # "crm", or "calendar" when an event created it
    source_account_id: int | None = Field(default=None, foreign_key="account.id", ondelete="SET NULL")

    excluded: str = Field(default="", max_length=40)  # Reason why it is not on a calendar; "" when it is or may be
    considered: str = Field(default="", max_length=32)  # digest of the rules and content it was excluded under

    created_by_id: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    created_at: datetime
    updated_at: datetime
    cancelled_at: datetime | None = None

    __table_args__ = (
        one_of("kind", Kind),
        one_of("status", ("confirmed", "tentative", "cancelled")),
        # All that a search for free slots asks of what it need not unfold. Serves lists of one person's, too.
        Index(
            "ix_activity_taking",
            "owner_id",
            "span_start",
            "id",
            "span_end",
            "taking",
            "status",
            "kind",
            "due_is",
            "is_done",
            "is_dissolved",
            "source_account_id",
        ),
        Index(None, "owner_id", "is_long", "span_end"),
        Index(None, "is_long", "span_end"),
        Index(None, "kind", "span_start", "id"),
        Index(None, "status", "span_start", "id"),
        # Everything a search looks at beside the rows it finds. Covers listings without a filter, too.
        Index("ix_activity_search", "span_start", "id", "owner_id", "is_private", "is_dissolved", "search_text"),
        Index(None, "updated_at", "id"),
        Index(None, "uid", "recurrence_key"),
        Index(None, "owner_id", "considered"),
        Index(None, "owner_id", "recurrence_key"),
        Index(None, "location_kind", "span_end"),
    )
