"""Series: which occurrences a master and its overrides have, and what becomes of them when the series changes.

The slots of a series are computed in `slots.py`, its rule is read in `rrule.py` and computed in `recurrence.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from calsync.engine import recurrence, rrule, slots
from calsync.engine.event import Event, Moment

NEVER = slots.NEVER

# A date begins in UTC+14 and ends in UTC-12.
_EAST, _WEST = timedelta(hours=14), timedelta(hours=12)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One instance of an event. `event` holds what it shows: the master, an override, or the single event itself.

    `moment` is the slot it fills, its recurrence id; None for a single event. `start` and `end` are in the event's
    own form, `starts_at` and `ends_at` the same in UTC, dates and floating times read in the viewer's zone.
    """

    event: Event
    moment: Moment | None
    start: Moment
    end: Moment
    starts_at: datetime
    ends_at: datetime

    @property
    def is_override(self) -> bool:
        return self.event.recurrence_id is not None


def span(event: Event) -> tuple[datetime, datetime]:
    """Return UTC bounds of every occurrence; the end is NEVER for a series without one.

    Dates and floating times are bounded in every zone of the world. An override is bounded alone. Raises ValueError
    when the rule or the zone of a series cannot be read.
    """
    if event.is_series:
        slots.home(event)
    start, end = _earliest(event.start), _latest(event.end)
    length = max(end - start, timedelta())
    if event.rdates:
        start = min(start, *(_earliest(m) for m in event.rdates))
        end = max(end, *(slots.plus(_earliest(m), length) for m in event.rdates))
    if event.rrule:
        # A day more, because an all-day end or a zone may lie that far off.
        end = max(end, slots.plus(slots.last_start(event), length + _DAY))
    start = min(start, NEVER)
    return start, min(max(end, start), NEVER)


def expand(
    master: Event, overrides: Sequence[Event], start: datetime, end: datetime, zone: str = "UTC"
) -> list[Occurrence]:
    """Return the occurrences that touch the window from `start` to before `end`, in order.

    Overrides replace the slot they name; EXDATE takes slots and their overrides away; cancelled ones are absent.
    `zone` is the viewer's. Raises ValueError when the rule or a zone cannot be read, or it repeats too often.
    """
    if master.is_cancelled:
        return []
    if not overrides and is_undisturbed(master):
        return [Occurrence(master, at, at, until, at, until) for at, until in stretches(master, start, end)]
    viewer, gone = slots.zone(zone), slots.removed(master)
    changed = {slots.key_of(master, o.recurrence_id): o for o in overrides if o.recurrence_id is not None}
    low = slots.plus(start, -slots.length(master) - 2 * _DAY)
    given = slots.between(master, low, slots.plus(end, 2 * _DAY))
    plain = (
        _occurrence(master, m, viewer) for key, m in given.items() if key not in changed and not slots.is_in(gone, key)
    )
    others = (_changed(o, viewer) for key, o in changed.items() if not o.is_cancelled and not slots.is_in(gone, key))
    found = [o for o in (*plain, *others) if _touches(o, start, end)]
    return sorted(found, key=lambda o: (o.starts_at, o.ends_at))


def is_undisturbed(master: Event) -> bool:
    """Return whether it is what most series are: times by a rule alone. Its overrides are looked at elsewhere."""
    is_timed = isinstance(master.start, datetime) and bool(master.rrule)
    return is_timed and not (master.exdates or master.rdates or master.is_cancelled)


def stretches(master: Event, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Return from when to when the occurrences are that `expand` gives of an undisturbed series. Raises as it does."""
    length = slots.length(master)
    low, high = slots.plus(start, -length - 2 * _DAY), slots.plus(end, 2 * _DAY)
    begun = slots.even(master, low, high)
    if begun is None:
        begun = sorted(set(slots.times(master, low, high)))
    if not length:
        return [(at, at) for at in begun if start <= at < end]
    found = ((at, slots.plus(at, length)) for at in begun)
    return [(at, until) for at, until in found if at < end and until > start]


def yields(master: Event, moment: Moment) -> bool:
    """Return whether the series has a slot at `moment`: by rule, RDATE or its start, and not taken away by EXDATE.

    Raises ValueError when the rule or the zone cannot be read.
    """
    key = slots.key_of(master, moment)
    if slots.is_in(slots.removed(master), key):
        return False
    at = slots.as_wall(key).replace(tzinfo=UTC)
    return key in slots.between(master, slots.plus(at, -2 * _DAY), slots.plus(at, 2 * _DAY))


def without(master: Event, moment: Moment) -> Event:
    """Return the series with the slot at `moment` taken away by EXDATE. Taking it away twice is fine."""
    key = slots.key_of(master, moment)
    if key in slots.removed(master):
        return master
    return replace(master, exdates=(*master.exdates, slots.moment_at(master, key)))


def removing(master: Event, moment: Moment) -> Event:
    """Return the series without its occurrence at `moment`, or as it is when it has none there."""
    return without(master, moment) if yields(replace(master, exdates=()), moment) else master


def fold_cancelled(events: Sequence[Event]) -> tuple[Event, ...]:
    """Turn each cancelled override into an EXDATE of its master; one whose master is not here stays as it is.

    A removed occurrence has this one form inside. The masters' own exdates stay as written. One that its series no
    longer yields, because the series moved, takes nothing away.
    """
    masters = {e.uid: e for e in events if e.recurrence_id is None}
    for event in events:
        if event.recurrence_id is not None and _folds(event, masters):
            masters[event.uid] = removing(masters[event.uid], event.recurrence_id)
    kept = (e for e in events if not _folds(e, masters))
    return tuple(masters[e.uid] if e.recurrence_id is None else e for e in kept)


def split(master: Event, at: Moment) -> tuple[Event, Event]:
    """Return the series before the occurrence at `at`, and the rest that begins there ("this and following").

    The rest keeps the uid: the caller gives it one of its own. Together they have the occurrences of the whole.
    Raises ValueError when the rule gives no occurrence there or it is the first.
    """
    key = slots.key_of(master, at)
    moment, wall, first = slots.moment_at(master, key), slots.as_wall(key), slots.wall_of(master)
    if wall <= first or not yields(replace(master, rdates=()), at):
        raise ValueError("a series can only be split at a later occurrence of its rule")
    rule = rrule.parse(master.rrule or "")
    until = slots.later(moment, -_DAY if master.is_all_day else timedelta(seconds=-1))
    left = None
    if rule.count is not None:
        left = rule.count - sum(1 for _ in recurrence.between(rule, first, first, wall))
    head = replace(
        master,
        rrule=rrule.change(master.rrule or "", until=until),
        rdates=tuple(m for m in master.rdates if slots.as_wall(slots.key_of(master, m)) < wall),
        exdates=tuple(m for m in master.exdates if slots.as_wall(slots.key_of(master, m)) < wall),
    )
    tail = replace(
        master,
        start=moment,
        end=slots.later(moment, slots.length(master)),
        rrule=master.rrule if left is None else rrule.change(master.rrule or "", count=left),
        rdates=tuple(m for m in master.rdates if m not in head.rdates),
        exdates=tuple(m for m in master.exdates if m not in head.exdates),
    )
    return head, tail


def carry(old: Event, new: Event) -> Event:
    """Return `new` with the EXDATEs and RDATEs of the series it was: removed slots stay removed where it moved to."""
    shift = slots.wall_of(new) - slots.wall_of(old)
    bare = replace(new, exdates=(), rdates=())
    rdates = tuple(slots.moment_at(new, slots.as_wall(slots.key_of(old, m)) + shift) for m in old.rdates)
    bare = replace(bare, rdates=rdates)
    exdates = (_new_slot(old, bare, m, set()) or slots.moment_at(new, slots.key_of(new, m)) for m in old.exdates)
    return replace(bare, exdates=tuple(dict.fromkeys(exdates)))


def move_overrides(old: Event, new: Event, overrides: Sequence[Event]) -> tuple[tuple[Event, ...], tuple[Event, ...]]:
    """Return the overrides of a series that changed: those carried to a slot of `new`, and those left without one.

    An override keeps its slot where `new` still has it; else it follows the series to the new time on its day, else
    by as far as the series itself moved. What a person moved away from its slot stays where it was put.
    """
    taken: set[slots.SlotKey] = set()
    moved, orphaned = [], []
    for override in overrides:
        key = override.recurrence_id
        target = None if key is None else _new_slot(old, new, key, taken)
        if target is None:
            orphaned.append(override)
            continue
        taken.add(slots.key_of(new, target))
        moved.append(_carried(old, new, override, target))
    return tuple(moved), tuple(orphaned)


def _new_slot(old: Event, new: Event, moment: Moment, taken: set[slots.SlotKey]) -> Moment | None:
    """Return the slot of `new` that stands for one of `old`, None when there is none left."""
    wall = slots.as_wall(slots.key_of(old, moment))
    first = slots.wall_of(new)
    candidates = (
        slots.key_of(new, moment),
        datetime.combine(wall.date(), first.time()),
        wall + (first - slots.wall_of(old)),
    )
    for key in candidates:
        target = slots.moment_at(new, key)
        if slots.key_of(new, target) not in taken and yields(new, target):
            return target
    return None


def _carried(old: Event, new: Event, override: Event, target: Moment) -> Event:
    """Return the override in its new slot; its own times stay, unless they were the old slot's."""
    slot = slots.moment_at(old, slots.key_of(old, override.recurrence_id or override.start))
    if override.start != slot:
        return replace(override, recurrence_id=target)
    follows = slots.length(override) == slots.length(old) or override.is_all_day != new.is_all_day
    length = slots.length(new if follows else override)
    return replace(override, recurrence_id=target, start=target, end=slots.later(target, length), tz=new.tz)


def _folds(event: Event, masters: dict[str, Event]) -> bool:
    return event.recurrence_id is not None and event.is_cancelled and event.uid in masters


def _occurrence(master: Event, start: Moment, viewer: tzinfo) -> Occurrence:
    # A single event keeps its end as written, which may be of another length in days than in hours.
    end = slots.later(start, slots.length(master)) if master.is_series else master.end
    moment = start if master.is_series else master.recurrence_id
    return Occurrence(master, moment, start, end, slots.instant(start, viewer), slots.instant(end, viewer))


def _changed(override: Event, viewer: tzinfo) -> Occurrence:
    starts_at, ends_at = slots.instant(override.start, viewer), slots.instant(override.end, viewer)
    return Occurrence(override, override.recurrence_id, override.start, override.end, starts_at, ends_at)


def _touches(occurrence: Occurrence, start: datetime, end: datetime) -> bool:
    if occurrence.starts_at >= occurrence.ends_at:
        return start <= occurrence.starts_at < end
    return occurrence.starts_at < end and occurrence.ends_at > start


def _earliest(moment: Moment) -> datetime:
    at = slots.instant(moment)
    return at if isinstance(moment, datetime) else slots.plus(at, -_EAST)


def _latest(moment: Moment) -> datetime:
    at = slots.instant(moment)
    return at if isinstance(moment, datetime) else slots.plus(at, _WEST)
