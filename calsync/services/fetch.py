"""Fetch: bring the mirror of one account in line with the provider. Nothing is decided here.

A read carries its proof of completeness. Only an explicit tombstone, or absence from a complete read confirmed by
asking for that very event, turns a mirrored resource into a tombstone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from calsync.errors import CursorExpired, Unavailable
from calsync.providers.base import Page, Resource
from calsync.services import halting
from calsync.services.context import Context
from calsync.store import mirror, polls, rechecks
from calsync.store import tables as t
from calsync.store.polls import Read

CONFIRM = 50
"""Handles asked for at once when their absence is to be confirmed."""


@dataclass(slots=True)
class _Read:
    """One complete read in the making."""

    present: set[str] = field(default_factory=set)
    uids: set[str] = field(default_factory=set)
    is_full: bool = False
    has_news: bool = False
    last: Page | None = None


def fetch(ctx: Context, unsaved: list[Read] | None = None) -> None:
    """Read every calendar that syncs or blocks. Raises the first ProviderError; what was read before it is kept.

    An account without calendars has nothing to read, and proves that it can still be reached instead. Reads without
    news wait in `unsaved`, if that is given, for the transaction that ends the run: a run that is killed before
    loses nothing but a cursor, and the one that it began with finds the same and more.
    """
    if not ctx.calendars:
        ctx.reader.calendars()
    for calendar in _calendars(ctx):
        ctx.keep_lease()
        _fetch_calendar(ctx, calendar, unsaved)


def _calendars(ctx: Context) -> list[t.Calendar]:
    return [c for c in ctx.calendars if not c.is_gone and (c.syncs or c.blocks or c.is_write_target)]


def _fetch_calendar(ctx: Context, calendar: t.Calendar, unsaved: list[Read] | None) -> None:
    cursor = None if ctx.is_full else calendar.cursor
    try:
        read = _read(ctx, calendar, cursor)
    except CursorExpired:
        read = _read(ctx, calendar, None)
    if read.is_full:
        _bury_absent(ctx, calendar, read)
    if ctx.has_rechecks:
        _recheck(ctx, calendar)
    note = _noted(ctx, calendar, read.last.cursor if read.last else None)
    if unsaved is None or read.is_full or read.has_news:
        _save_read(ctx, note)
    else:
        unsaved.append(note)


def _read(ctx: Context, calendar: t.Calendar, cursor: str | None) -> _Read:
    """Read page by page. The cursor is saved last, when everything that it stands for is in the mirror."""
    read = _Read()
    began = ctx.now()
    if cursor is None:
        ctx.hold_long()

    def known(handles: Collection[str] | None = None) -> dict[str, str | None]:
        with ctx.rt.reading() as session:
            return mirror.versions(session, t.pk(calendar), handles)

    ctx.rt.checkpoint("fetch.request")
    for page in ctx.reader.read(calendar.remote_id, cursor, known):
        ctx.rt.checkpoint("fetch.page")
        ctx.keep_lease()
        read.is_full = read.is_full or page.is_full
        read.has_news = read.has_news or bool(page.resources or page.removed)
        read.present.update(page.present)
        read.present.update(r.handle for r in page.resources)
        _save_page(ctx, calendar, page, read)
        if page.is_last:
            read.last = page
            break
    if read.last is None:
        raise Unavailable("the calendar's answer ended early")
    if cursor is None:
        ctx.hold_briefly()
    calendar.last_read_at = began
    return read


def _save_page(ctx: Context, calendar: t.Calendar, page: Page, read: _Read) -> None:
    if page.resources:
        halting.check(ctx, writes=False)
    for start in range(0, len(page.resources), mirror.CHUNK):
        _save(ctx, calendar, page.resources[start : start + mirror.CHUNK], read)
    handles_here = {r.handle for r in page.resources}
    removed = [handle for handle in page.removed if handle not in handles_here]
    if removed:
        _bury_tombstones(ctx, calendar, removed)


def _save(ctx: Context, calendar: t.Calendar, resources: Sequence[Resource], read: _Read, trusts: bool = False) -> None:
    folds = ctx.capabilities.series_is_one_resource
    with ctx.rt.writing() as session:
        ctx.holding(session)
        saved = mirror.save(
            session, calendar, resources, ctx.now(), own_addresses=ctx.own_addresses, folds=folds, trusts=trusts
        )
        if not folds:
            session.flush()
            mirror.refold(session, t.pk(calendar), _uids(resources), ctx.now())
    ctx.faults.extend(saved.faults)
    ctx.has_news = True
    ctx.rt.checkpoint("fetch.saved")


def _uids(resources: Sequence[Resource]) -> set[str]:
    return {event.uid for resource in resources for event in resource.events if event.recurrence_id or event.is_series}


def _bury_tombstones(ctx: Context, calendar: t.Calendar, handles: list[str]) -> None:
    """Believe tombstones, but ask again for what we wrote since the last complete read: they may be older."""
    with ctx.rt.reading() as session:
        doubtful = rechecks.written_since(session, t.pk(calendar), handles, calendar.last_read_at)
    _bury(ctx, calendar, [handle for handle in handles if handle not in doubtful])
    _confirm(ctx, calendar, sorted(doubtful))


def _bury_absent(ctx: Context, calendar: t.Calendar, read: _Read) -> None:
    with ctx.rt.reading() as session:
        held = mirror.versions(session, t.pk(calendar))
    _confirm(ctx, calendar, sorted(held.keys() - read.present))


def _confirm(ctx: Context, calendar: t.Calendar, handles: list[str]) -> None:
    """Ask for each handle itself: only the provider's own 'gone' makes a tombstone."""
    for start in range(0, len(handles), CONFIRM):
        ctx.keep_lease()
        ctx.rt.checkpoint("fetch.confirm")
        answers = ctx.reader.get_many(calendar.remote_id, handles[start : start + CONFIRM])
        gone = [handle for handle, resource in answers.items() if resource is None]
        with ctx.rt.reading() as session:
            fresh = rechecks.written_since(session, t.pk(calendar), gone, ctx.now() - rechecks.LATE_ANSWERS)
        _bury(ctx, calendar, [handle for handle in gone if handle not in fresh])
        _ask_later(ctx, calendar, fresh)
        alive = [resource for resource in answers.values() if resource is not None]
        if alive:
            _save(ctx, calendar, alive, _Read(), trusts=True)


def _ask_later(ctx: Context, calendar: t.Calendar, handles: set[str]) -> None:
    """What we wrote a moment ago may only not be visible yet: the question is put again in a later run."""
    if not handles:
        return
    with ctx.rt.writing() as session:
        ctx.holding(session)
        rechecks.ask_again(session, t.pk(calendar), handles)
    ctx.rt.checkpoint("fetch.later")


def _bury(ctx: Context, calendar: t.Calendar, handles: list[str]) -> None:
    for start in range(0, len(handles), mirror.CHUNK):
        with ctx.rt.writing() as session:
            ctx.holding(session)
            mirror.bury(session, calendar, handles[start : start + mirror.CHUNK], ctx.now())
        ctx.has_news = True
        ctx.rt.checkpoint("fetch.buried")


def _recheck(ctx: Context, calendar: t.Calendar) -> None:
    with ctx.rt.reading() as session:
        handles = rechecks.to_recheck(session, t.pk(calendar), ctx.now())
    _confirm(ctx, calendar, handles)


def _noted(ctx: Context, calendar: t.Calendar, cursor: str | None) -> Read:
    """Return what is to be saved of a complete read, which began at `calendar.last_read_at`."""
    if cursor != calendar.cursor:
        ctx.cursors[str(calendar.id)] = [calendar.cursor, cursor]
    now = ctx.now()
    return Read(t.pk(calendar), cursor, calendar.last_read_at or now, now, ctx.offset().total_seconds())


def _save_read(ctx: Context, read: Read) -> None:
    with ctx.rt.writing() as session:
        ctx.holding(session)
        polls.note_reads(session, ctx.account_id, [read])
    ctx.rt.checkpoint("fetch.cursor")
