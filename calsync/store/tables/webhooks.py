"""Webhooks: addresses of programs, the messages to them, and every try to deliver one."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from calsync.store.tables.columns import json_column, one_of, public_id, sealed_column

_IS_WAITING = text("state = 'waiting'")


class Webhook(SQLModel, table=True):
    """An address that is told of what happens.

    State `off` is a person's choice, `failed` that of five days without success: what happens then is kept for when it
    is switched on again.
    """

    __tablename__ = "webhook"

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True, max_length=32)
    url: str = Field(max_length=1000)
    description: str = Field(default="", max_length=200)
    events: list[str] = Field(default_factory=list, sa_column=json_column(nullable=False))  # engine.webhooks.Happening
    secret: bytes | None = Field(default=None, sa_column=sealed_column())  # JSON: current, and replaced with their ends
    secret_hint: str = Field(default="", max_length=8)  # the last characters
    old_secret_until: datetime | None = None  # a replaced one signs as well until then
    state: str = Field(default="on", max_length=8)
    off_at: datetime | None = None

    # facts
    failing_since: datetime | None = None  # first failure since the last success
    last_failed_at: datetime | None = None
    last_delivered_at: datetime | None = None
    # the last tries: [seconds since 1970, milliseconds, 1 or 0 for success]
    recent: list[Any] = Field(default_factory=list, sa_column=json_column(nullable=False))

    # delivering: one process at a time
    lease_owner: str | None = Field(default=None, max_length=64)
    lease_until: datetime | None = None

    row_version: int = 1
    created_by_id: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    created_at: datetime

    __table_args__ = (one_of("state", ("on", "off", "failed")),)


class Delivery(SQLModel, table=True):
    """One message to one address: written with what it tells of, gone some time after it arrived or was given up.

    Of one `subject` ("activity:7") only the earliest that waits is tried. `public_id` is what the receiver knows it by,
    the same on every try.
    """

    __tablename__ = "delivery"

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True, max_length=32)
    webhook_id: int = Field(foreign_key="webhook.id", ondelete="CASCADE")
    type: str = Field(max_length=40)
    subject: str = Field(max_length=60)
    data: dict[str, Any] = Field(sa_column=json_column(nullable=False))
    at: datetime = Field(index=True)  # when it happened
    is_test: bool = False
    state: str = Field(default="waiting", max_length=10)
    tries: int = 0  # failed, since it was last asked for
    next_try_at: datetime | None = None  # None unless it waits
    status: int | None = None  # what the last try was answered, None for no answer
    error: str = Field(default="", max_length=20)  # why the last try failed
    ended_at: datetime | None = None

    __table_args__ = (
        one_of("state", ("waiting", "delivered", "failed")),
        Index(None, "webhook_id", "state", "id"),
        Index(
            "ix_delivery_due",
            "webhook_id",
            "next_try_at",
            sqlite_where=_IS_WAITING,
            postgresql_where=_IS_WAITING,
        ),
        Index(
            "ix_delivery_order",
            "webhook_id",
            "subject",
            "id",
            sqlite_where=_IS_WAITING,
            postgresql_where=_IS_WAITING,
        ),
    )


class DeliveryTry(SQLModel, table=True):
    """One try to deliver a message, and what came of it."""

    __tablename__ = "delivery_try"

    id: int | None = Field(default=None, primary_key=True)
    delivery_id: int = Field(foreign_key="delivery.id", index=True, ondelete="CASCADE")
    at: datetime
    status: int | None = None
    took_ms: int
    error: str = Field(default="", max_length=20)
    detail: str = Field(default="", max_length=300)
    answer: str = Field(default="", max_length=2100)  # at most 2 KB of the body
