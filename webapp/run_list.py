"""The list of runs as the address asks for it: filters, runs without changes folded into one line, export rows.

found = run_list.find(session)     .entries (Line or Quiet), .pager, .is_active, .filters
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import request, url_for
from sqlmodel import Session

from calsync.engine.vocabulary import RunState
from calsync.runtime import Runtime
from calsync.services import retry
from calsync.store import history, run_records
from calsync.store import tables as t
from calsync.store.history import Filters, Line
from calsync.store.keyset import Cut, Slice
from webapp import moments, paging
from webapp.access import viewer_id
from webapp.paging import Pager

TABS = (("", "All"), ("inbound", "Inbound"), ("outbound", "Outbound"), ("errors", "With errors"), ("held", "Held"))
ACTIVE = (RunState.QUEUED, RunState.RUNNING)
BATCH = 500
HOUR = timedelta(hours=1)
COLUMNS = (
    "run",
    "started_at",
    "finished_at",
    "duration_ms",
    "state",
    "account",
    "provider",
    "direction",
    "trigger",
    "asked_by",
    "processed",
    "created",
    "updated",
    "deleted",
    "skipped",
    "merged",
    "conflicts",
    "failed",
    "held",
    "requests",
    "retry_of",
    "error_class",
    "error",
)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Runs in a row that found nothing to do. `is_capped`: there are more than were counted."""

    count: int
    is_capped: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """`open` counts, by run, failed records that no later run has taken over."""

    entries: list[Line | Quiet]
    pager: Pager
    is_active: bool
    open: dict[int, int]

    def is_retryable(self, run: t.Run) -> bool:
        return t.pk(run) in self.open or retry.failed_whole(run)

    @property
    def has_retryable(self) -> bool:
        return any(isinstance(entry, Line) and self.is_retryable(entry.run) for entry in self.entries)


def filters() -> Filters:
    """Return what the address asks for, limited to what this person may see."""
    args = request.args
    until = _day("until")
    since, before = _begins(_day("since")), _begins(until + timedelta(days=1)) if until else None
    if begins := hour():
        since, before = begins, begins + HOUR
    return Filters(
        viewer_id=viewer_id(),
        account_id=args.get("account", type=int),
        calendar_id=args.get("calendar", type=int),
        states=_states(),
        side=args.get("tab", "") if args.get("tab") in ("inbound", "outbound") else "",
        trigger=args.get("trigger", ""),
        error_class=args.get("class", ""),
        since=since,
        until=before,
    )


def hour_text(begins: datetime) -> str:
    """Return the hour that begins then as it stands in an address, to the minute and in UTC."""
    return begins.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")


def hour() -> datetime | None:
    """Return when the hour begins that the address asks for, None for all times."""
    try:
        return datetime.strptime(request.args.get("hour", ""), "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)
    except ValueError:
        return None


def find(session: Session) -> Found:
    """Return the asked page of the list."""
    wanted, cut = filters(), paging.asked()
    found = history.list_runs(session, wanted, cut)
    return Found(
        _folded(session, wanted, cut, found),
        paging.pager(found, key=lambda line: (line.run.id,)),
        any(line.run.state in ACTIVE for line in found.rows),
        run_records.open_failures(session, [line.run.id for line in found.rows if line.run.failed]),
    )


def export_rows(rt: Runtime, wanted: Filters) -> Iterator[dict[str, Any]]:
    """Yield every matching run, a session per batch, so that a slow download holds no transaction open."""
    if QUIET not in wanted.states and not request.args.get("state") and not request.args.get("tab"):
        wanted = replace(wanted, states=(*wanted.states, QUIET))
    cut = Cut(BATCH)
    while True:
        with rt.reading() as session:
            found = history.list_runs(session, wanted, cut)
        yield from (_row(line) for line in found.rows)
        if not found.has_next:
            return
        cut = Cut(BATCH, after=(found.rows[-1].run.id,))


def duration_ms(run: t.Run) -> float | None:
    """Return how long a run took; None while it goes on."""
    if run.finished_at is None or run.state == RunState.QUEUED:
        return None
    return (run.finished_at - run.started_at).total_seconds() * 1000


QUIET = RunState.NO_CHANGES.value


def _states() -> tuple[str, ...]:
    state, tab = request.args.get("state", ""), request.args.get("tab", "")
    if state:
        return (state,) if state in set(RunState) else ()
    if tab in ("errors", "held"):
        return history.ERRORS if tab == "errors" else (RunState.HELD,)
    return (*history.SHOWN, QUIET) if request.args.get("quiet") == "show" else history.SHOWN


def _folded(session: Session, wanted: Filters, cut: Cut, found: Slice) -> list[Line | Quiet]:
    """Put a line for the runs without changes between the runs around them."""
    lines: list[Line | Quiet] = list(found.rows)
    is_plain = wanted.states == history.SHOWN and not (wanted.side or wanted.error_class or wanted.calendar_id)
    if not is_plain:
        return lines
    below = cut.after[0] if cut.after else _top(found, cut)
    above = found.rows[-1].run.id if found.rows and found.has_next else 0
    quiet = history.quiet_ids(session, wanted, above, below)
    if not quiet:
        return lines
    capped = len(quiet) == history.MOST_FOLDED
    return _woven(found.rows, quiet, capped)


def _top(found: Slice, cut: Cut) -> int | None:
    """Return the id above which runs belong to a newer page; None on the newest."""
    return found.rows[0].run.id if found.rows and cut.before is not None and found.has_previous else None


def _woven(lines: list[Line], quiet: list[int], capped: bool) -> list[Line | Quiet]:
    woven: list[Line | Quiet] = []
    for line in lines:
        newer = sum(1 for i in quiet if i > (line.run.id or 0))
        woven += [Quiet(newer)] if newer else []
        woven.append(line)
        quiet = quiet[newer:]
    return [*woven, Quiet(len(quiet), capped)] if quiet else woven


def quiet_url() -> str:
    """Return the address of this list with runs without changes shown one by one."""
    return url_for("history.index", **paging.kept("quiet"), quiet="show")


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def _begins(day: date | None) -> datetime | None:
    """Return when a day begins for the viewer."""
    return datetime.combine(day, time(), moments.zone()).astimezone(UTC) if day else None


def _row(line: Line) -> dict[str, Any]:
    run = line.run
    own = {
        "run": run.id,
        "duration_ms": duration_ms(run),
        "account": line.label,
        "provider": line.provider,
        "asked_by": line.asked_by,
        "retry_of": run.parent_id,
    }
    return {name: own[name] if name in own else getattr(run, name) for name in COLUMNS}
