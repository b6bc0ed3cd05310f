"""Event types as pages show them: whom they are about, their public address, and the form with its choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import g, request, url_for
from flask_login import current_user
from sqlmodel import Session

from calsync.engine.vocabulary import Role
from calsync.services import event_types, link_hosts, settings
from calsync.store import event_type_pages, people
from calsync.store import scheduling as rows
from calsync.store import tables as t
from calsync.store.event_type_pages import About
from calsync.store.keyset import Cut
from webapp.access import actor, runtime
from webapp.forms import event_types as forms
from webapp.forms.event_types import EventTypeForm
from webapp.forms.fields import choices
from webapp.words import scheduling as words

MOST_PEOPLE = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One event type, and whom it is about."""

    event_type: t.EventType
    about: About
    host_account: t.Account | None = None
    hosting_kinds: frozenset[str] = frozenset()
    link_hosts: tuple[str, ...] = ()  # whose account makes the link that comes with an event, in words

    @property
    def may_edit(self) -> bool:
        return may_edit(self.event_type)

    @property
    def length(self) -> str:
        return words.span(self.event_type.length_minutes)

    @property
    def place(self) -> str:
        return words.place(self.event_type.location_kind)

    @property
    def host(self) -> str:
        """Who hosts its meeting, in words; "" where it takes place elsewhere."""
        return words.host(self.event_type.location_kind, self.host_account, self.hosting_kinds)

    @property
    def about_url(self) -> str:
        """Where whom it is about is shown, "" where that is nowhere for this viewer."""
        if self.about.kind == "resource":
            return url_for("resources.show", resource_id=self.about.id)
        if self.about.kind == "group" and current_user.is_admin:
            return url_for("resources.group", group_id=self.about.id)
        return ""


def may_edit(row: t.EventType) -> bool:
    """Return whether the viewer may change it: admins all, staff their own."""
    return current_user.role == Role.ADMIN or row.owner_id == current_user.id


def rows_of(session: Session, found: Sequence[t.EventType]) -> list[Row]:
    """Return event types as a list shows them."""
    about = event_type_pages.about(session, found)
    return [Row(each, about[t.pk(each)]) for each in found]


def detail(session: Session, row: t.EventType) -> Row:
    """Return an event type as its page shows it."""
    about = event_type_pages.about(session, [row])
    host = None if row.host_account_id is None else session.get(t.Account, row.host_account_id)
    hosting = event_types.hosting_kinds(runtime())
    found = link_hosts.of(runtime(), session, row)
    return Row(row, about[t.pk(row)], host, hosting, tuple(words.link_host(each) for each in found))


def address(slug: str) -> str:
    """Return the whole address of a public page, to be copied. Lists ask for many: the base is looked up once."""
    if "booking_base" not in g:
        g.booking_base = settings.public_url(runtime()) or request.url_root.rstrip("/")
    return f"{g.booking_base}/book/{slug}"


def new_form() -> EventTypeForm:
    """Return the form of a new event type: a person's own, unless the address says of whom."""
    who = request.args.get("who") or f"user:{current_user.id}"
    return _prepared(EventTypeForm(data=forms.new_data(who)), None)


def edit_form(row: t.EventType) -> EventTypeForm:
    """Return the form of an event type."""
    return _prepared(EventTypeForm(data=forms.data_of(row)), row.host_account_id)


def _prepared(form: EventTypeForm, host_id: int | None) -> EventTypeForm:
    form.name_places(event_types.link_kinds(runtime()))
    form.name_hosts(event_types.hosts(runtime(), host_id, by=actor()))
    form.who.choices = _whom()
    return form


def _whom() -> dict[str, Any]:
    """Return who or what can be booked: admins choose, staff set up their own alone."""
    if current_user.role != Role.ADMIN:
        return {"You": choices([(f"user:{current_user.id}", current_user.name or current_user.email)])}
    with runtime().reading() as session:
        users = people.list_users(session, cut=Cut(MOST_PEOPLE), with_disabled=False).rows
        resources = [r for r in rows.list_resources(session) if r.user_id is None]
        groups = rows.list_groups(session)
    found = {
        "People": [(f"user:{user.id}", user.name or user.email) for user in users],
        "Resources": [(f"resource:{each.id}", each.name) for each in resources],
        "Groups": [(f"group:{each.id}", each.name) for each in groups],
    }
    return {label: choices(pairs) for label, pairs in found.items() if pairs}
