"""The frame around every page: navigation with counters, the strip on top, notices. At most three queries.

    @shell.connecting          decorator of views about connecting calendars: follows the switches of the People page
    shell.frame() -> Frame     made once per request, on the first page that asks; `frame` in every template

A navigation entry appears only if its endpoint exists and the viewer's role may open it. A page joins by a line in
NAVIGATION and by calling its blueprint's list view `index`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import current_app, g, request, url_for
from flask_login import current_user, login_required
from sqlalchemy import select
from sqlmodel import col

from calsync.engine.vocabulary import Role
from calsync.errors import NotAllowed
from calsync.store import counters
from calsync.store import tables as t
from calsync.store.counters import Waiting
from webapp import brand, words
from webapp.access import runtime, viewer_id

EVERYONE = (Role.ADMIN, Role.STAFF, Role.CLIENT)
TEAM = (Role.ADMIN, Role.STAFF)
ADMINS = (Role.ADMIN,)
SHOWN_NOTICES = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """One navigation entry. `counter` names a field of store.counters.Waiting, `connects` hides it from those who
    may not connect calendars."""

    endpoint: str
    label: str
    icon: str
    roles: tuple[Role, ...] = EVERYONE
    counter: str = ""
    colour: str = "amber"
    connects: bool = False

    @property
    def section(self) -> str:
        return self.endpoint.partition(".")[0]


NAVIGATION: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "",
        (
            Entry("overview.index", "Overview", "layout-dashboard"),
            Entry("calendar.index", "Calendar", "calendar"),
            Entry("activities.index", "Activities", "list-check"),
            Entry("bookings.index", "Bookings", "ticket"),
            Entry("meetings.index", "Meetings", "video", counter="meetings"),
        ),
    ),
    (
        "Sync",
        (
            Entry("accounts.index", "Accounts", "plug-connected", counter="reconnect", colour="red", connects=True),
            Entry("conflicts.index", "Conflicts", "arrows-left-right", counter="conflicts"),
            Entry("history.index", "Sync History", "history", counter="held", colour="violet"),
            Entry("duplicates.index", "Duplicates", "copy", roles=TEAM),
        ),
    ),
    (
        "Scheduling",
        (
            Entry("event_types.index", "Event types", "calendar-time", roles=TEAM),
            Entry("resources.index", "Resources", "door", roles=TEAM),
        ),
    ),
    (
        "Set up",
        (
            Entry("settings.index", "Sync Settings", "adjustments", roles=ADMINS),
            Entry("integrations.index", "Integrations", "plug", connects=True),
            Entry("people.index", "People", "users", roles=ADMINS),
            Entry("organisation.edit", "Organisation", "building", roles=ADMINS),
            Entry("mail.index", "Mail", "mail", roles=ADMINS),
            Entry("webhooks.index", "Webhooks", "webhook", roles=ADMINS),
            Entry("audit.index", "Audit log", "clipboard-list", roles=ADMINS),
        ),
    ),
    ("", (Entry("help.index", "Help", "help"), Entry("profile.index", "Profile", "user"))),
)


@dataclass(frozen=True, slots=True)
class Item:
    """One navigation entry as this viewer sees it."""

    label: str
    url: str
    icon: str
    is_current: bool
    count: int
    colour: str


@dataclass(frozen=True, slots=True)
class Group:
    label: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """One sentence of the strip on top, with where to go."""

    text: str
    url: str
    colour: str


@dataclass(frozen=True, slots=True)
class Frame:
    groups: tuple[Group, ...] = ()
    alerts: tuple[Alert, ...] = ()
    notices: tuple[t.Notice, ...] = ()
    waiting: Waiting = field(default_factory=Waiting)
    writes_paused: bool = False
    can_pause_writes: bool = False


def frame() -> Frame:
    """Return the frame of the page being answered; an empty one for someone who is not signed in."""
    if "frame" not in g:
        g.frame = _frame() if current_user.is_authenticated else Frame()
    made: Frame = g.frame
    return made


def may_connect(role: str) -> bool:
    """Return whether people of this role may connect calendars."""
    allowed = {Role.STAFF: brand.switches().staff_may_connect, Role.CLIENT: brand.switches().clients_may_connect}
    return allowed.get(Role(role), True)


def connecting(view: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse a view to people whose role may not connect calendars (People page). Anonymous ones go to the login."""

    @functools.wraps(view)
    @login_required
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not may_connect(current_user.role):
            raise NotAllowed("connect calendars")
        return view(*args, **kwargs)

    return guarded


def _frame() -> Frame:
    with runtime().reading() as session:
        waiting = counters.waiting(session, viewer_id())
        query = select(t.Notice).where(
            col(t.Notice.user_id) == current_user.id, col(t.Notice.ended_at).is_(None), col(t.Notice.seen_at).is_(None)
        )
        notices = tuple(session.scalars(query.order_by(col(t.Notice.id).desc()).limit(SHOWN_NOTICES)))
    paused = brand.switches().writes_paused
    return Frame(
        _groups(waiting),
        tuple(_alerts(waiting, paused)),
        notices,
        waiting,
        paused,
        can_pause_writes=current_user.role == Role.ADMIN,
    )


def _groups(waiting: Waiting) -> tuple[Group, ...]:
    groups = (Group(label, tuple(_item(e, waiting) for e in entries if _shown(e))) for label, entries in NAVIGATION)
    return tuple(group for group in groups if group.items)


def _shown(entry: Entry) -> bool:
    exists = entry.endpoint in current_app.view_functions
    return exists and current_user.role in entry.roles and (not entry.connects or may_connect(current_user.role))


def _item(entry: Entry, waiting: Waiting) -> Item:
    here = (request.endpoint or "").partition(".")[0] == entry.section
    count = getattr(waiting, entry.counter) if entry.counter else 0
    return Item(entry.label, url_for(entry.endpoint), entry.icon, here, count, entry.colour)


def _alerts(waiting: Waiting, paused: bool) -> list[Alert]:
    """Return what is red or stands still, worst first. Amber things have their counters in the navigation."""
    found = []
    if waiting.reconnect:
        text = f"{words.count(waiting.reconnect, 'account needs', 'accounts need')} to be reconnected"
        found.append(Alert(text, _url("accounts.index", state="needs_reconnect"), "red"))
    if waiting.failing:
        text = f"{words.count(waiting.failing, 'account keeps', 'accounts keep')} failing"
        found.append(Alert(text, _url("accounts.index"), "red"))
    if waiting.held:
        text = f"{words.count(waiting.held, 'run waits', 'runs wait')} for approval"
        found.append(Alert(text, _url("history.index", state="held"), "violet"))
    if paused:
        found.append(Alert("All writing is paused: nothing goes out to any calendar", "", "violet"))
    return found


def _url(endpoint: str, **values: Any) -> str:
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else ""
