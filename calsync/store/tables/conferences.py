"""Conferences: the meetings that we make at providers of meetings, and how accounts there like them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from calsync.store.tables.columns import json_column, one_of

STATES = ("wanted", "pending", "made", "failed", "gone", "to_delete", "deleted", "given", "orphan")


class Conference(SQLModel, table=True):
    """One meeting at a provider, made for one activity, and what is to be done about it.

    | state | means |
    |---|---|
    | wanted | to be made; without an account there is nobody who could host it yet |
    | pending | its making was asked for and no answer is known: it is looked for before it is asked for again |
    | made | it is there; with `next_try_at` something is to be changed or looked at |
    | failed | the provider will not make or change it as it is |
    | gone | it was deleted there; the link leads nowhere |
    | to_delete | its activity needs it no longer |
    | deleted | and it is no more |
    | given | somebody gave the activity a link of their own |
    | orphan | carries our mark, and no activity has it |

    `next_try_at` is when something is to be done, None for nothing. The mark finds a meeting whose making was never
    answered; a new try after a deletion gets a new one.
    """

    __tablename__ = "conference"

    id: int | None = Field(default=None, primary_key=True)
    activity_id: int | None = Field(default=None, foreign_key="activity.id", unique=True, ondelete="SET NULL")
    account_id: int | None = Field(default=None, foreign_key="account.id", index=True, ondelete="SET NULL")
    provider: str = Field(default="", max_length=20)
    kind: str = Field(default="", max_length=12)  # as the activity's place
    mark: str = Field(index=True, max_length=80)
    remote_id: str = Field(default="", max_length=64)
    join_url: str = Field(default="", max_length=2000)
    host: str = Field(default="", max_length=320)
    state: str = Field(default="wanted", max_length=10)
    settings: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())  # as the provider made them
    drift: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())  # what somebody changed there
    agreed: str = Field(default="", max_length=32)  # digest of what was written last
    seen_version: int = 0  # of the activity, when it was last looked at
    asked_at: datetime | None = None  # its making was asked for and no answer is known
    wants_look: bool = False  # the provider is to be asked what became of it
    claimed_until: datetime | None = None
    tries: int = 0  # in a row that failed
    error: str = Field(default="", max_length=300)
    error_class: str = Field(default="", max_length=20)
    next_try_at: datetime | None = Field(default=None, index=True)
    made_at: datetime | None = None
    created_at: datetime
    updated_at: datetime

    __table_args__ = (one_of("state", STATES), Index(None, "provider", "remote_id"), Index(None, "state", "id"))


class MeetingHost(SQLModel, table=True):
    """An account that hosts meetings: how it wants them, and when its list was last compared with ours."""

    __tablename__ = "meeting_host"

    account_id: int = Field(primary_key=True, foreign_key="account.id", ondelete="CASCADE")
    settings: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    version: int = 0
    compared_at: datetime | None = None
