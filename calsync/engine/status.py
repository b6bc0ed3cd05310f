"""Status: the states that people and programs see, derived from stored facts in this one place.

Nothing here is stored. Labels, colours and icons stand in `webapp/words`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from calsync.engine import backoff
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import AccountState, Action, Reason, StepState

SAFETY_POLL = timedelta(minutes=5)
"""How often a real-time account is polled although it is notified."""


class State(StrEnum):
    """What an account is doing, as people see it."""

    HEALTHY = "healthy"
    SYNCING = "syncing"
    LATE = "late"
    STALE = "stale"
    RATE_LIMITED = "rate_limited"
    RETRYING = "retrying"
    NEEDS_RECONNECT = "needs_reconnect"
    NEEDS_ATTENTION = "needs_attention"
    HELD = "held"
    PAUSED = "paused"
    NEW = "new"
    DISCONNECTED = "disconnected"


class Outcome(StrEnum):
    """What became of one record in one run."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    UNLINKED = "unlinked"
    LINKED = "linked"
    MERGED = "merged"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    CONFLICT = "conflict"
    FAILED = "failed"
    RETRYING = "retrying"
    RETRIED_OK = "retried_ok"
    ARCHIVED = "archived"
    HELD = "held"
    PLANNED = "planned"
    PREVIEW = "preview"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """Everything that an account's state depends on. `open_issues` counts failed records that need a person."""

    stored: AccountState
    connected_at: datetime
    grant_ok: bool = True
    has_calendars: bool = True  # at least one syncs or blocks
    is_running: bool = False
    last_success_at: datetime | None = None
    failed_runs: int = 0
    rate_limited_until: datetime | None = None
    held_steps: int = 0
    open_issues: int = 0
    open_conflicts: int = 0


def account_state(facts: AccountFacts, rules: Rules, now: datetime) -> State:
    """Return the one state of an account.

    The first that fits, from what stops everything to what merely delays: disconnected, paused, needs reconnect,
    syncing, rate limited, held, needs attention (ten failed runs, failing records or open conflicts), retrying, new,
    stale, late, healthy.
    """
    return _stopped(facts) or _busy(facts, now) or _waiting(facts) or _freshness(facts, rules, now)


def _stopped(facts: AccountFacts) -> State | None:
    match facts.stored:
        case AccountState.DISCONNECTED:
            return State.DISCONNECTED
        case AccountState.PAUSED:
            return State.PAUSED
        case _:
            return None if facts.grant_ok else State.NEEDS_RECONNECT


def _busy(facts: AccountFacts, now: datetime) -> State | None:
    if facts.is_running:
        return State.SYNCING
    limit = facts.rate_limited_until
    return State.RATE_LIMITED if limit is not None and limit > now else None


def _waiting(facts: AccountFacts) -> State | None:
    if facts.held_steps:
        return State.HELD
    if facts.open_issues or facts.open_conflicts or backoff.needs_attention(facts.failed_runs):
        return State.NEEDS_ATTENTION
    return State.RETRYING if facts.failed_runs else None


def _freshness(facts: AccountFacts, rules: Rules, now: datetime) -> State:
    every = interval(rules)
    if facts.last_success_at is None and (not facts.has_calendars or every is None):
        return State.NEW
    if every is None:
        return State.HEALTHY
    age = now - (facts.last_success_at or facts.connected_at)
    if age > 2 * every + grace(every):
        return State.STALE
    if facts.last_success_at is None:
        return State.NEW
    return State.LATE if age > every + grace(every) else State.HEALTHY


def interval(rules: Rules) -> timedelta | None:
    """Return how often an account is polled; None for manual. Raises ValueError for a frequency it cannot read."""
    match rules.frequency:
        case "manual":
            return None
        case "realtime":
            return SAFETY_POLL
        case minutes:
            return timedelta(minutes=int(minutes))


def grace(every: timedelta) -> timedelta:
    """Return how much later than its interval a success may be before it counts: a tenth, two minutes at least."""
    return max(every / 10, timedelta(minutes=2))


def next_sync_at(rules: Rules, ended_at: datetime) -> datetime | None:
    """Return when the next run is due after one that went through; None: when someone asks."""
    every = interval(rules)
    return None if every is None else ended_at + every


# What programs see


_API_STATUS = {
    State.NEEDS_RECONNECT: "TOKEN_EXPIRED",
    State.RATE_LIMITED: "RATE_LIMITED",
    State.RETRYING: "ERROR",
    State.NEEDS_ATTENTION: "ERROR",
    State.HELD: "ERROR",
    State.PAUSED: "PAUSED",
    State.DISCONNECTED: "DISCONNECTED",
}


def api_status(state: State) -> tuple[str, str | None]:
    """Return the API's status of an account, and the code that says more when it is ERROR."""
    status = _API_STATUS.get(state, "ACTIVE")
    return status, state.value if status == "ERROR" else None


# What became of a record


_BY_STATE = {
    StepState.PLANNED: Outcome.PLANNED,
    StepState.HELD: Outcome.HELD,
    StepState.APPLYING: Outcome.RETRYING,
    StepState.IN_DOUBT: Outcome.RETRYING,
    StepState.SKIPPED: Outcome.SKIPPED,
    StepState.CONFLICT: Outcome.CONFLICT,
    StepState.UNDONE: Outcome.UNDONE,
    StepState.PREVIEW: Outcome.PREVIEW,
}
_BY_ACTION = {
    Action.CREATE: Outcome.CREATED,
    Action.UPDATE: Outcome.UPDATED,
    Action.CANCEL: Outcome.DELETED,
    Action.DELETE: Outcome.DELETED,
    Action.LINK: Outcome.LINKED,
    Action.UNLINK: Outcome.UNLINKED,
    Action.NONE: Outcome.UNCHANGED,
}


def outcome(
    state: StepState, action: Action, reason: str = "", *, was_retried: bool = False, has_failed: bool = False
) -> Outcome | None:
    """Return what became of a step's record; None for a superseded one, which is not shown.

    `was_retried` says that a later run took the failed step up with success, `has_failed` that it has an error: one
    that is skipped all the same was archived by a person.
    """
    match state:
        case StepState.SUPERSEDED:
            return None
        case StepState.FAILED:
            return Outcome.RETRIED_OK if was_retried else Outcome.FAILED
        case StepState.SKIPPED if has_failed:
            return Outcome.ARCHIVED
        case StepState.DONE if reason == Reason.MERGED:
            return Outcome.MERGED
        case StepState.DONE:
            return _BY_ACTION[action]
        case _:
            return _BY_STATE[state]
