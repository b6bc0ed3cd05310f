"""Busy blocks: events of ours that take the time of somebody's other calendars."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from calsync.store.tables.columns import json_column


class BusyBlock(SQLModel, table=True):
    """One block in a calendar, because of one event in another calendar of the same person.

    `content` is what was last asked for, `stamp` what the origin held then, `remote_fp` what the calendar made of it
    ("" before the first answer). Once `asked_at` is set the block may be there, answer or not.
    """

    __tablename__ = "busy_block"

    id: int | None = Field(default=None, primary_key=True)
    calendar_id: int = Field(foreign_key="calendar.id", ondelete="CASCADE")
    event_id: int | None = Field(default=None, foreign_key="mirror_event.id", index=True, ondelete="SET NULL")
    key: str = Field(max_length=40, unique=True)
    content: dict[str, Any] = Field(sa_column=json_column(nullable=False))
    stamp: str = Field(default="", max_length=32)
    remote_fp: str = Field(default="", max_length=32)
    asked_at: datetime | None = None
    ends_at: datetime
    rewrites: int = 0  # since rewritten_at
    rewritten_at: datetime | None = None
    tries: int = 0
    error_class: str = Field(default="", max_length=20)
    error: str = Field(default="", max_length=300)
    next_try_at: datetime | None = None
    created_at: datetime

    __table_args__ = (UniqueConstraint("calendar_id", "event_id"),)
