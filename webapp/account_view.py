"""One account as its pages show it: three facts, its calendars with what may be switched, and what it does now.

head = account_view.head(session, account_id)  # .account, .state, .facts, .run, .is_moving, ...
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for
from flask_login import current_user
from sqlmodel import Session

from calsync.engine import rules as engine_rules
from calsync.engine import status
from calsync.engine.rules import Rules
from calsync.engine.status import State
from calsync.engine.vocabulary import AccountState
from calsync.services import account_states, block_choices, grants, letters, settings, wanted_notices
from calsync.services.attempts import ZONE
from calsync.store import account_pages, busy_blocks, calendar_pages
from calsync.store import tables as t
from calsync.store.account_pages import AccountLine
from webapp import moments, words
from webapp.access import provider_info, runtime
from webapp.arrivals import Arrival


@dataclass(frozen=True, slots=True)
class Fact:
    """One of the three facts. `colour` is green, amber, red or grey."""

    label: str
    value: str
    colour: str
    icon: str
    at: datetime | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands on top of every page of an account. `run` is what it does now, or None."""

    line: AccountLine
    state: State
    info: Any
    rules: Rules
    base: Rules
    run: t.Run | None
    is_moving: bool
    facts: tuple[Fact, ...]

    @property
    def account(self) -> t.Account:
        return self.line.account

    @property
    def refused_at(self) -> datetime | None:
        """Since when the provider does not know this installation, None while it does."""
        return self.line.refused_at

    @property
    def is_mine(self) -> bool:
        return self.account.user_id == current_user.id

    @property
    def is_connected(self) -> bool:
        return self.account.state != AccountState.DISCONNECTED

    @property
    def may_sync(self) -> bool:
        return self.account.state == AccountState.ACTIVE and self.account.grant_ok

    @property
    def ends_at(self) -> datetime | None:
        """When the authorisation ends by itself, None for one without such an end or one that is over."""
        return self.account.grant_ends_at if self.account.grant_ok and self.is_connected else None

    @property
    def ends_soon(self) -> bool:
        return self.ends_at is not None and self.ends_at <= moments.now() + wanted_notices.ENDING_WITHIN

    @property
    def has_calendars(self) -> bool:
        """Whether there are calendars at this provider. One that only takes what we make there has none."""
        return self.info.sync != "one-way"

    @property
    def wants_writing(self) -> bool:
        """Whether the person at the provider could let us write and has not."""
        return self.has_calendars and self.may_sync and self.info.sign_in == "oauth" and not self.account.can_write

    @property
    def write_url(self) -> str:
        """Where write access is asked for."""
        return write_url(self.account)

    @property
    def zone_url(self) -> str:
        """Where the mailbox's time zone is asked for, "" where it is known already or is no question."""
        if not self.may_sync or grants.has_extra(runtime(), self.account, ZONE):
            return ""
        if not grants.offers(runtime(), self.account, ZONE):
            return ""
        return url_for("oauth.begin", provider=self.account.provider, account=self.account.id, extra=ZONE)

    @property
    def sentence(self) -> str:
        """What the account does while no run is under way, for people."""
        if self.refused_at and self.state in (State.RETRYING, State.NEEDS_ATTENTION):
            return f"{self.info.short} does not know this installation any more. An admin has to mend that."
        return _sentence(self.account, self.state)

    @property
    def next_at(self) -> datetime | None:
        at = self.account.next_sync_at
        return at if self.may_sync and at is not None and at > moments.now() else None


def write_url(account: t.Account) -> str:
    """Return where an account at a provider with its own sign-in page is asked for write access."""
    return url_for("oauth.begin", provider=account.provider, account=account.id, access="write")


def head(session: Session, account_id: int) -> Head:
    """Return the head of an account's pages. Raises NotFound."""
    line = account_pages.get_line(session, account_id)
    now, account = moments.now(), line.account
    base, _ = settings.organisation_rules(session)
    rules = engine_rules.overlay(base, account.overrides)
    run = account_pages.active_run(session, account_id)
    waits = account_states.is_asked(account, now) and not account_states.is_running(account, now)
    return Head(
        line=line,
        state=account_states.states(session, [line], now, base)[account_id],
        info=provider_info(account.provider),
        rules=rules,
        base=base,
        run=run,
        is_moving=run is not None or waits or account_states.is_running(account, now),
        facts=_facts(line, rules, now),
    )


def session_head(account_id: int) -> Head:
    """Return the head in a session of its own."""
    with runtime().reading() as session:
        return head(session, account_id)


def _facts(line: AccountLine, rules: Rules, now: datetime) -> tuple[Fact, ...]:
    """Return the three facts; an account without calendars has nothing to be in sync."""
    account = line.account
    first = (_authorised(account, line.refused_at), _reachable(account, now))
    return first if provider_info(account.provider).sync == "one-way" else (*first, _in_sync(line, rules, now))


def _sentence(account: t.Account, state: State) -> str:
    match state:
        case State.PAUSED:
            why = f" {account.paused_reason}." if account.paused_reason else ""
            until = f" until {moments.absolute(account.paused_until)}" if account.paused_until else ""
            since = f" since {moments.absolute(account.paused_at)}" if account.paused_at else ""
            return f"Paused{since}{until}.{why}"
        case State.NEEDS_RECONNECT if account.grant_error in letters.REASONS:
            return f"{letters.REASONS[account.grant_error]} Changes wait, and go out after reconnecting."
        case State.NEW:
            return "It has never synced. Choose its calendars, look at the preview and start."
        case State.RETRYING:
            return account.last_error or "The last run failed; the next try comes by itself."
    return words.account_state(state).help


# --- the three facts


def _authorised(account: t.Account, refused_at: datetime | None) -> Fact:
    if account.state == AccountState.DISCONNECTED:
        return Fact("Authorised", "No: disconnected", "grey", "unlink", account.disconnected_at)
    if account.grant_ok and refused_at is not None:
        return Fact("Authorised", "This installation is refused", "amber", "key", refused_at, "since")
    if account.grant_ok and provider_info(account.provider).sync == "one-way":
        return Fact(
            "Authorised", "Yes, may host meetings", "green", "circle-check", account.grant_checked_at, "checked"
        )
    if account.grant_ok and account.grant_ends_at is not None:
        access = "may read and write" if account.can_write else "may only read"
        return Fact("Authorised", f"Yes, {access}", "amber", "clock", account.grant_ends_at, "ends")
    if account.grant_ok:
        access = "may read and write" if account.can_write else "may only read"
        return Fact("Authorised", f"Yes, {access}", "green", "circle-check", account.grant_checked_at, "checked")
    return Fact("Authorised", "No: the sign-in is refused", "red", "key", account.grant_lost_at, "since")


def _reachable(account: t.Account, now: datetime) -> Fact:
    limit = account.rate_limited_until
    if limit is not None and limit > now:
        return Fact("Reachable", "Asked us to wait", "amber", "hourglass", limit, "goes on")
    if account.failed_runs and account.last_error_class in ("network", "provider"):
        tried = words.count(account.failed_runs, "run")
        return Fact("Reachable", f"No answer in the last {tried}", "red", "cloud", _answered(account), "last answer")
    if _answered(account) is None:
        return Fact("Reachable", "Not asked yet", "grey", "cloud", None)
    took = f"Yes, in {account.last_answer_ms} ms" if account.last_answer_ms is not None else "Yes"
    return Fact("Reachable", took, "green", "circle-check", _answered(account), "last answer")


def _answered(account: t.Account) -> datetime | None:
    known = [m for m in (account.last_answer_at, account.last_complete_read_at) if m is not None]
    return max(known, default=None)


def _in_sync(line: AccountLine, rules: Rules, now: datetime) -> Fact:
    account = line.account
    if account.last_success_at is None:
        return Fact("In sync since", "Never synced yet", "grey", "clock", None)
    if account.in_sync_since is None:
        what = words.count(line.failing, "record fails", "records fail") if line.failing else "The last run failed"
        return Fact("In sync since", what, "amber", "alert-triangle", account.last_success_at, "last success")
    is_late = status.account_state(account_states.facts_of(line, now), rules, now) in (State.LATE, State.STALE)
    colour, icon = ("amber", "clock") if is_late else ("green", "circle-check")
    return Fact(
        "In sync since", moments.absolute(account.in_sync_since), colour, icon, account.last_success_at, "last success"
    )


# --- the calendars


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """One calendar of the account's page. `count` is None where nothing of it is read, `arrival` where nobody tells.

    `may_hold` tells whether busy blocks can be written to it, `blocks` what is known of those that were.
    """

    row: t.Calendar
    count: calendar_pages.Count | None
    twins: list[calendar_pages.Twin]
    may_change: bool
    arrival: Arrival | None = None
    may_hold: bool = False
    blocks: busy_blocks.Sum | None = None


def calendar_rows(
    session: Session, account: t.Account, calendars: Sequence[t.Calendar], told: Mapping[int, Arrival]
) -> list[CalendarRow]:
    """Return calendars with their event counts, their twins in other accounts, and how changes come of each."""
    counts = calendar_pages.event_counts(session, [t.pk(c) for c in calendars if c.last_read_at])
    twins = calendar_pages.twins(session, t.pk(account))
    may_change = account.state != AccountState.DISCONNECTED
    holds = account.can_write and block_choices.can_hold(provider_info(account.provider).capabilities)
    blocks = busy_blocks.sums(session, [t.pk(c) for c in calendars if c.takes_blocks or c.clears_blocks])
    return [
        CalendarRow(
            c,
            counts.get(t.pk(c)),
            twins.get(t.pk(c), []),
            may_change,
            told.get(t.pk(c)) if c.syncs else None,
            holds and c.is_writable,
            blocks.get(t.pk(c)),
        )
        for c in calendars
    ]
