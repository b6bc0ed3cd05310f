"""Records about the installation itself: settings, the instance, the audit log."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from calsync.store.tables.columns import json_column


class Setting(SQLModel, table=True):
    """One named value that an admin set in the browser: organisation, rules, mail, switches.

    `version` guards against two people saving over each other.
    """

    __tablename__ = "setting"

    name: str = Field(primary_key=True, max_length=60)
    value: dict[str, Any] = Field(sa_column=json_column(nullable=False))
    version: int = 1
    changed_by_id: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    changed_at: datetime


class Instance(SQLModel, table=True):
    """The one row about this database. A restore raises `epoch`."""

    __tablename__ = "instance"

    id: int = Field(default=1, primary_key=True)
    epoch: int = 0
    key_check: str = Field(default="", max_length=200)  # a sealed constant: tells whether the encryption key fits
    scheduler_tick_at: datetime | None = None
    backed_up_at: datetime | None = None


class AuditEntry(SQLModel, table=True):
    """Who did what to what. Append-only; each row's hash covers the row and the hash before it."""

    __tablename__ = "audit"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    actor_id: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    actor: str = Field(default="system", max_length=320)  # address, "system", "cli", a provider's name
    action: str = Field(max_length=60)  # "account.paused"
    object_kind: str = Field(default="", max_length=30)
    object_id: str = Field(default="", max_length=60)
    object_label: str = Field(default="", max_length=300)
    before: dict[str, Any] | None = Field(default=None, sa_column=json_column())
    after: dict[str, Any] | None = Field(default=None, sa_column=json_column())
    address: str = Field(default="", max_length=64)
    previous_hash: str = Field(default="", max_length=64)
    hash: str = Field(max_length=64)

    __table_args__ = (
        Index(None, "at", "id"),
        Index(None, "action", "id"),
        Index(None, "object_kind", "object_id"),
        Index(None, "actor_id", "id"),
    )
