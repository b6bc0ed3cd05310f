"""Duplicates and orphans: find what is probably the same thing twice, merge it or clean it up, take that back.

Nobody is mailed by any of it. What goes from a calendar goes by a queued run of its account, so that it is history and
waits while the account is busy; the links of what goes rest at once, so that no ordinary run does anything about it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlmodel import Session

from calsync.engine.event import from_json
from calsync.engine.mapping import imported
from calsync.engine.rules import overlay
from calsync.engine.vocabulary import LinkState, Reason
from calsync.errors import NotFound, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import cleanup, clients, explain, new_links, settings
from calsync.services.context import Context
from calsync.store import accounts, activities, audit
from calsync.store import duplicates as rows
from calsync.store import settings as store
from calsync.store import tables as t
from calsync.store.duplicates import Place

FOUND = "duplicates"
"""The setting that keeps what the last search found, and which pairs people said are different."""

MOST = 500
SEARCH = "find_duplicates"


@dataclass(frozen=True, slots=True)
class Found:
    """What the last search found, by id; `searched_at` is None before the first."""

    pairs: tuple[tuple[int, int], ...] = ()
    orphans: tuple[int, ...] = ()
    different: frozenset[str] = frozenset()
    searched_at: datetime | None = None


def search(rt: Runtime) -> Found:
    """Look through everything and remember what was found. Takes a moment: a job does it."""
    with rt.reading() as session:
        pairs, orphans = rows.search_pairs(session, MOST), rows.search_orphans(session, MOST)
    with rt.writing() as session:
        found, version = _load(session)
        found = replace(found, pairs=tuple(pairs), orphans=tuple(orphans), searched_at=rt.now())
        _save(session, rt, found, version)
    return found


def found(rt: Runtime) -> Found:
    """Return what the last search found, without what people said is different."""
    with rt.reading() as session:
        known, _ = _load(session)
    pairs = tuple(pair for pair in known.pairs if _name(*pair) not in known.different)
    orphans = tuple(i for i in known.orphans if _name(i) not in known.different)
    return replace(known, pairs=pairs, orphans=orphans)


def dismiss(rt: Runtime, *ids: int, by: Actor) -> None:
    """Remember that two activities are different things (two ids), or that an orphan shall stay (its event's id)."""
    with rt.writing() as session:
        known, version = _load(session)
        _save(session, rt, replace(known, different=known.different | {_name(*ids)}), version)
        audit.record(session, by, "duplicate.dismissed", ("duplicate", _name(*ids), ""), at=rt.now())


# --- merging two activities


def fates(rt: Runtime, one_id: int, other_id: int) -> dict[int, list[tuple[Place, str]]]:
    """Return what becomes of each one's events if it is the one that goes.

    "moves" to the other, "goes", or "stays" where nothing may be written.
    """
    with rt.reading() as session:
        found = rows.places(session, [one_id, other_id])
        may_go = _may_go(session)
    pairs = ((one_id, other_id), (other_id, one_id))
    return {drop: _fates(found.get(keep, []), found.get(drop, []), may_go) for drop, keep in pairs}


def merge(rt: Runtime, keep_id: int, drop_id: int, *, by: Actor) -> int:
    """Let one activity stand for both and return the id of the audit entry by which it can be taken back.

    The dropped one is cancelled here; its events go from calendars where the kept one has its own, and belong to the
    kept one elsewhere. Raises NotFound, and Refused when the two are not of one person or one is no longer there.
    """
    with rt.writing() as session:
        keep, drop = activities.get(session, keep_id, lock=True), activities.get(session, drop_id, lock=True)
        _check(keep, drop)
        moved, rested, removed = _part(session, keep_id, drop_id)
        facts = {"kept": keep_id, "status": drop.status, "moved": moved, "rested": rested}
        content = {**drop.content, "status": "cancelled"}
        activities.set_content(drop, content, now=rt.now())
        run_ids = cleanup.ask(session, rt, removed, by=by)
        entry = audit.record(session, by, "activity.merged", drop, at=rt.now(), after=facts)
    cleanup.hurry(rt, run_ids)
    return t.pk(entry)


def clean_up(rt: Runtime, event_id: int, *, by: Actor) -> int:
    """Have an orphan removed from its calendar and return the id of the audit entry by which that can be taken back.

    It is kept here as a cancelled activity. Raises NotFound when it is no orphan any more, Refused when nothing may be
    written to its calendar.
    """
    with rt.writing() as session:
        orphan = next(iter(rows.orphans(session, [event_id])), None)
        if orphan is None:
            raise NotFound("orphan", event_id)
        ctx = explain.offline_context(rt, session, orphan.account)
        refused = ctx.push_refused(orphan.calendar)
        if refused is not None:
            raise Refused("Nothing may be written to this calendar, so the event stays.", code="read_only")
        link = _adopt(session, ctx, orphan.event)
        run_ids = cleanup.ask(session, rt, [link], by=by)
        facts = {"kept": None, "status": "confirmed", "moved": [], "rested": [t.pk(link)]}
        entry = audit.record(
            session, by, "activity.merged", activities.get(session, link.activity_id), at=rt.now(), after=facts
        )
    cleanup.hurry(rt, run_ids)
    return t.pk(entry)


def undo(rt: Runtime, entry_id: int, *, by: Actor) -> t.Activity:
    """Take a merge or a clean-up back: the activity lives again, its events come back with the next run.

    Raises NotFound; Refused with code `done` when it was taken back already, or the activity is no longer cancelled.
    """
    with rt.writing() as session:
        entry = session.get(t.AuditEntry, entry_id)
        if entry is None or entry.action != "activity.merged" or entry.after is None:
            raise NotFound("merge", entry_id)
        drop = activities.get(session, int(entry.object_id), lock=True)
        if drop.status != "cancelled":
            raise Refused("This was taken back already.", code="done")
        _bring_back(session, rt, drop, entry.after)
        audit.record(session, by, "activity.merge_undone", drop, at=rt.now(), after={"entry": entry_id})
        return drop


# --- what is remembered


def _load(session: Session) -> tuple[Found, int]:
    known = store.find(session, FOUND)
    if known is None:
        return Found(), 0
    value, version = known
    at = value.get("searched_at")
    pairs = tuple((int(one), int(other)) for one, other in value.get("pairs", ()))
    different = frozenset(value.get("different", ()))
    searched_at = None if at is None else datetime.fromisoformat(at)
    return Found(pairs, tuple(value.get("orphans", ())), different, searched_at), version


def _save(session: Session, rt: Runtime, known: Found, version: int) -> None:
    value = {
        "pairs": [list(pair) for pair in known.pairs],
        "orphans": list(known.orphans),
        "different": sorted(known.different),
        "searched_at": None if known.searched_at is None else known.searched_at.isoformat(),
    }
    store.put(session, FOUND, value, version, by_id=None, at=rt.now())


def _name(*ids: int) -> str:
    return ":".join(str(i) for i in sorted(ids))


# --- the parts of a merge


def _check(keep: t.Activity, drop: t.Activity) -> None:
    if keep.id == drop.id or keep.owner_id != drop.owner_id:
        raise Refused("Only two activities of one person can be merged.", code="strangers")
    if "cancelled" in (keep.status, drop.status):
        raise Refused("One of the two is cancelled already.", code="gone")
    if keep.recurrence_key or drop.recurrence_key or keep.is_series != drop.is_series:
        raise Refused("A series and its occurrences cannot be merged with something else.", code="series")


def _fates(kept: list[Place], dropped: list[Place], may_go: Callable[[Place], bool]) -> list[tuple[Place, str]]:
    taken = {place.calendar.id for place in kept}
    return [
        (place, "moves" if place.calendar.id not in taken else "goes" if may_go(place) else "stays")
        for place in dropped
    ]


def _may_go(session: Session) -> Callable[[Place], bool]:
    """Return what tells whether an event may be taken out of its calendar."""
    base, _ = settings.organisation_rules(session)
    paused = settings.switches_of(session)[0].writes_paused

    def may_go(place: Place) -> bool:
        may_write = clients.may_write(place.account, overlay(base, place.account.overrides)) and not paused
        return may_write and place.calendar.is_writable and not place.link.is_guest_copy

    return may_go


def _part(session: Session, keep_id: int, drop_id: int) -> tuple[list[int], list[int], list[t.Link]]:
    """Give the kept activity the events it lacks and let the other links rest.

    Returns the links that moved, those that rest, and of these the ones whose events are to go.
    """
    moved: list[int] = []
    rested: list[int] = []
    removed: list[t.Link] = []
    places = rows.places(session, [keep_id, drop_id])
    for place, fate in _fates(places.get(keep_id, []), places.get(drop_id, []), _may_go(session)):
        link = session.get_one(t.Link, place.link.id)
        if fate == "moves":
            link.activity_id, link.considered_rules = keep_id, ""
            moved.append(t.pk(link))
            continue
        link.state, link.park_reason = LinkState.PARKED, Reason.CLEANED_UP
        rested.append(t.pk(link))
        removed += [link] if fate == "goes" else []
    return moved, rested, removed


def _adopt(session: Session, ctx: Context, event: t.MirrorEvent) -> t.Link:
    """Return a resting link of an orphan to a cancelled activity that keeps what it held."""
    value = from_json(event.facts)
    made = imported(value, replace(ctx.rules, import_private="full"))
    made = replace(made, content={**made.content, "status": "cancelled"})
    activity = activities.new(made, owner_id=ctx.account.user_id, now=ctx.now(), source_account_id=ctx.account_id)
    session.add(activity)
    session.flush()
    link = new_links.new_link(ctx, activity, event)
    link.state, link.park_reason, link.is_ours = LinkState.PARKED, Reason.CLEANED_UP, True
    session.add(link)
    session.flush()
    return link


def _bring_back(session: Session, rt: Runtime, drop: t.Activity, facts: Mapping[str, Any]) -> None:
    activities.set_content(drop, {**drop.content, "status": facts["status"]}, now=rt.now())
    for link_id in facts["moved"]:
        link = session.get(t.Link, link_id)
        if link is not None and link.activity_id == facts["kept"]:
            link.activity_id, link.considered_rules = t.pk(drop), ""
    for link_id in facts["rested"]:
        link = session.get(t.Link, link_id)
        if link is not None and link.park_reason == Reason.CLEANED_UP:
            # The next run compares: an event that is gone is written again, one that is still there just goes on.
            link.state, link.park_reason, link.considered_rules = LinkState.CANCELLED, "", ""
            accounts.get(session, link.account_id).next_sync_at = rt.now()
