"""Outbox: what is waiting to leave the process, written in the transaction of the change that caused it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from calsync.store.tables.columns import json_column, one_of


class Notice(SQLModel, table=True):
    """Something a person should know: shown in the page's header until it is over, mailed if they want."""

    __tablename__ = "notice"

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", ondelete="CASCADE")
    kind: str = Field(max_length=30)  # reconnect, held, failing, conflict, disconnected, recovered, digest
    subject: str = Field(max_length=60)  # "account:7", "run:9", "conflict:3": one open notice per person and subject
    account_id: int | None = Field(default=None, foreign_key="account.id", ondelete="CASCADE")
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    created_at: datetime
    ended_at: datetime | None = None
    seen_at: datetime | None = None
    mails_sent: int = 0  # how many of the days 0, 1, 3, 7, 14 are done
    next_mail_at: datetime | None = None

    __table_args__ = (
        Index(None, "user_id", "ended_at"),
        Index(None, "subject", "ended_at"),
        Index(None, "next_mail_at"),
    )


class Mail(SQLModel, table=True):
    """One mail to one person, until it is sent or given up."""

    __tablename__ = "mail"

    id: int | None = Field(default=None, primary_key=True)
    to: str = Field(max_length=320)
    subject: str = Field(max_length=300)
    text: str
    html: str = ""
    attachments: list[Any] = Field(default_factory=list, sa_column=json_column())  # [file name, media type, text]
    state: str = Field(default="waiting", max_length=10)  # waiting, sent, failed, withheld
    attempts: int = 0
    next_attempt_at: datetime | None = None
    error: str = Field(default="", max_length=500)
    created_at: datetime
    sent_at: datetime | None = None

    __table_args__ = (
        one_of("state", ("waiting", "sent", "failed", "withheld")),
        Index(None, "state", "next_attempt_at"),
    )
