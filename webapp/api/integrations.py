"""Integrations: logins at providers. Connecting, how they are synced, asking for a sync, and leaving."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, replace
from typing import Any, Literal

from pydantic import BaseModel, Field

from calsync.engine import rules as engine_rules
from calsync.engine import status
from calsync.engine.vocabulary import AccountState, Scope
from calsync.errors import Refused
from calsync.services import (
    account_states,
    accounts,
    connect,
    disconnect,
    meeting_settings,
    settings,
)
from calsync.store import account_pages
from calsync.store import accounts as rows
from calsync.store import tables as t
from calsync.store.account_pages import AccountFilters, AccountLine
from webapp.api import lookup, paging
from webapp.api.operations import Answer, Call, operation
from webapp.api.paging import Listed, Paged
from webapp.api.schemas import integrations as shapes
from webapp.api.schemas.base import Sent, Told
from webapp.api.schemas.integrations import (
    CalendarOut,
    IntegrationOut,
    IntegrationPatch,
    MeetingOut,
    SyncAsked,
    SyncStatusOut,
)

TAG = "Integrations"
REACHES_OUT = (404, 409, 502, 503)
"""Problems of whatever asks a provider."""


class IntegrationQuery(Paged):
    """Which integrations are wanted; the newest first."""

    provider: str | None = Field(None, max_length=20, description="In any case")
    owner: str | None = Field(None, max_length=320, description="A person's id or address")
    disconnected: bool = Field(False, description="Those that were disconnected instead")


class IntegrationList(Listed[IntegrationOut]):
    pass


class CalendarsOut(Told):
    calendars: list[CalendarOut]


class ResyncIn(Sent):
    full_sync: bool = Field(True, description="Forget where reading stood, and read everything")


class LeavingQuery(BaseModel):
    """What becomes of the copies."""

    copies: Literal["keep", "delete_remote", "delete_local", "delete_both"] = "keep"


class LeftOut(Told):
    message: str
    run_id: str | None = Field(description="The run that deletes copies first; null: it is done")


@operation("GET", "/integrations", Scope.READ, tag=TAG, query=IntegrationQuery, answer=IntegrationList)
def list_integrations(call: Call) -> IntegrationList:
    """List integrations"""
    asked: IntegrationQuery = call.query
    filters = AccountFilters(
        viewer_id=lookup.viewer_id(call.by),
        owner_id=lookup.whose(call, asked.owner) if asked.owner else None,
        provider=(asked.provider or "").lower(),
        disconnected=asked.disconnected,
    )
    with call.rt.reading() as session:
        found = account_pages.list_lines(session, filters, asked.cut())
    shown = _shown(call, found.rows)
    part = paging.listed(found, lambda line: shown[t.pk(line.account)], lambda line: (t.pk(line.account),))
    return IntegrationList(items=part.items, next=part.next)


@operation("GET", "/integrations/<id>", Scope.READ, tag=TAG, answer=IntegrationOut)
def show_integration(call: Call, id: str) -> IntegrationOut:
    """Show an integration"""
    return told(call, lookup.account(call, id))


@operation(
    "PATCH",
    "/integrations/<id>",
    Scope.WRITE,
    tag=TAG,
    body=IntegrationPatch,
    answer=IntegrationOut,
    current=show_integration,
    problems=(409,),
)
def edit_integration(call: Call, id: str) -> IntegrationOut:
    """Change how an integration is synced

    Switching from one way to both holds the next plan until somebody approved it.
    """
    account, sent = lookup.account(call, id), call.body
    changes = sent.rules()
    if changes:
        accounts.set_overrides(call.rt, t.pk(account), changes, by=call.by)
    if {"calendars_to_sync", "busy_calendars", "create_events_in"} & sent.model_fields_set:
        _choose_calendars(call, t.pk(account), sent)
    if sent.default_meeting_settings is not None:
        known, version = meeting_settings.get(call.rt, t.pk(account))
        given = sent.default_meeting_settings
        new = replace(known, **{name: getattr(given, name) for name in given.model_fields_set})
        meeting_settings.save(call.rt, t.pk(account), new, version, by=call.by)
    if sent.is_paused is not None:
        (accounts.pause if sent.is_paused else accounts.resume)(call.rt, t.pk(account), by=call.by)
    return told(call, lookup.account(call, id))


@operation(
    "DELETE",
    "/integrations/<id>",
    Scope.WRITE,
    tag=TAG,
    query=LeavingQuery,
    answer=LeftOut,
    also={202: LeftOut},
    current=show_integration,
    problems=(409,),
)
def disconnect_integration(call: Call, id: str) -> Answer:
    """Disconnect an integration

    Its password or tokens are forgotten. Both sides stay as they are unless `copies` says otherwise; then a run deletes
    first, and the answer is 202.
    """
    account = lookup.account(call, id)
    run_id = disconnect.ask(call.rt, t.pk(account), call.query.copies, by=call.by)
    if run_id is None:
        return Answer(LeftOut(message=f"{account.label} is disconnected.", run_id=None), 200)
    with call.rt.reading() as session:
        run = session.get_one(t.Run, run_id)
    return Answer(LeftOut(message=f"{account.label} is being disconnected.", run_id=run.public_id), 202)


@operation("POST", "/integrations/<id>/refresh", Scope.WRITE, tag=TAG, answer=IntegrationOut, problems=REACHES_OUT)
def refresh_integration(call: Call, id: str) -> IntegrationOut:
    """Prove that a login still works, and learn which calendars there are"""
    account = lookup.account(call, id)
    if account.state == AccountState.DISCONNECTED:
        raise Refused("This integration is disconnected. Connect it again first.", code="disconnected")
    connect.refresh_calendars(call.rt, t.pk(account), by=call.by)
    return told(call, lookup.account(call, id))


@operation("POST", "/integrations/<id>/sync", Scope.WRITE, tag=TAG, answer=SyncAsked, status=202, problems=(409,))
def sync_integration(call: Call, id: str) -> SyncAsked:
    """Ask for a sync"""
    return _asked(call, id, full=False)


@operation(
    "POST",
    "/integrations/<id>/resync",
    Scope.WRITE,
    tag=TAG,
    body=ResyncIn,
    answer=SyncAsked,
    status=202,
    problems=(409,),
)
def resync_integration(call: Call, id: str) -> SyncAsked:
    """Ask for a sync that reads everything anew"""
    return _asked(call, id, full=call.body.full_sync)


@operation("GET", "/integrations/<id>/sync-status", Scope.READ, tag=TAG, answer=SyncStatusOut)
def show_sync_status(call: Call, id: str) -> SyncStatusOut:
    """Show what the sync of an integration does"""
    account, now = lookup.account(call, id), call.rt.now()
    with call.rt.reading() as session:
        line = account_pages.get_line(session, t.pk(account))
        state = account_states.states(session, [line], now)[t.pk(account)]
        run = account_pages.active_runs(session, [t.pk(account)]).get(t.pk(account))
    until = account.rate_limited_until
    is_limited = until is not None and until > now
    return SyncStatusOut(
        integration_id=account.public_id,
        state=state.value,
        status=status.api_status(state)[0],
        is_running=account_states.is_running(account, now),
        run_id=None if run is None else run.public_id,
        last_sync_at=account.last_success_at,
        next_sync_at=account.next_sync_at,
        rate_limited=is_limited,
        rate_limit_resets_at=until if is_limited else None,
    )


@operation("GET", "/integrations/<id>/calendars", Scope.READ, tag=TAG, answer=CalendarsOut)
def list_integration_calendars(call: Call, id: str) -> CalendarsOut:
    """List the calendars of an integration"""
    account = lookup.account(call, id)
    with call.rt.reading() as session:
        found = rows.list_calendars(session, t.pk(account))
    return CalendarsOut(calendars=[shapes.told_calendar(each) for each in found])


# --- as programs read them


def told(call: Call, account: t.Account) -> IntegrationOut:
    """Return one account as programs read it."""
    with call.rt.reading() as session:
        line = account_pages.get_line(session, t.pk(account))
    return _shown(call, [line])[t.pk(account)]


def _shown(call: Call, lines: Collection[AccountLine]) -> dict[int, IntegrationOut]:
    ids = [t.pk(line.account) for line in lines]
    with call.rt.reading() as session:
        base, _ = settings.organisation_rules(session)
        states = account_states.states(session, lines, call.rt.now(), base)
        owners = lookup.users(session, {line.account.user_id for line in lines})
        calendars: dict[int, list[t.Calendar]] = {}
        for each in rows.calendars_of(session, ids):
            calendars.setdefault(each.account_id, []).append(each)
        rules = {t.pk(line.account): engine_rules.overlay(base, line.account.overrides) for line in lines}
        hosting = {i: meeting_settings.of(session, i)[0] for i in ids if _hosts(call, lines, i)}
    return {
        t.pk(line.account): shapes.told(
            line.account,
            owners[line.account.user_id],
            calendars.get(t.pk(line.account), []),
            rules[t.pk(line.account)],
            states[t.pk(line.account)],
            MeetingOut(**asdict(hosting[t.pk(line.account)])) if t.pk(line.account) in hosting else None,
        )
        for line in lines
    }


def _hosts(call: Call, lines: Collection[AccountLine], account_id: int) -> bool:
    provider = next(line.account.provider for line in lines if line.account.id == account_id)
    return meeting_settings.hosts(call.rt, provider)


def _asked(call: Call, id: str, *, full: bool) -> SyncAsked:
    account = lookup.account(call, id)
    is_new = accounts.sync_now(call.rt, t.pk(account), full=full, by=call.by)
    return SyncAsked(integration_id=account.public_id, message=f"{account.label} will be synced.", is_new=is_new)


def _choose_calendars(call: Call, account_id: int, sent: IntegrationPatch) -> None:
    """Set the flags of all calendars: those that a program names, the others as they are."""
    with call.rt.reading() as session:
        known = {c.public_id: c for c in rows.list_calendars(session, account_id)}
    syncs = (
        {c.public_id for c in known.values() if c.syncs} if sent.calendars_to_sync is None else sent.calendars_to_sync
    )
    blocks = {c.public_id for c in known.values() if c.blocks} if sent.busy_calendars is None else sent.busy_calendars
    target: int | None = None
    if "create_events_in" in sent.model_fields_set:
        target = 0 if sent.create_events_in is None else _id_of(known, sent.create_events_in)
    accounts.choose_calendars(
        call.rt,
        account_id,
        syncs=[_id_of(known, each) for each in syncs],
        blocks=[_id_of(known, each) for each in blocks],
        target=target,
        by=call.by,
    )


def _id_of(known: dict[str, t.Calendar], name: str) -> int:
    """Return a calendar of the integration by our id or the provider's own. Raises Refused."""
    found: Any = known.get(name) or next((c for c in known.values() if c.remote_id == name), None)
    if found is None:
        raise Refused(f"This integration has no calendar {name}.", code="invalid", field="calendars_to_sync")
    return t.pk(found)
