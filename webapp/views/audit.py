"""The audit log, for admins: who did what to what, before and after."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, request

from calsync.runtime import Runtime
from calsync.store import audit
from calsync.store import tables as t
from calsync.store.keyset import Cut
from webapp import exports, moments, paging
from webapp.access import Role, role_required, runtime
from webapp.fragments import page

bp = Blueprint("audit", __name__, url_prefix="/audit")

BATCH = 500
COLUMNS = ("When", "Who", "From", "Action", "Kind", "Id", "Object", "Before", "After", "Hash")
ACTIONS = (
    ("account.", "Accounts"),
    ("activity.", "Activities"),
    ("calendar.", "Calendars"),
    ("conflict.", "Conflicts"),
    ("login.", "Logins"),
    ("run.", "Runs"),
    ("settings.", "Settings"),
    ("second_factor.", "Second factor"),
    ("user.", "People"),
    ("webhook.", "Webhooks"),
)
"""Beginnings of actions to filter by."""


@bp.get("/")
@role_required(Role.ADMIN)
def index() -> Any:
    with runtime().reading() as session:
        found = audit.list_entries(session, cut=paging.asked(), **_filters())
    pager = paging.pager(found, key=lambda entry: (entry.id,))
    return page(
        "audit/index.html",
        "entries",
        entries=found.rows,
        pager=pager,
        actions=ACTIONS,
        asked=request.args,
        filters=paging.without_cursor(),
    )


@bp.get("/export.csv")
@role_required(Role.ADMIN)
def export() -> Any:
    return exports.csv("audit", COLUMNS, _all_rows(runtime(), _filters()))


@bp.get("/check")
@role_required(Role.ADMIN)
def check() -> Any:
    """Follow the chain of hashes through the log, a part at a time."""
    after_id = request.args.get("after", 0, type=int)
    with runtime().reading() as session:
        return page("audit/check.html", "found", checked=audit.verify_part(session, after_id))


def _filters() -> dict[str, Any]:
    args = request.args
    until = _day(args.get("until"))
    return {
        "actor": args.get("actor", "").strip(),
        "action": args.get("action", "").strip(),
        "kind": args.get("kind", "").strip(),
        "id": args.get("id", "").strip(),
        "since": _begins(_day(args.get("since"))),
        "until": _begins(until + timedelta(days=1)) if until else None,
    }


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _begins(day: date | None) -> datetime | None:
    """Return when a day begins for the viewer."""
    return datetime.combine(day, time(), moments.zone()).astimezone(UTC) if day else None


def _all_rows(rt: Runtime, filters: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield every matching entry, a session per batch, so that a slow download holds no transaction open."""
    cut = Cut(BATCH)
    while True:
        with rt.reading() as session:
            found = audit.list_entries(session, cut=cut, **filters)
        yield from (_row(entry) for entry in found.rows)
        if not found.has_next:
            return
        cut = Cut(BATCH, after=(found.rows[-1].id,))


def _row(e: t.AuditEntry) -> tuple[Any, ...]:
    return e.at, e.actor, e.address, e.action, e.object_kind, e.object_id, e.object_label, e.before, e.after, e.hash
