"""Firsts: what has no link yet. Match it with what exists on the other side, else plan its creation.

Matching comes before any create, in this order: our id, then uid with the same organizer, then owner, start and title.
One candidate is linked; several become a conflict that a person decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import event as events
from calsync.engine import mapping, projection, scope
from calsync.engine.event import Content, Event, fingerprint
from calsync.engine.merge import SET_FIELDS
from calsync.engine.vocabulary import Action, ConflictKind, LinkState, Reason, StepState
from calsync.services import booked_rules, cases, drafts, plan, settle
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.store import conflicts, links, matches, placements
from calsync.store import tables as t
from calsync.store.links import Pair, mark

if TYPE_CHECKING:
    from calsync.services.plan import Plan


@dataclass(frozen=True, slots=True)
class Unlinked:
    """A living event without a link, with its rows."""

    event: t.MirrorEvent
    resource: t.MirrorResource
    calendar: t.Calendar
    value: Event


Place = tuple[int, str, str]
"""Where an occurrence is: calendar id, uid, recurrence key."""


# --- events that no activity stands for


def plan_events(ctx: Context, plan_: Plan, ids: Sequence[int]) -> None:
    """Match or import one batch of events."""
    with ctx.rt.reading() as session:
        found = [Unlinked(e, r, c, events.from_json(e.facts)) for e, r, c in links.events(session, ids)]
        wanted = [u for u in found if _is_wanted(ctx, plan_, u)]
        excluded = {t.pk(u.event): reason for u in wanted if (reason := event_exclusion(ctx, u)) is not None}
        possible = [u for u in wanted if excluded.get(t.pk(u.event), Reason.ONE_WAY) is Reason.ONE_WAY]
        candidates = matches.candidates(session, ctx.account.user_id, [u.event for u in possible])
    met = {t.pk(u.event) for u in possible if u.event.id in excluded and candidates.is_met(u.event)}
    excluded = {i: reason for i, reason in excluded.items() if i not in met}
    included = [u for u in possible if u.event.id not in excluded]
    plan_.processed += len(wanted)
    plan_.skipped += len(excluded)
    _save_exclusions(ctx, excluded)
    rows: list[Row] = []
    pairs: list[tuple[Unlinked, t.Activity, Reason]] = []
    for unlinked in included:
        place(ctx, plan_, unlinked, candidates, rows, pairs)
    plan.save(ctx, plan_, [row for row in rows if row is not None], [])
    _link(ctx, plan_, pairs)


def _is_wanted(ctx: Context, plan_: Plan, unlinked: Unlinked) -> bool:
    subject = drafts.event_subject(t.pk(unlinked.event))
    if subject in plan_.open.frozen or drafts.is_arriving(unlinked.event, plan_.open.arriving):
        return False
    return ctx.only_subjects is None or subject in ctx.only_subjects


def event_exclusion(ctx: Context, unlinked: Unlinked) -> Reason | None:
    """Return why an event does not become an activity, or None."""
    if not ctx.may_pull:
        return Reason.ONE_WAY
    span = (unlinked.event.span_start, unlinked.event.span_end)
    return scope.remote_exclusion(
        unlinked.value,
        span,
        ctx.rules,
        ctx.now(),
        owner_addresses=ctx.own_addresses,
    )


def _save_exclusions(ctx: Context, excluded: dict[int, Reason]) -> None:
    if ctx.is_dry or not excluded:
        return
    considered = ctx.rules_digest()
    by_reason: dict[Reason, list[int]] = {}
    for event_id, reason in excluded.items():
        by_reason.setdefault(reason, []).append(event_id)
    with ctx.rt.writing() as session:
        ctx.holding(session)
        conflicts.drop_questions(session, list(excluded), ctx.now())
        for reason, ids in by_reason.items():
            session.execute(
                sa.update(t.MirrorEvent)
                .where(col(t.MirrorEvent.id).in_(ids))
                .values(excluded=reason, considered=considered)
                .execution_options(synchronize_session=False)
            )
    ctx.rt.checkpoint("plan.excluded")


def place(
    ctx: Context,
    plan_: Plan,
    unlinked: Unlinked,
    candidates: matches.Candidates,
    rows: list[Row],
    pairs: list[tuple[Unlinked, t.Activity, Reason]],
) -> None:
    """Append what an event that may come in becomes: a pair with the activity it matches, or a step that imports it."""
    match = candidates.best(unlinked.event)
    if match.activity is not None:
        subject = drafts.activity_subject(t.pk(match.activity), unlinked.event.calendar_id)
        if subject in plan_.open.frozen:
            return  # the answer to our own create never came: repeating it will find this very event
        pairs.append((unlinked, match.activity, match.reason))
        candidates.take(match.activity, unlinked.event.calendar_id)
        return
    if match.several:
        _several(ctx, plan_, unlinked, match.several, rows, pairs)
        return
    identity = (unlinked.event.uid, unlinked.event.recurrence_key)
    if identity in plan_.creating:
        plan_.again = True  # a second copy: it is matched with the activity that the first one becomes
        return
    plan_.creating.add(identity)
    after = mapping.imported(unlinked.value, ctx.rules).content
    row = plan.ready(ctx, plan_, drafts.for_new_activity(ctx, unlinked.event, after))
    if row is not None:
        rows.append(row)


def _several(
    ctx: Context,
    plan_: Plan,
    unlinked: Unlinked,
    several: list[t.Activity],
    rows: list[Row],
    pairs: list[tuple[Unlinked, t.Activity, Reason]],
) -> None:
    """Ask a person which of several activities an event is, or do what the answer was."""
    subject = drafts.event_subject(t.pk(unlinked.event))
    with ctx.rt.reading() as session:
        known = conflicts.pending(session, [subject]).get(subject)
    if known is None or known.choice is None:
        plan_.conflicts += 1
        _ask(ctx, unlinked, several, subject)
        return
    chosen = [a for a in several if known.choice == {"*": str(a.id)}]
    if chosen:
        pairs.append((unlinked, chosen[0], Reason.RESOLVED))
    elif ctx.may_pull:
        after = mapping.imported(unlinked.value, ctx.rules).content
        rows.append(drafts.for_new_activity(ctx, unlinked.event, after))
    else:
        _save_exclusions(ctx, {t.pk(unlinked.event): Reason.ONE_WAY})
    if not ctx.is_dry:
        with ctx.rt.writing() as session:
            ctx.holding(session)
            conflicts.close(session, subject, ctx.now())


def _ask(ctx: Context, unlinked: Unlinked, several: list[t.Activity], subject: str) -> None:
    if ctx.is_dry:
        return
    values = {
        "account_id": ctx.account_id,
        "subject": subject,
        "event_id": unlinked.event.id,
        "run_id": ctx.run_id,
        "kind": ConflictKind.DUPLICATE_MATCH,
        "title": unlinked.event.title[:500],
        "is_private": unlinked.value.classification != "public",
        "candidates": [a.id for a in several],
        "fields": {},
        "remote_fp": mark(unlinked.event),
    }
    with ctx.rt.writing() as session:
        ctx.holding(session)
        conflicts.open_or_refresh(session, values, ctx.now())
        event = session.get_one(t.MirrorEvent, unlinked.event.id)
        event.excluded, event.considered = Reason.DUPLICATE_MATCH, ctx.rules_digest()


# --- events and activities that are the same thing


def _link(ctx: Context, plan_: Plan, matched: Sequence[tuple[Unlinked, t.Activity, Reason]]) -> None:
    """Pair what was matched and decide each pair at once: what differs between them is a clash."""
    if not matched:
        return
    pairs = [pair_of(ctx, unlinked, activity) for unlinked, activity, _ in matched]
    if not ctx.is_dry:
        with ctx.rt.writing() as session:
            ctx.holding(session)
            session.add_all([pair.link for pair in pairs])
            for pair in pairs:
                placements.note_written(session, t.pk(pair.activity), t.pk(pair.calendar), ctx.now())
        ctx.rt.checkpoint("plan.linked")
    plan_.matched.update(t.pk(activity) for _, activity, _ in matched)
    rows, effects = decide_matched(ctx, plan_, matched, pairs)
    plan.save(ctx, plan_, rows, effects)


def decide_matched(
    ctx: Context, plan_: Plan, matched: Sequence[tuple[Unlinked, t.Activity, Reason]], pairs: Sequence[Pair]
) -> tuple[list[Row], list[settle.Effect]]:
    """Return the steps of pairs that were just matched. Writes nothing; of a dry run their links are not saved."""
    with ctx.rt.reading() as session:
        around = settle.surroundings(session, ctx, [] if ctx.is_dry else pairs)
    rows: list[Row] = []
    effects: list[settle.Effect] = []
    for pair, (_, _, reason) in zip(pairs, matched, strict=True):
        if ctx.is_dry:
            pair.link.id = -t.pk(pair.event)
        rows.append(drafts.for_note(ctx, pair, Action.LINK, reason, StepState.DONE))
        plan.decide_pair(ctx, plan_, pair, around, rows, effects)
    for row in rows if ctx.is_dry else []:
        row["link_id"] = None
    return rows, effects


def pair_of(ctx: Context, unlinked: Unlinked, activity: t.Activity) -> Pair:
    """Return an event and an activity that are the same thing, with a link that is not saved."""
    remote = cases.content_of(unlinked.event)
    agreed_local, agreed_remote = without_base(activity.content, remote)
    link = new_link(ctx, activity, unlinked.event)
    link.agreed_local, link.agreed_remote = agreed_local, agreed_remote
    link.local_fp, link.remote_fp = fingerprint(agreed_local), fingerprint(agreed_remote)
    link.is_ours = unlinked.event.our_id == activity.public_id
    return Pair(link, activity, unlinked.event, unlinked.resource, unlinked.calendar)


def without_base(local: Content, remote: Content) -> tuple[Content, Content]:
    """Return snapshots for two records that were never in agreement.

    What is equal agrees. Every other field reads as changed on both sides, hence as a clash; sets keep the elements
    of both.
    """
    agreed_local, agreed_remote = dict(local), dict(remote)
    for name in events.changed_fields(local, remote):
        if name in SET_FIELDS:
            common = _common(local[name], remote[name])
            agreed_local[name], agreed_remote[name] = common, common
        else:
            agreed_local[name], agreed_remote[name] = remote[name], local[name]
    return agreed_local, agreed_remote


def _common(ours: Any, theirs: Any) -> Any:
    if isinstance(ours, dict):
        return {key: value for key, value in ours.items() if theirs.get(key) == value}
    return [element for element in ours if element in theirs]


def new_link(ctx: Context, activity: t.Activity, event: t.MirrorEvent) -> t.Link:
    """Return an unsaved link in agreement about nothing but what both sides hold now."""
    columns = link_columns(ctx, event, activity.content, activity.fingerprint)
    return t.Link(activity_id=t.pk(activity), **columns)


class Linked(Protocol):
    """What a link takes over of its mirrored event."""

    @property
    def id(self) -> int | None: ...
    @property
    def calendar_id(self) -> int: ...
    @property
    def uid(self) -> str: ...
    @property
    def recurrence_key(self) -> str: ...
    @property
    def organizer(self) -> str | None: ...
    @property
    def facts(self) -> dict[str, Any]: ...
    @property
    def fingerprint(self) -> str: ...


def link_columns(ctx: Context, event: Linked, local: Content, local_fp: str) -> dict[str, Any]:
    """Return the columns of a new link but for its activity's id."""
    now = ctx.now()
    return {
        "account_id": ctx.account_id,
        "calendar_id": event.calendar_id,
        "event_id": event.id,
        "uid": event.uid,
        "aliases": [],
        "recurrence_key": event.recurrence_key,
        "state": LinkState.ACTIVE,
        "is_guest_copy": is_guest_copy(event.organizer, ctx.own_addresses),
        "agreed_local": local,
        "agreed_remote": cases.content_of(event),
        "local_fp": local_fp,
        "remote_fp": event.fingerprint,
        "projection": ctx.projection_digest(),
        "drift": [],
        "pushes": {},
        "agreed_at": now,
        "created_at": now,
    }


def is_guest_copy(organizer: str | None, own_addresses: frozenset[str]) -> bool:
    """Return whether somebody else organizes the event: shared fields then go out through their copy only."""
    return organizer is not None and organizer not in own_addresses


# --- activities that are on no calendar


def plan_activities(ctx: Context, plan_: Plan) -> None:
    """Plan the first write of activities: of the account's owner, of those that are to stand on one of its calendars,
    and of new changed occurrences of linked series.
    """
    with ctx.rt.reading() as session:
        calendar = write_target(ctx, session)
        singles = [] if calendar is None else _unlinked_activities(ctx, session)
        overrides = links.unlinked_override_ids(session, ctx.account_id, ctx.account.user_id)
        placed = placements.waiting(session, ctx.account_id, _considered(ctx))
    wanted = placed + ([(i, t.pk(calendar)) for i in singles] if calendar is not None else [])
    if not ctx.may_pull:
        _meet_known(ctx, plan_, singles)
    for start in range(0, len(wanted), plan.BATCH):
        _plan_activities(ctx, plan_, wanted[start : start + plan.BATCH])
    for start in range(0, len(overrides), plan.BATCH):
        _plan_activities(ctx, plan_, overrides[start : start + plan.BATCH])


def _meet_known(ctx: Context, plan_: Plan, activity_ids: Sequence[int]) -> None:
    """Match new activities with events that stayed out because nothing comes in, and that no plan looks at again."""
    for start in range(0, len(activity_ids), plan.BATCH):
        with ctx.rt.reading() as session:
            rows = _load(session, t.Activity, set(activity_ids[start : start + plan.BATCH]))
            alike = {i for row in rows for i in matches.events_like(session, ctx.account_id, row)}
            known = [t.pk(e) for e, _, _ in links.events(session, sorted(alike)) if e.excluded == Reason.ONE_WAY]
        if known:
            plan_events(ctx, plan_, known)


def write_target(ctx: Context, session: Session) -> t.Calendar | None:
    """Return the calendar of the account that takes new activities, or None."""
    return session.execute(links.WRITE_TARGET, {"account_id": ctx.account_id}).scalars().first()


def _unlinked_activities(ctx: Context, session: Session) -> list[int]:
    return links.unlinked_activity_ids(session, ctx.account.user_id, _considered(ctx))


def _considered(ctx: Context) -> str | None:
    return None if ctx.only_subjects is not None else ctx.rules_digest()


def _plan_activities(ctx: Context, plan_: Plan, wanted: Sequence[tuple[int, int]]) -> None:
    with ctx.rt.reading() as session:
        activities = {t.pk(a): a for a in _load(session, t.Activity, {a for a, _ in wanted})}
        calendars = {t.pk(c): c for c in _load(session, t.Calendar, {c for _, c in wanted})}
        removed = dict(_removed(session, activities))
        asked = conflicts.asked_about(session, ctx.account_id)
    rows: list[Row] = []
    excluded: dict[int, Reason] = {}
    pairs: list[tuple[Unlinked, t.Activity, Reason]] = []
    for activity_id, calendar_id in wanted:
        activity, calendar = activities[activity_id], calendars[calendar_id]
        subject = drafts.activity_subject(activity_id, calendar_id)
        if subject in plan_.open.frozen or (ctx.only_subjects is not None and subject not in ctx.only_subjects):
            continue
        if activity_id in plan_.matched:
            continue  # of a dry run, which saves no links
        plan_.processed += 1
        reason = Reason.DUPLICATE_MATCH if activity_id in asked else first_exclusion(ctx, activity, calendar)
        if reason is not None:
            plan_.skipped += 1
            excluded[activity_id] = reason
            continue
        there = removed.get((calendar_id, activity.uid, activity.recurrence_key))
        if there is not None:
            pairs.append((there, activity, Reason.MATCHED_UID))
            continue
        row = first_row(ctx, plan_, activity, calendar)
        if row is not None:
            rows.append(row)
    plan.save(ctx, plan_, rows, [])
    _save_activity_exclusions(ctx, excluded)
    _link(ctx, plan_, pairs)


def _removed(session: Session, activities: Mapping[int, t.Activity]) -> Iterator[tuple[Place, Unlinked]]:
    """Yield the cancelled instances that stand where changed occurrences of ours belong, by calendar, uid and key.

    Where instances are resources of their own, an occurrence that was removed there is still something to agree with.
    """
    uids = {a.uid for a in activities.values() if a.recurrence_key}
    for event, resource, calendar in links.cancelled_instances(session, uids) if uids else ():
        place = (t.pk(calendar), event.uid, event.recurrence_key)
        yield place, Unlinked(event, resource, calendar, events.from_json(event.facts))


def _load(session: Session, table: Any, ids: set[int]) -> list[Any]:
    return list(session.scalars(sa.select(table).where(table.id.in_(ids))))


def first_exclusion(ctx: Context, activity: t.Activity, calendar: t.Calendar) -> Reason | None:
    """Return why an activity is not written to a calendar, or None."""
    refused = ctx.push_refused(calendar)
    if refused is not None:
        return refused
    return scope.local_exclusion(scope.facts_of(activity), ctx.rules, ctx.now())


def first_row(ctx: Context, plan_: Plan, activity: t.Activity, calendar: t.Calendar) -> Row | None:
    """Return the step of an activity's first write; None while a failed one waits for its next attempt."""
    return plan.ready(ctx, plan_, drafts.for_new_event(ctx, activity, calendar, first_content(ctx, activity, calendar)))


def first_content(ctx: Context, activity: t.Activity, calendar: t.Calendar) -> Content:
    """Return what is written when an activity is created on a calendar: projected, with the event defaults."""
    content = projection.with_defaults(activity.content, ctx.rules)
    rules = booked_rules.rules_of(ctx, activity, t.pk(calendar))
    return projection.project(content, rules, ctx.capabilities)[0]


def _save_activity_exclusions(ctx: Context, excluded: dict[int, Reason]) -> None:
    if ctx.is_dry or not excluded:
        return
    considered = ctx.rules_digest()
    with ctx.rt.writing() as session:
        ctx.holding(session)
        placements.note_considered(session, ctx.account_id, list(excluded), considered)
        for activity_id, reason in excluded.items():
            session.execute(
                sa.update(t.Activity)
                .where(col(t.Activity.id) == activity_id)
                .values(excluded=reason, considered=considered)
                .execution_options(synchronize_session=False)
            )
    ctx.rt.checkpoint("plan.excluded")
