"""What a decision does to its link and conflict besides its step, and what a decision needs to know around a pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import event as events
from calsync.engine import mapping, series
from calsync.engine.event import Content, fingerprint
from calsync.engine.pair import Decision
from calsync.engine.vocabulary import Kind, LinkState, Policy, Reason
from calsync.services import cases, drafts, heirs
from calsync.services.context import Context
from calsync.store import conflicts, linkless, links, placements
from calsync.store import tables as t
from calsync.store.links import Pair, mark

Series = tuple[int, str]
"""Where a series is: calendar id and uid."""


@dataclass(slots=True)
class Surroundings:
    """What deciding a batch of pairs needs beside the pairs."""

    sources: dict[int, int] = field(default_factory=dict)  # activity id -> link id that shared fields come from
    asked: dict[str, t.Conflict] = field(default_factory=dict)
    elsewhere: dict[tuple[str, str], list[tuple[t.MirrorEvent, t.Calendar]]] = field(default_factory=dict)
    alive: dict[int, set[int]] = field(default_factory=dict)  # activity id -> its other links here that live on
    placed: set[int] = field(default_factory=set)  # activities that are to stand on several calendars
    unseen: dict[Series, list[t.MirrorEvent]] = field(
        default_factory=dict
    )  # changed occurrences that nothing here stands for
    heirs: dict[int, t.Activity] = field(default_factory=dict)  # by the activity whose place each took

    def is_source(self, pair: Pair) -> bool:
        """Return whether shared changes come in through this copy.

        Edits do through every copy of the person's own; cancellation, and anything of a copy that somebody else
        organizes, only through the organizer's copy or the oldest. What was booked is cancelled through any.
        """
        is_gone = pair.event.is_deleted or pair.event.is_cancelled
        if not pair.link.is_guest_copy and (not is_gone or pair.activity.id in self.placed):
            return True
        return self.sources.get(t.pk(pair.activity), pair.link.id) == pair.link.id

    def goes_along(self, pair: Pair) -> list[Content]:
        """Return what is in the calendar alone and is erased with the pair's event, or as it leaves their slots."""
        rows = self.unseen.get(_series(pair), []) if pair.event.is_series else []
        if pair.activity.status != "cancelled" and rows:
            after = mapping.event_of(pair.activity)
            rows = [row for row in rows if not series.yields(after, events.parse_moment(row.recurrence_key))]
        return [cases.content_of(row) for row in rows]

    def choices(self, pair: Pair) -> Mapping[str, Policy]:
        """Return a person's choices on this very state of both sides; none once a side has changed again.

        A choice stands until the sides have agreed: what it led to may be held, fail, or be cut short.
        """
        conflict = self.asked.get(drafts.link_subject(t.pk(pair.link)))
        if conflict is None or conflict.choice is None:
            return {}
        if conflict.closed_at is not None and conflict.closed_at < pair.link.agreed_at:
            return {}
        if (conflict.local_fp, conflict.remote_fp) != (pair.activity.fingerprint, mark(pair.event)):
            return {}
        return {name: Policy(side) for name, side in conflict.choice.items()}


@dataclass(frozen=True, slots=True)
class Effect:
    """A change to one link, saved together with the pair's step. `pair` is as it is after a move."""

    pair: Pair
    link: dict[str, Any] = field(default_factory=dict)
    conflict: Decision | None = None
    considered: Reason | None = None
    closes_conflict: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether the pair is still to be decided after this effect: it was not parked."""
        return self.link.get("state") != LinkState.PARKED


def surroundings(session: Session, ctx: Context, pairs: Sequence[Pair]) -> Surroundings:
    """Return what deciding these pairs needs."""
    gone = [p for p in pairs if p.event.is_deleted]
    missing = [p.event.uid for p in gone]
    return Surroundings(
        sources=_sources(session, {t.pk(p.activity) for p in pairs}),
        asked=conflicts.answers(session, (drafts.link_subject(t.pk(p.link)) for p in pairs if p.link.id)),
        elsewhere=linkless.same_uid_elsewhere(session, ctx.account_id, missing) if missing else {},
        alive=links.alive_elsewhere(session, ctx.account_id, (t.pk(p.activity) for p in gone)) if gone else {},
        placed=placements.placed(session, [t.pk(p.activity) for p in pairs if p.activity.kind == Kind.BOOKING]),
        unseen=_unseen(session, [p for p in pairs if p.event.is_series and _drops_occurrences(ctx, p)]),
        heirs=heirs.of(session, [p.activity for p in pairs]),
    )


def _series(pair: Pair) -> Series:
    return pair.event.calendar_id, pair.event.uid


def _drops_occurrences(ctx: Context, pair: Pair) -> bool:
    """Return whether writing a series may take occurrences along: it ends, or leaves slots where they stand alone."""
    if pair.activity.status == "cancelled":
        return True
    here, agreed = pair.activity.content, pair.link.agreed_local
    is_alone = not ctx.capabilities.series_is_one_resource
    return is_alone and any(here[name] != agreed.get(name) for name in ("time", "exdates"))


def _unseen(session: Session, dropping: Sequence[Pair]) -> dict[Series, list[t.MirrorEvent]]:
    found: dict[Series, list[t.MirrorEvent]] = {}
    for event in linkless.occurrences(session, [_series(pair) for pair in dropping]) if dropping else ():
        found.setdefault((event.calendar_id, event.uid), []).append(event)
    return found


def _sources(session: Session, activity_ids: set[int]) -> dict[int, int]:
    """Return the link of each activity that shared fields come from: the organizer's, else the oldest."""
    table = t.Link
    query = (
        sa.select(col(table.activity_id), col(table.id))
        .where(col(table.activity_id).in_(activity_ids), col(table.state) != LinkState.PARKED)
        .order_by(col(table.is_guest_copy).desc(), col(table.id).desc())
    )
    return {int(a): int(i) for a, i in session.execute(query) if i is not None}


def moved(pair: Pair, around: Surroundings, now: datetime) -> Effect | None:
    """Return the re-pointing of a link whose event lives on in another calendar of the account.

    In one that syncs the pair goes on there; in any other it has left scope, and the link is parked. Where the event
    has already been linked there, this link has nothing left to stand for.
    """
    others = around.alive.get(t.pk(pair.activity), set()) - {t.pk(pair.link)}
    if others and pair.activity.id not in around.placed:
        return Effect(pair, link={"state": LinkState.PARKED, "park_reason": Reason.MOVED})
    candidates = around.elsewhere.get((pair.event.uid, pair.event.recurrence_key), [])
    for event, calendar in candidates:
        if calendar.syncs:
            candidates.remove((event, calendar))
            link = {"calendar_id": calendar.id, "event_id": event.id, "uid": event.uid}
            there = Pair(pair.link, pair.activity, event, _resource_of(pair, event), calendar)
            return Effect(there, link=link)
    if candidates:
        parked = {"state": LinkState.PARKED, "park_reason": Reason.PAUSED_CALENDAR}
        return Effect(pair, link=parked)
    return None


def after_decision(ctx: Context, pair: Pair, decision: Decision) -> Effect:
    """Return what a decision does to the link before anything is written on either side."""
    link: dict[str, Any] = {}
    if decision.parks:
        reason = "restored" if ctx.is_restored else decision.reason
        link = {"state": LinkState.PARKED, "park_reason": reason}
    elif decision.agrees:
        link = in_agreement(ctx, pair)
    elif decision.drift:
        remote = cases.content_of(pair.event)
        link = {"agreed_remote": remote, "remote_fp": fingerprint(remote), "drift": _drift(pair, remote, decision)}
    return Effect(pair, link=link, considered=decision.waits_for or decision.fails, closes_conflict=True)


def _drift(pair: Pair, remote: Content, decision: Decision) -> list[str]:
    """Return the fields that stand there as somebody left them: what drifted before still does."""
    here = pair.activity.content
    before = [name for name in pair.link.drift if name not in decision.drift and remote.get(name) != here.get(name)]
    return [*before, *decision.drift]


def in_agreement(ctx: Context, pair: Pair) -> dict[str, Any]:
    """Return the snapshot of both sides as they are: they were found to agree."""
    is_over = pair.activity.status == "cancelled" or pair.activity.is_dissolved
    remote = cases.content_of(pair.event)
    return {
        "agreed_local": pair.activity.content,
        "local_fp": pair.activity.fingerprint,
        "agreed_remote": remote,
        "remote_fp": fingerprint(remote),
        "state": LinkState.CANCELLED if is_over else LinkState.ACTIVE,
        "projection": ctx.projection_digest(),
        "agreed_at": ctx.now(),
    }


def apply_all(session: Session, ctx: Context, effects: Sequence[Effect]) -> None:
    """Write effects on links and conflicts."""
    subjects = [drafts.link_subject(t.pk(effect.pair.link)) for effect in effects]
    asked = conflicts.pending(session, subjects) if subjects else {}
    for subject, effect in zip(subjects, effects, strict=True):
        _apply(session, ctx, effect, is_asked=subject in asked)


def _apply(session: Session, ctx: Context, effect: Effect, *, is_asked: bool) -> None:
    pair = effect.pair
    values = dict(effect.link)
    if effect.considered is not None:
        values |= {
            "waits_for": effect.considered,
            "considered_local": pair.activity.fingerprint,
            "considered_remote": mark(pair.event),
            "considered_rules": ctx.rules_digest(),
        }
    elif values or pair.link.considered_rules:
        # What was once considered is no more: under the same rules again, it would count as looked at.
        values |= {"waits_for": "", "considered_rules": ""}
    if values:
        session.execute(
            sa.update(t.Link)
            .where(col(t.Link.id) == pair.link.id)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
    if effect.conflict is not None:
        conflicts.open_or_refresh(session, _conflict_values(ctx, pair, effect.conflict), ctx.now())
    elif effect.closes_conflict and is_asked:
        conflicts.close(session, drafts.link_subject(t.pk(pair.link)), ctx.now())


def _conflict_values(ctx: Context, pair: Pair, decision: Decision) -> dict[str, Any]:
    return {
        "account_id": ctx.account_id,
        "subject": drafts.link_subject(t.pk(pair.link)),
        "link_id": pair.link.id,
        "activity_id": pair.activity.id,
        "event_id": pair.event.id,
        "run_id": ctx.run_id,
        "kind": decision.conflict,
        "title": pair.activity.title[:500],
        "is_private": pair.activity.is_private,
        "fields": {
            name: {"agreed": clash.agreed, "local": clash.local, "remote": clash.remote}
            for name, clash in decision.clashes.items()
        },
        "merged": decision.merged,
        "local_fp": pair.activity.fingerprint,
        "remote_fp": mark(pair.event),
    }


def _resource_of(pair: Pair, event: t.MirrorEvent) -> t.MirrorResource:
    """The resource is read again before anything is written to it; until then its version is unknown."""
    return t.MirrorResource(
        id=event.resource_id, calendar_id=event.calendar_id, handle="", version=None, read_at=event.seen_at
    )
