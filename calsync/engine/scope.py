"""Scope: is this record one that syncs, and if not, why. Leaving scope never deletes anything.

The window is counted in whole UTC days, so that a digest of the day says when it moved. A linked record stays until it
is a whole day past the edge: an all-day event on the edge would otherwise leave and return with every zone and hour.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Protocol

from calsync.engine import rules as engine_rules
from calsync.engine.event import Event, Moment
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import EventKind, Kind, Reason, Taking

EDGE = timedelta(days=1)
"""How far beyond the window a linked record still syncs."""

Span = tuple[datetime, datetime]

_NOT_SCOPE = ("frequency", "account_overrides", "block_busy_time")
_NOT_SCOPE_GROUPS = ("keep_", "brake_")


@dataclass(frozen=True, slots=True)
class LocalFacts:
    """What decides whether an activity goes out. `is_over` is True for one cancelled or given back to its series."""

    kind: Kind
    span: Span
    is_over: bool = False


class ActivityFacts(Protocol):
    """The columns of an activity that scope looks at."""

    @property
    def kind(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def is_dissolved(self) -> bool: ...
    @property
    def span_start(self) -> datetime: ...
    @property
    def span_end(self) -> datetime: ...


def facts_of(activity: ActivityFacts) -> LocalFacts:
    """Return what scope needs to know of an activity's row."""
    return LocalFacts(
        kind=Kind(activity.kind),
        span=(activity.span_start, activity.span_end),
        is_over=activity.status == "cancelled" or activity.is_dissolved,
    )


def local_exclusion(facts: LocalFacts, rules: Rules, now: datetime, *, is_linked: bool = False) -> Reason | None:
    """Return why an activity is not written to calendars, or None.

    A linked one is judged by the window alone: what already syncs goes on doing so when its kind is filtered later
    or it is cancelled.
    """
    if not is_linked:
        if facts.is_over:
            return Reason.CANCELLED_BEFORE_FIRST_SYNC
        if facts.kind.value not in rules.kinds_out:
            return Reason.FILTERED_TYPE
    return outside(facts.span, rules, now, is_linked=is_linked)


def remote_exclusion(
    event: Event,
    span: Span,
    rules: Rules,
    now: datetime,
    *,
    owner_addresses: frozenset[str],
    is_linked: bool = False,
) -> Reason | None:
    """Return why an event does not become an activity, or None. `span` bounds all of its occurrences in UTC."""
    if is_linked:
        return outside(span, rules, now, is_linked=True)
    if event.is_cancelled:
        return Reason.CANCELLED_BEFORE_FIRST_SYNC
    return outside(span, rules, now) or _filtered(event, rules, owner_addresses)


_BY_KIND = {"busy": Reason.ONLY_BLOCKS, "skip": Reason.LEFT_OUT}


def _filtered(event: Event, rules: Rules, owner_addresses: frozenset[str]) -> Reason | None:
    if not rules.import_events:
        return Reason.FILTERED_TYPE
    if event.kind is EventKind.BLOCK:
        return Reason.BUSY_BLOCK
    by_kind = _BY_KIND.get(engine_rules.treatment(rules, event.kind))
    if by_kind is not None:
        return by_kind
    if event.is_all_day and not rules.import_all_day:
        return Reason.ALL_DAY_EXCLUDED
    if event.classification != "public" and rules.import_private == "skip":
        return Reason.PRIVATE_POLICY
    if not rules.import_declined and is_declined(event, owner_addresses):
        return Reason.DECLINED
    return None


def is_declined(event: Event, owner_addresses: frozenset[str]) -> bool:
    """Return whether the calendar's own person said no: by what the provider knows of them, or by their addresses."""
    return event.is_declined or any(a.address in owner_addresses and a.partstat == "declined" for a in event.attendees)


def takes_time(event: Event, owner_addresses: frozenset[str]) -> bool:
    """Return whether an event takes its owner's time: it says so itself, and its owner did not say no to it.

    What the rules leave out by its kind is not asked here (see `is_left_out`): rules change, events do not with them.
    """
    return event.transparency == "opaque" and not event.is_cancelled and not is_declined(event, owner_addresses)


def taking(event: Event, recurrence_key: str, *, says_busy: bool, is_disputed: bool = False) -> Taking:
    """Return what can be told of an event's time without looking at it again; `recurrence_key` names its occurrence.

    With `is_disputed` it depends on who asks whether it takes any. UNFOLDED is always right, only slower to read. Of a
    series that is free a changed occurrence may take time.
    """
    if event.kind is EventKind.BLOCK:
        return Taking.NEVER
    if event.is_series:
        return Taking.UNFOLDED
    if not says_busy:
        return Taking.NEVER
    is_plain = event.kind is EventKind.DEFAULT and not recurrence_key and not is_disputed
    return Taking.PLAIN if is_plain and _is_whole(event.start) and _is_whole(event.end) else Taking.UNFOLDED


def _is_whole(moment: Moment) -> bool:
    """Whether it is the same moment everywhere, and a whole second."""
    return isinstance(moment, datetime) and not moment.microsecond


def is_left_out(kind: EventKind, rules: Rules) -> bool:
    """Return whether events of a kind count as if they were not there: neither synced, nor shown, nor blocking."""
    return engine_rules.treatment(rules, kind) == "skip"


def window(rules: Rules, now: datetime) -> Span:
    """Return the UTC days that sync: from the first one's midnight to before the midnight after the last."""
    today = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    return (
        today - timedelta(days=rules.window_past_days),
        today + timedelta(days=rules.window_future_days + 1),
    )


def outside(span: Span, rules: Rules, now: datetime, *, is_linked: bool = False) -> Reason | None:
    """Return on which side the whole span lies outside the window, or None when any of it may lie inside."""
    start, end = window(rules, now)
    if is_linked:
        start, end = start - EDGE, end + EDGE
    if span[1] < start or (span[1] == start and span[0] < start):
        return Reason.TOO_OLD
    return Reason.OUTSIDE_WINDOW if span[0] >= end else None


def digest(rules: Rules, now: datetime, writable: Sequence[int] = ()) -> str:
    """Return what changes when a rule about syncing does, the day of the window, or the calendars that may be written
    to: records are considered again.
    """
    names = (n for n in engine_rules.RULE_NAMES if n not in _NOT_SCOPE and not n.startswith(_NOT_SCOPE_GROUPS))
    values = engine_rules.to_json(rules)
    facts = [now.astimezone(UTC).date().isoformat(), {name: values[name] for name in names}, sorted(writable)]
    return hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=16).hexdigest()
