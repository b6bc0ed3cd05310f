"""Resources as pages show them: their calendar, how far it is believed, and their hours in words.

resource_view.rows(found)       a list of resources
resource_view.detail(id)        one, with its groups and event types
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_login import current_user
from sqlmodel import Session

from calsync.engine.hours import Hours
from calsync.engine.vocabulary import ResourceKind
from calsync.services import mappable, rooms, working_hours
from calsync.services.believing import Source
from calsync.services.mappable import Mapped
from calsync.store import resource_pages
from calsync.store import scheduling as rows
from calsync.store import tables as t
from webapp import hours_view, moments
from webapp.access import runtime
from webapp.words import scheduling as words
from webapp.words.states import Word


@dataclass(frozen=True, slots=True)
class Row:
    """One resource. `mapped` is None without a calendar."""

    resource: t.Resource
    hours: str
    mapped: Mapped | None = None

    @property
    def kind(self) -> str:
        return words.resource_kind(self.resource.kind)

    @property
    def icon(self) -> str:
        return words.resource_icon(self.resource.kind)

    @property
    def unreachable(self) -> str:
        return words.unreachable(self.resource.when_unreachable, self.resource.last_known_minutes)

    @property
    def worth(self) -> Word | None:
        """What its calendar is worth now."""
        if self.mapped is None:
            return None
        found = self.mapped.source
        return words.calendar_worth(found.why, found.closes, found.counts, found.is_switched_off)


@dataclass(frozen=True, slots=True)
class Detail:
    """One resource with what it belongs to; `stands_for` is the user, None for nobody who signs in."""

    row: Row
    groups: Sequence[t.ResourceGroup]
    event_types: Sequence[t.EventType]
    stands_for: t.User | None
    asked: tuple[t.AskedBusy, Source] | None = None
    asked_account: t.Account | None = None

    @property
    def asked_worth(self) -> Word | None:
        """What the provider's answer about it is worth now."""
        if self.asked is None:
            return None
        found = self.asked[1]
        return words.calendar_worth(found.why, found.closes, found.counts, found.is_switched_off)


@dataclass(frozen=True, slots=True)
class RoomSource:
    """An account whose organisation may list its rooms; `is_allowed` once that permission was given."""

    account: t.Account
    is_allowed: bool


def room_sources(resource: t.Resource, accounts: Sequence[t.Account]) -> list[RoomSource]:
    """Return the accounts through which a room can be chosen, or of the viewer's own could be once they ask for it;
    none for a person's resource.
    """
    if resource.kind == ResourceKind.PERSON:
        return []
    rt = runtime()
    found = [RoomSource(each, rooms.may_list(rt, each)) for each in accounts if rooms.can_list(rt, each)]
    return [each for each in found if each.is_allowed or each.account.user_id == current_user.id]


def rows_of(session: Session, found: Sequence[t.Resource]) -> list[Row]:
    """Return resources as a list shows them."""
    hours = working_hours.of_resources(session, found)
    mapped = mappable.of_resources(runtime(), session, found)
    return [Row(r, _sentence(hours[t.pk(r)]), mapped.get(t.pk(r))) for r in found]


def detail(session: Session, resource_id: int) -> Detail:
    """Return a resource as its page shows it. Raises NotFound."""
    resource = rows.get_resource(session, resource_id)
    [row] = rows_of(session, [resource])
    user = None if resource.user_id is None else session.get(t.User, resource.user_id)
    groups = resource_pages.groups_of(session, resource_id)
    event_types = resource_pages.event_types_of(session, resource, [t.pk(group) for group in groups])
    account = None if resource.asked_account_id is None else session.get(t.Account, resource.asked_account_id)
    return Detail(row, groups, event_types, user, mappable.asked_of(runtime(), session, resource), account)


def _sentence(hours: Hours) -> str:
    return hours_view.sentence(hours, moments.zone_name())
