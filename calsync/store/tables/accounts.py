"""Accounts at providers, their calendars and channels, and the credentials that an admin gave for a provider."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from calsync.engine.backoff import RUNS_BEFORE_TROUBLE
from calsync.engine.vocabulary import AccountState
from calsync.store.tables.columns import json_column, one_of, public_id, sealed_column


class ProviderCredential(SQLModel, table=True):
    """OAuth client credentials of a provider. Older pairs stay until no account uses them."""

    __tablename__ = "provider_credential"

    id: int | None = Field(default=None, primary_key=True)
    provider: str = Field(index=True, max_length=20)
    client_id: str = Field(max_length=300)
    secret: bytes | None = Field(default=None, sa_column=sealed_column())
    secret_hint: str = Field(default="", max_length=40)  # "ends ..4f2a, 40 chars"
    extra: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())  # tenant, publishing status, ...
    state: str = Field(default="current", max_length=10)  # current, candidate, retired
    secret_expires_at: datetime | None = None

    # facts
    refused_at: datetime | None = None  # since then the provider does not know us by this pair
    refused_why: str = Field(default="", max_length=300, sa_column_kwargs={"server_default": ""})
    signed_in_at: datetime | None = None  # last sign-in of a person that went through
    signed_in_uri: str = Field(
        default="", max_length=400, sa_column_kwargs={"server_default": ""}
    )  # it came back there
    answered_at: datetime | None = None  # last time that the calendars of such a person could be listed

    created_by_id: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    created_at: datetime

    __table_args__ = (one_of("state", ("current", "candidate", "retired")),)


class SignInAttempt(SQLModel, table=True):
    """One way to a provider's sign-in page and back, for the login session or the token that began it. Gone once used.

    `user_id` is whom a program connects an account for; None: whoever asks.
    """

    __tablename__ = "sign_in_attempt"

    id: int | None = Field(default=None, primary_key=True)
    state_hash: str = Field(unique=True, max_length=64)
    login_id: int | None = Field(default=None, foreign_key="login.id", index=True, ondelete="CASCADE")
    token_id: int | None = Field(default=None, foreign_key="api_token.id", ondelete="CASCADE")
    user_id: int | None = Field(default=None, foreign_key="user.id", ondelete="CASCADE")
    provider: str = Field(max_length=20)
    credential_id: int = Field(foreign_key="provider_credential.id", index=True, ondelete="CASCADE")
    account_id: int | None = Field(default=None, foreign_key="account.id", index=True, ondelete="CASCADE")
    purpose: str = Field(max_length=10)  # connect, reconnect, prove
    can_write: bool = False
    had_consent: bool = False  # consent was asked for anew
    secret: bytes | None = Field(default=None, sa_column=sealed_column())  # JSON: state, nonce, verifier
    redirect_uri: str = Field(max_length=400)
    extra: str = Field(default="", max_length=20, sa_column_kwargs={"server_default": ""})  # one of oauth.EXTRAS
    leads_to: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})  # a page of ours
    created_at: datetime = Field(index=True)

    __table_args__ = (one_of("purpose", ("connect", "reconnect", "prove")),)


class Account(SQLModel, table=True):
    """One connected login at a provider.

    Stored state is only active, paused or disconnected; the facts beside it give every state people see.
    """

    __tablename__ = "account"

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True, max_length=32)
    user_id: int = Field(foreign_key="user.id", index=True)
    provider: str = Field(max_length=20)
    subject: str = Field(max_length=400)  # who it is at the provider; never an e-mail where there is better
    label: str = Field(default="", max_length=320)  # shown: address or user name
    server_url: str = Field(default="", max_length=1000)
    username: str = Field(default="", max_length=320)
    secret: bytes | None = Field(default=None, sa_column=sealed_column())  # JSON: password, or tokens
    secret_version: int = 0
    credential_id: int | None = Field(default=None, foreign_key="provider_credential.id")
    scopes: list[Any] = Field(default_factory=list, sa_column=json_column())
    can_write: bool = False
    allow_private_network: bool = False

    state: str = Field(default=AccountState.ACTIVE, max_length=12)
    paused_by_id: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    paused_at: datetime | None = None
    paused_until: datetime | None = None
    paused_reason: str = Field(default="", max_length=300)

    # facts
    grant_ok: bool = True
    grant_ends_at: datetime | None = None  # when the grant ends by itself, None for no such end
    grant_error: str = Field(default="", max_length=300)  # SignInNeeded.why
    grant_lost_at: datetime | None = None
    grant_checked_at: datetime | None = None
    last_answer_at: datetime | None = None
    last_answer_ms: int | None = None
    last_error_class: str = Field(default="", max_length=20)
    last_error: str = Field(default="", max_length=500)
    last_success_at: datetime | None = None  # last run without failed steps
    in_sync_since: datetime | None = None  # start of the unbroken row of such runs, None while a record fails
    last_complete_read_at: datetime | None = None
    rate_limited_until: datetime | None = None
    failed_runs: int = 0  # in a row
    timed_out: bool = False  # the last run ended in a timeout: served by at most half the pool
    clock_offset_s: float = 0.0

    # choices
    overrides: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())  # Rules fields
    busy_calendars: list[Any] = Field(default_factory=list, sa_column=json_column())

    # running
    next_sync_at: datetime | None = None
    requested_trigger: str = Field(default="", max_length=12)  # who asked for the next run
    requested_by_id: int | None = Field(default=None, foreign_key="user.id", ondelete="SET NULL")
    lease_owner: str | None = Field(default=None, max_length=64)
    lease_until: datetime | None = None
    hold_next_plan: bool = False  # first plan after a restore or a switch to two-way waits for approval
    approved_digest: str = Field(default="", max_length=64)  # the preview (a run's id) that was said yes to
    planned_rules: str = Field(default="", max_length=32)  # digest of the rules of the last plan
    restore_epoch: int = 0

    created_at: datetime
    disconnected_at: datetime | None = None

    __table_args__ = (
        one_of("state", AccountState),
        UniqueConstraint("user_id", "provider", "subject"),
        Index(None, "state", "next_sync_at"),
        # Hardly an account is in it: each claim looks for those that timed out after all others.
        Index(
            "ix_account_timed_out",
            "state",
            "next_sync_at",
            sqlite_where=sa.text("timed_out IS 1"),
            postgresql_where=sa.text("timed_out IS true"),
        ),
        # Every page of an admin counts those in it. The number stands in the revision, too.
        Index(
            "ix_account_troubled",
            "grant_ok",
            "failed_runs",
            "state",
            sqlite_where=sa.text(f"grant_ok IS 0 OR failed_runs >= {RUNS_BEFORE_TROUBLE}"),
            postgresql_where=sa.text(f"grant_ok IS false OR failed_runs >= {RUNS_BEFORE_TROUBLE}"),
        ),
    )


class Calendar(SQLModel, table=True):
    """A remote calendar with its three independent flags: syncs, blocks, is_write_target."""

    __tablename__ = "calendar"

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True, max_length=32)
    account_id: int = Field(foreign_key="account.id", index=True, ondelete="CASCADE")
    remote_id: str = Field(max_length=1000)
    name: str = Field(default="", max_length=300)
    color: str | None = Field(default=None, max_length=9)
    tz: str | None = Field(default=None, max_length=64)
    is_primary: bool = False
    access: str = Field(default="owner", max_length=10)
    syncs: bool = False
    blocks: bool = False
    is_write_target: bool = False
    takes_blocks: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})  # see busy_block
    clears_blocks: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})  # switched off since
    is_gone: bool = False  # the provider no longer lists it; links are parked
    cursor: str | None = None
    last_read_at: datetime | None = None  # last complete read
    created_at: datetime

    __table_args__ = (
        one_of("access", ("owner", "writer", "reader", "free_busy")),
        UniqueConstraint("account_id", "remote_id"),
    )

    @property
    def is_writable(self) -> bool:
        return self.access in ("owner", "writer")


class Channel(SQLModel, table=True):
    """A provider's promise to notify us of a calendar: to be opened, open, or to be stopped. Gone once stopped."""

    __tablename__ = "channel"

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True, ondelete="CASCADE")
    # None: a notice came of a channel that we knew nothing of
    calendar_id: int | None = Field(default=None, foreign_key="calendar.id", index=True, ondelete="CASCADE")
    channel_id: str = Field(unique=True, max_length=64)  # ours, used once
    address: str = Field(default="", max_length=400, sa_column_kwargs={"server_default": ""})  # where it was opened to
    resource_id: str = Field(default="", max_length=300)  # the provider's
    state: str = Field(default="opening", max_length=10)
    opened_at: datetime | None = None
    expires_at: datetime | None = None
    tries: int = 0  # in a row that failed
    error: str = Field(default="", max_length=300)
    next_try_at: datetime | None = Field(default=None, index=True)  # None: nothing is to be done
    created_at: datetime

    __table_args__ = (one_of("state", ("opening", "open", "closing")),)
