"""The API's own rows: tokens, repeated requests, and the feed of what became of activities."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from calsync.engine.vocabulary import ChangeKind, Scope
from calsync.store.tables.columns import json_column, one_of, public_id


class ApiToken(SQLModel, table=True):
    """What a program identifies itself with. It was shown once; only its hash is here.

    With `user_id` it has the rights of that person, never more; without, it is a service token of the installation.
    """

    __tablename__ = "api_token"

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True, max_length=32)
    name: str = Field(max_length=100)
    token_hash: str = Field(unique=True, max_length=64)
    hint: str = Field(default="", max_length=8)  # its last characters, to tell tokens apart
    user_id: int | None = Field(default=None, foreign_key="user.id", index=True, ondelete="CASCADE")
    scope: str = Field(default=Scope.READ, max_length=8)
    created_by_id: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None  # written once a minute at most
    revoked_at: datetime | None = None

    __table_args__ = (one_of("scope", Scope),)


class IdempotencyKey(SQLModel, table=True):
    """One POST that may be repeated: what was asked under this key, and the answer once there is one."""

    __tablename__ = "idempotency_key"

    id: int | None = Field(default=None, primary_key=True)
    token_id: int = Field(foreign_key="api_token.id", ondelete="CASCADE")
    key: str = Field(max_length=200)
    digest: str = Field(max_length=64)  # of method, path and body
    status: int | None = None  # None while the first request is at work
    headers: dict[str, Any] | None = Field(default=None, sa_column=json_column())
    body: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    created_at: datetime

    __table_args__ = (
        Index("uq_idempotency_key_token_id_key", "token_id", "key", unique=True),
        Index(None, "created_at"),
    )


class Change(SQLModel, table=True):
    """What one transaction did to one activity. `position` orders the feed without gaps.

    `fields` are merge units (engine.event.FIELDS) and names of columns. Deliberately narrow, and without a foreign key
    on the activity: a first import writes tens of thousands of these.
    """

    __tablename__ = "change"

    position: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    activity_id: int
    owner_id: int
    what: str = Field(max_length=10)
    fields: list[str] = Field(sa_column=json_column(nullable=False))
    by_kind: str = Field(default="system", max_length=10)  # user, api, provider, guest, system
    by: str = Field(default="", max_length=320)  # an address, a token's name, a provider
    account_id: int | None = None  # the account whose sync brought it
    at: datetime

    __table_args__ = (one_of("what", ChangeKind), Index(None, "owner_id", "position"), Index(None, "at"))


class ChangeHead(SQLModel, table=True):
    """The one row that holds the feed's last position. Its lock puts transactions in order as they commit."""

    __tablename__ = "change_head"

    id: int = Field(default=1, primary_key=True)
    position: int = Field(default=0, sa_type=BigInteger)
