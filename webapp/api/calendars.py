"""Calendars by provider, for booking systems that think in resources rather than in logins."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState, Scope
from calsync.errors import NotFound, Refused
from calsync.services import accounts, agenda, api_settings, attempts, connect_oauth, resources
from calsync.services.agenda import Asked as Window
from calsync.services.attempts import Asked
from calsync.store import accounts as rows
from calsync.store import tables as t
from webapp.api import connecting, integrations, lookup
from webapp.api.operations import Answer, Call, operation
from webapp.api.problems import Refusal
from webapp.api.schemas.base import Sent, Time, Told

TAG = "Calendars by provider"
PRIMARY = "primary"
LONGEST = timedelta(days=92)
LOOK_EVERY_S = 0.25


class Where(BaseModel):
    """Whose calendar, where the name alone does not say it."""

    integration_id: str | None = Field(None, max_length=64)
    resource_id: str | None = Field(None, max_length=64)


class EventsQuery(Where):
    start: datetime | None = Field(None, description="None: now")
    end: datetime | None = Field(None, description="None: 30 days later")


class SyncQuery(Where):
    wait: float = Field(0, ge=0, le=25, description="Seconds to wait for the sync; 0 answers at once")


class ConnectIn(Sent):
    """What is to be connected with a resource, or with whoever asks."""

    resource_id: str | None = Field(None, max_length=64)
    calendar_id: str = Field(PRIMARY, max_length=1000)
    oauth_token: str | None = Field(None, max_length=4000)
    redirect_uri: str | None = Field(None, max_length=400, description="None: the first that the admin allowed")
    user: str | None = Field(None, max_length=320, description="Whose login: id or address; for service tokens")


class ConnectedOut(Told):
    """Connected, or where to send the person first."""

    message: str
    warning: str | None = Field(None, description="What will end by itself, and what to do then")
    auth_url: str | None = None
    state: str | None = None
    integration_id: str | None = None
    calendar_id: str | None = None
    resource_id: str | None = None


class EventOut(Told):
    event_id: str
    start_time: Time
    end_time: Time
    title: str


class EventsOut(Told):
    events: list[EventOut]


class MessageOut(Told):
    message: str
    integration_id: str


@operation(
    "POST",
    "/calendars/<provider>/connect",
    Scope.WRITE,
    tag=TAG,
    body=ConnectIn,
    answer=ConnectedOut,
    problems=integrations.REACHES_OUT,
)
def connect_calendar(call: Call, provider: str) -> ConnectedOut:
    """Connect a calendar with a resource

    Where the login is there already, its calendar is mapped to the resource at once. Else the answer has an `auth_url`:
    after the sign-in (POST /integrations) send this again. With an access token of yours in `oauth_token` the login is
    connected until it ends, and `warning` says so; `no_refresh` where the provider does not tell whose a token is.
    """
    sent: ConnectIn = call.body
    name = lookup.provider(call, provider)
    owner = lookup.whose(call, sent.user)
    account, warning = _with_token(call, name, owner, sent.oauth_token)
    calendar = _of_owner(call, name, owner, sent.calendar_id, account)
    if calendar is None and account is not None:
        raise NotFound("calendar", sent.calendar_id)
    if calendar is None:
        return _to_sign_in(call, name, owner, sent)
    if sent.resource_id is not None:
        with call.rt.reading() as session:
            resource = lookup.row(session, t.Resource, sent.resource_id, "resource")
        resources.map_calendar(call.rt, t.pk(resource), t.pk(calendar), by=call.by)
    with call.rt.reading() as session:
        account = rows.get(session, calendar.account_id)
    return ConnectedOut(
        message=f"{calendar.name} is connected.",
        warning=warning,
        integration_id=account.public_id,
        calendar_id=calendar.public_id,
        resource_id=sent.resource_id,
    )


@operation(
    "GET",
    "/calendars/<provider>/<calendar_id>/events",
    Scope.READ,
    tag=TAG,
    query=EventsQuery,
    answer=EventsOut,
    problems=(409,),
)
def list_calendar_events(call: Call, provider: str, calendar_id: str) -> EventsOut:
    """List what stands in a calendar

    Series are unfolded. At most 92 days at once. Other people's private events are there as Busy.
    """
    account, calendar = _found(call, provider, calendar_id)
    start = _aware(call.query.start or call.rt.now())
    end = _aware(call.query.end or start + timedelta(days=30))
    if not start < end <= start + LONGEST:
        raise Refused("Choose a window of at most 92 days.", code="invalid", field="end")
    viewer = call.by.user_id or account.user_id  # a service token reads for the owner
    asked = Window(start, end, viewer, owner_ids=[account.user_id], calendar_id=t.pk(calendar))
    return EventsOut(events=[_event(each) for each in agenda.show(call.rt, asked).entries])


@operation(
    "POST",
    "/calendars/<provider>/<calendar_id>/sync",
    Scope.WRITE,
    tag=TAG,
    query=SyncQuery,
    answer=MessageOut,
    status=202,
    also={200: MessageOut},
    problems=(409,),
)
def sync_calendar(call: Call, provider: str, calendar_id: str) -> Answer:
    """Ask for a sync of a calendar's login

    202 at once; with `wait`, 200 when it was through in that time.
    """
    account, _ = _found(call, provider, calendar_id)
    asked_at = call.rt.now()
    accounts.sync_now(call.rt, t.pk(account), by=call.by)
    info = call.rt.providers[account.provider].info
    if _is_through(call, t.pk(account), asked_at, call.query.wait):
        done = f"{_calendar_name(info.short)} synchronized successfully."
        return Answer(MessageOut(message=done, integration_id=account.public_id), 200)
    waits = f"{_calendar_name(info.short)} is being synchronized."
    return Answer(MessageOut(message=waits, integration_id=account.public_id), 202)


@operation(
    "DELETE",
    "/calendars/<provider>/<calendar_id>",
    Scope.WRITE,
    tag=TAG,
    query=Where,
    answer=MessageOut,
    problems=(409,),
)
def disconnect_calendar(call: Call, provider: str, calendar_id: str) -> MessageOut:
    """Detach one calendar

    It syncs and blocks no more and is no resource's; both sides stay as they are, the login goes on.
    """
    account, calendar = _found(call, provider, calendar_id)
    with call.rt.reading() as session:
        mapped = session.scalars(sa.select(t.Resource).where(col(t.Resource.calendar_id) == calendar.id)).one_or_none()
    if mapped is not None:
        resources.unmap(call.rt, t.pk(mapped), by=call.by)
    accounts.set_calendar(call.rt, t.pk(calendar), syncs=False, blocks=False, is_write_target=False, by=call.by)
    name = _calendar_name(call.rt.providers[account.provider].info.short)
    return MessageOut(message=f"{name} disconnected successfully.", integration_id=account.public_id)


def _calendar_name(short: str) -> str:
    return f"{short} Calendar"


def _event(entry: agenda.Entry) -> EventOut:
    event = entry.occurrence.event
    return EventOut(
        event_id=event.uid,
        start_time=entry.occurrence.starts_at,
        end_time=entry.occurrence.ends_at,
        title=event.summary if entry.hides == agenda.OPEN else "Busy",
    )


def _found(call: Call, provider: str, calendar_id: str) -> tuple[t.Account, t.Calendar]:
    """Return the calendar that is meant, with its account. Raises NotFound, and Refusal 409 where several could be."""
    name = lookup.provider(call, provider)
    with call.rt.reading() as session:
        found = [pair for pair in _candidates(session, call, name, calendar_id) if _is_asked(session, call, pair)]
    if not found:
        raise NotFound("calendar", calendar_id)
    if len(found) > 1:
        detail = (
            f"{len(found)} calendars could be meant. Name an integration_id or a resource_id, or the calendar's id."
        )
        raise Refusal(409, "ambiguous", detail)
    return found[0]


def _candidates(session: Session, call: Call, provider: str, calendar_id: str) -> list[tuple[t.Account, t.Calendar]]:
    A, C = t.Account, t.Calendar
    by_id = sa.or_(col(C.public_id) == calendar_id, col(C.remote_id) == calendar_id)
    query = (
        sa.select(A, C)
        .join(C, col(C.account_id) == col(A.id))
        .where(col(A.provider) == provider, col(A.state) != AccountState.DISCONNECTED, col(C.is_gone).is_(False))
        .where(col(C.is_primary).is_(True) if calendar_id == PRIMARY else by_id)
        .order_by(col(C.id))
    )
    viewer = lookup.viewer_id(call.by)
    if viewer is not None:
        query = query.where(col(A.user_id) == viewer)
    return [(account, calendar) for account, calendar in session.execute(query)]


def _is_asked(session: Session, call: Call, pair: tuple[t.Account, t.Calendar]) -> bool:
    account, calendar = pair
    if call.query.integration_id not in (None, account.public_id):
        return False
    if call.query.resource_id is None:
        return True
    resource = lookup.row(session, t.Resource, call.query.resource_id, "resource")
    return resource.calendar_id == calendar.id


def _with_token(call: Call, provider: str, owner_id: int, token: str | None) -> tuple[t.Account | None, str | None]:
    """Connect by an access token, where one was sent; return the account and what to know about its end."""
    if token is None:
        return None, None
    account, lasts = connect_oauth.connect_token(call.rt, owner_id, provider, token, by=call.by)
    warning = "This token cannot be renewed. When it ends, syncing stops until the person signs in by an auth_url."
    return account, None if lasts else warning


def _of_owner(
    call: Call, provider: str, owner_id: int, calendar_id: str, of: t.Account | None = None
) -> t.Calendar | None:
    """Return a person's calendar, of all their logins or of one. Raises Refusal 409 where several could be meant."""
    with call.rt.reading() as session:
        found = _candidates(session, call, provider, calendar_id)
    own = [c for account, c in found if account.user_id == owner_id and (of is None or account.id == of.id)]
    if len(own) > 1:
        raise Refusal(409, "ambiguous", "Several logins have such a calendar. Name the calendar by its id.")
    return own[0] if own else None


def _to_sign_in(call: Call, provider: str, owner_id: int, sent: ConnectIn) -> ConnectedOut:
    redirect = sent.redirect_uri or next(iter(api_settings.get(call.rt)[0].redirect_uris), "")
    api_settings.check_redirect(call.rt, redirect)
    asked = Asked(provider, can_write=True, user_id=owner_id, redirect_uri=redirect)
    told = connecting.auth_url(attempts.begin(call.rt, asked, token_id=call.who.token.id, by=call.by))
    return ConnectedOut(message="Send the person to auth_url to sign in.", auth_url=told.auth_url, state=told.state)


def _is_through(call: Call, account_id: int, asked_at: datetime, wait_s: float) -> bool:
    """Wait until a run that began after the request has gone through, for so long at most."""
    waited = 0.0
    while waited < wait_s:
        with call.rt.reading() as session:
            account = rows.get(session, account_id)
        is_quiet = account.lease_until is None and not account.requested_trigger
        if is_quiet and account.last_success_at is not None and account.last_success_at >= asked_at:
            return True
        call.rt.sleep(LOOK_EVERY_S)
        waited += LOOK_EVERY_S
    return False


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise Refused("Give times with their offset, as 2030-01-09T10:00:00Z.", code="invalid", field="start")
    return moment
