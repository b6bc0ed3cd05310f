"""Integrations (accounts) and calendars as programs send and read them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from calsync.engine import status
from calsync.engine.rules import Rules
from calsync.engine.status import State
from calsync.store import tables as t
from webapp.api.schemas.activities import Person, ReminderIn
from webapp.api.schemas.base import Sent, Time, Told

PRIVACY = ("show_title", "show_description", "show_attendees", "show_location")


class CalendarOut(Told):
    """A calendar of an integration."""

    id: str
    remote_id: str = Field(description="The provider's own id")
    name: str
    is_primary: bool
    color: str | None
    time_zone: str | None
    writable: bool
    selected: bool = Field(description="Its events become activities, and back")
    blocks_busy_time: bool
    creates_events: bool = Field(description="New activities of its owner are written here")
    is_gone: bool = Field(description="The provider no longer lists it")


class ErrorOut(Told):
    """What went wrong last."""

    code: str
    detail: str


class PrivacyOut(Told):
    show_title: bool
    show_description: bool
    show_attendees: bool
    show_location: bool


class DefaultsOut(Told):
    visibility: str
    reminders: list[ReminderIn]


class MeetingOut(Told):
    join_before_host: bool | None
    mute_upon_entry: bool | None
    waiting_room: bool | None
    recording: str | None


class IntegrationOut(Told):
    """A login at a provider, and how it is synced."""

    id: str
    provider: str = Field(description="In capitals")
    owner: Person
    label: str
    status: str = Field(description="ACTIVE, ERROR, TOKEN_EXPIRED, RATE_LIMITED, PAUSED or DISCONNECTED")
    state: str = Field(description="The finer state that the pages show")
    error: ErrorOut | None
    can_write: bool
    sync_direction: str
    sync_frequency: int | str = Field(description="Minutes, realtime or manual")
    block_busy_time: bool
    event_privacy: PrivacyOut
    event_defaults: DefaultsOut
    default_meeting_settings: MeetingOut | None
    create_events_in: str | None = Field(description="The calendar that takes new activities")
    calendars: list[CalendarOut]
    calendars_to_sync: list[str]
    busy_calendars: list[str]
    last_sync_at: Time | None
    next_sync_at: Time | None
    created_at: Time


class PrivacyIn(Sent):
    show_title: bool | None = None
    show_description: bool | None = None
    show_attendees: bool | None = None
    show_location: bool | None = None


class DefaultsIn(Sent):
    visibility: Literal["public", "private"] | None = None
    reminders: list[ReminderIn] | None = Field(None, max_length=20)


class MeetingIn(Sent):
    join_before_host: bool | None = None
    mute_upon_entry: bool | None = None
    waiting_room: bool | None = None
    recording: str | None = Field(None, max_length=10)


class IntegrationPatch(Sent):
    """What is left out stays. Rules that the admin does not leave to accounts are refused."""

    sync_direction: str | None = Field(None, max_length=10, examples=["INBOUND", "OUTBOUND", "BOTH"])
    sync_frequency: int | Literal["realtime", "manual"] | None = Field(None, description="Minutes, realtime or manual")
    calendars_to_sync: list[str] | None = Field(None, max_length=200, description="Ids; exactly these sync")
    busy_calendars: list[str] | None = Field(None, max_length=200, description="Ids; exactly these block time")
    create_events_in: str | None = Field(None, max_length=64, description="Id of a calendar; null for none")
    block_busy_time: bool | None = None
    event_defaults: DefaultsIn | None = None
    event_privacy: PrivacyIn | None = None
    show_event_details: bool | None = Field(None, description="false is the shorthand for all of event_privacy off")
    default_meeting_settings: MeetingIn | None = None
    is_paused: bool | None = None

    @field_validator("sync_direction")
    @classmethod
    def _known_direction(cls, value: str | None) -> str | None:
        if value is not None and value.lower() not in ("inbound", "outbound", "both"):
            raise ValueError("choose INBOUND, OUTBOUND or BOTH")
        return value

    @field_validator("sync_frequency")
    @classmethod
    def _possible_frequency(cls, value: int | str | None) -> int | str | None:
        if isinstance(value, int) and not 1 <= value <= 1440:
            raise ValueError("choose 1 to 1440 minutes")
        return value

    def rules(self) -> dict[str, Any]:
        """Return the account's own rules among what was sent, by the names of `engine.rules`."""
        found: dict[str, Any] = {}
        if self.sync_direction is not None:
            found["direction"] = self.sync_direction.lower()
        if self.sync_frequency is not None:
            found["frequency"] = str(self.sync_frequency)
        if self.block_busy_time is not None:
            found["block_busy_time"] = self.block_busy_time
        return found | self._privacy() | self._defaults()

    def _privacy(self) -> dict[str, Any]:
        shorthand = {} if self.show_event_details is None else dict.fromkeys(PRIVACY, self.show_event_details)
        named = self.event_privacy.model_dump(exclude_none=True) if self.event_privacy else {}
        return shorthand | named

    def _defaults(self) -> dict[str, Any]:
        given, found = self.event_defaults, dict[str, Any]()
        if given is not None and given.visibility is not None:
            found["default_visibility"] = given.visibility
        if given is not None and given.reminders is not None:
            found["default_reminders"] = [(each.minutes, each.method) for each in given.reminders]
        return found


class AuthUrlIn(Sent):
    """Where a person is to be sent to sign in."""

    provider: str = Field(max_length=20, description="In any case")
    redirect_uri: str = Field(
        max_length=400, description="One that the admin allowed", examples=["https://crm.example/back"]
    )
    level: Literal["read", "write"] | None = None
    scopes: list[str] | None = Field(None, max_length=50, description="Instead of the level; the provider's own names")
    integration_id: str | None = Field(None, max_length=64, description="The one to sign in to again")
    user: str | None = Field(None, max_length=320, description="Whose it will be: id or address; for service tokens")


class AuthUrlOut(Told):
    auth_url: str
    state: str
    expires_in: int = Field(description="Seconds")


class IntegrationNew(Sent):
    """Either the answer of a sign-in (`code` and `state`), or a server with user name and password."""

    provider: str | None = Field(None, max_length=20, description="In any case")
    code: str | None = Field(None, max_length=4000)
    state: str | None = Field(None, max_length=400)
    server_url: str | None = Field(None, max_length=1000)
    username: str | None = Field(None, max_length=320)
    password: str | None = Field(None, max_length=1000)
    integration_id: str | None = Field(None, max_length=64, description="With a password: the one to reconnect")
    user: str | None = Field(None, max_length=320, description="Whose it will be: id or address; for service tokens")


class SyncAsked(Told):
    """A run was asked for. It goes on in the background."""

    integration_id: str
    message: str
    is_new: bool = Field(description="False: the same was asked for already")


class SyncStatusOut(Told):
    integration_id: str
    state: str
    status: str
    is_running: bool
    run_id: str | None = Field(description="The run under way")
    last_sync_at: Time | None
    next_sync_at: Time | None
    rate_limited: bool
    rate_limit_resets_at: Time | None


def told_calendar(row: t.Calendar) -> CalendarOut:
    """Return a calendar as programs read it."""
    return CalendarOut(
        id=row.public_id,
        remote_id=row.remote_id,
        name=row.name,
        is_primary=row.is_primary,
        color=row.color,
        time_zone=row.tz,
        writable=row.is_writable,
        selected=row.syncs,
        blocks_busy_time=row.blocks,
        creates_events=row.is_write_target,
        is_gone=row.is_gone,
    )


def told(
    account: t.Account,
    owner: t.User,
    calendars: list[t.Calendar],
    rules: Rules,
    state: State,
    meetings: MeetingOut | None,
) -> IntegrationOut:
    """Return an account as programs read it."""
    name, code = status.api_status(state)
    target = next((c.public_id for c in calendars if c.is_write_target), None)
    return IntegrationOut(
        id=account.public_id,
        provider=account.provider.upper(),
        owner=Person(id=owner.public_id, email=owner.email, name=owner.name),
        label=account.label,
        status=name,
        state=state.value,
        error=_error(account, code, name),
        can_write=account.can_write,
        sync_direction=rules.direction.value.upper(),
        sync_frequency=int(rules.frequency) if rules.frequency.isdigit() else rules.frequency,
        block_busy_time=rules.block_busy_time,
        event_privacy=PrivacyOut(**{each: getattr(rules, each) for each in PRIVACY}),
        event_defaults=DefaultsOut(
            visibility=rules.default_visibility,
            reminders=[ReminderIn.model_validate({"minutes": m, "method": how}) for m, how in rules.default_reminders],
        ),
        default_meeting_settings=meetings,
        create_events_in=target,
        calendars=[told_calendar(each) for each in calendars],
        calendars_to_sync=[c.public_id for c in calendars if c.syncs],
        busy_calendars=[c.public_id for c in calendars if c.blocks],
        last_sync_at=account.last_success_at,
        next_sync_at=account.next_sync_at,
        created_at=account.created_at,
    )


def _error(account: t.Account, code: str | None, name: str) -> ErrorOut | None:
    if name == "TOKEN_EXPIRED":
        return ErrorOut(code=account.grant_error or "sign_in_needed", detail="The owner has to sign in again.")
    if code is None:
        return None
    return ErrorOut(code=account.last_error_class or code, detail=account.last_error)
