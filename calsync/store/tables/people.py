"""People: who logs in, with what, from where."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from calsync.engine.vocabulary import Role
from calsync.store.tables.columns import json_column, one_of, public_id, sealed_column


class User(SQLModel, table=True):
    """A person. `email` keeps its spelling; it is unique without regard to case."""

    __tablename__ = "user"

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True, max_length=32)
    email: str = Field(max_length=320)
    name: str = Field(default="", max_length=200)
    role: str = Field(default=Role.STAFF, max_length=10)
    password_hash: str | None = None  # None: invited, no password yet
    totp_secret: bytes | None = Field(default=None, sa_column=sealed_column())
    totp_last_step: int | None = None  # the last time step used, so that a code works once
    is_disabled: bool = False
    tz: str = Field(default="UTC", max_length=64)
    notice_choices: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())  # notice kind -> mail wanted
    session_epoch: int = 0  # raised to end every session of this person
    working_hours: dict[str, Any] | None = Field(default=None, sa_column=json_column())
    created_at: datetime
    last_seen_at: datetime | None = None
    seen_travel_note: bool = False  # how changes travel was shown once

    __table_args__ = (one_of("role", Role), Index("uq_user_email_lower", text("lower(email)"), unique=True))


class Login(SQLModel, table=True):
    """One signed-in browser. Its random key stands in the session cookie, only its hash here."""

    __tablename__ = "login"

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", index=True, ondelete="CASCADE")
    key_hash: str = Field(unique=True, max_length=64)
    address: str = Field(default="", max_length=64)
    agent: str = Field(default="", max_length=300)
    created_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None = None


class SignInFailure(SQLModel, table=True):
    """A failed sign-in, kept to slow down guessing by address and by account across processes."""

    __tablename__ = "sign_in_failure"

    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(max_length=320)  # lower case, as typed; need not exist
    address: str = Field(max_length=64)
    at: datetime

    __table_args__ = (Index(None, "email", "at"), Index(None, "address", "at"))


class Invite(SQLModel, table=True):
    """A link that lets a person set a first or a new password, once."""

    __tablename__ = "invite"

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", index=True, ondelete="CASCADE")
    key_hash: str = Field(unique=True, max_length=64)
    created_by_id: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


class RecoveryCode(SQLModel, table=True):
    """One of ten codes that stand in for the second factor, each once. Stored hashed."""

    __tablename__ = "recovery_code"

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", index=True, ondelete="CASCADE")
    code_hash: str = Field(max_length=64)
    used_at: datetime | None = None
