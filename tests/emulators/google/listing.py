"""Pages, page tokens and sync tokens: the same for every list method (contract 2.2, 5.2)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from tests.emulators.google import errors
from tests.emulators.google import world as worlds
from tests.emulators.google.access import Call
from tests.emulators.google.model import PageMark, Resource, SyncMark
from tests.emulators.google.world import World

MOST_PAGE_MARKS = 500
NOT_PARAMETERS = ("pageToken", "syncToken", "fields", "alt", "prettyPrint", "quotaUser", "userIp", "key", "oauth_token")


@dataclass(frozen=True)
class Listing:
    """One list to be served: what it is about, how long pages are, whether it can be synchronised."""

    resource: str
    head: Resource
    default_size: int
    most: int
    is_syncable: bool = True
    kept_params: Resource = field(default_factory=dict)


def params(call: Call) -> Resource:
    """Return the parameters that must stay the same from page to page, comparable as JSON."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in call.query.items()
        if name not in NOT_PARAMETERS
    }


def refuse_with_sync_token(call: Call, forbidden: tuple[str, ...], must_not_be_false: tuple[str, ...]) -> None:
    """Raise 400 when `syncToken` comes with a restriction that it excludes (5.2)."""
    if "syncToken" not in call.query:
        return
    clashes = [name for name in forbidden if name in call.query]
    clashes += [name for name in must_not_be_false if call.query.get(name) is False]
    if clashes:
        raise errors.invalid("Sync token cannot be used with other request restrictions.", "syncToken")


def find_mark(call: Call, resource: str) -> SyncMark | None:
    """Return what the call's sync token stands for, None without one. Raises 410 when it is no longer good.

    A token that was never issued is answered like an expired one; tokens end with the trash they need.
    """
    value = call.query.get("syncToken")
    if value is None:
        return None
    mark = call.world.sync_marks.get(value)
    if mark is None or mark.resource != resource:
        raise errors.of(410, "fullSyncRequired")
    if mark.gone_reason:
        raise errors.of(410, mark.gone_reason)
    if mark.issued_at < call.world.now() - worlds.TRASH_LASTS:
        raise errors.of(410, "fullSyncRequired")
    asked = {name: value for name, value in params(call).items() if name != "maxResults"}
    kept = {name: value for name, value in mark.params.items() if name not in ("timeMin", "timeMax")}
    if asked != kept:
        call.warnings.append("The parameters differ from those that the sync token was issued for.")
    return mark


def next_page(call: Call) -> PageMark | None:
    """Return the list that the call's page token continues, None without one; 400 if parameters differ."""
    value = call.query.get("pageToken")
    if value is None:
        return None
    mark = call.world.page_marks.get(value)
    if mark is None or mark.fingerprint != _fingerprint(call):
        raise errors.invalid("Invalid page token value.", "pageToken")
    return mark


def _fingerprint(call: Call) -> Resource:
    same = {"sync": call.query.get("syncToken"), "user": call.user.email, "path": call.path}
    return params(call) | same | {"method": call.method.id}


def first_page(call: Call, items: list[Resource]) -> PageMark:
    """Return a fresh list to serve. Its revision is taken now: what changes meanwhile comes with the next sync."""
    return PageMark(_fingerprint(call), items, 0, call.world.revision, 0)


def page(call: Call, listing: Listing, mark: PageMark) -> Resource:
    """Return one page with exactly one of the two tokens, or none at the end of a list without sync."""
    world = call.world
    size = min(call.query.get("maxResults", listing.default_size), listing.most)
    size = min(size, world.settings.page_cap or size)
    is_empty = world.settings.empty_pages and mark.pages % 2 == 1
    items = [] if is_empty else mark.items[mark.offset : mark.offset + size]
    offset = mark.offset + len(items)
    repeated = mark.items[mark.offset - 1 : mark.offset] if world.settings.repeats_across_pages else []
    body = {**listing.head, "etag": _etag(listing, world), "items": repeated + items}
    if offset < len(mark.items):
        rest = PageMark(mark.fingerprint, mark.items, offset, mark.revision, mark.pages + 1)
        return body | {"nextPageToken": _keep_page(world, rest)}
    if listing.is_syncable:
        return body | {"nextSyncToken": _keep_mark(call, listing, mark.revision)}
    return body


def _etag(listing: Listing, world: World) -> str:
    text = f"{listing.resource}:{world.revision}"
    return f'"p{hashlib.sha256(text.encode()).hexdigest()[:15]}"'


def _keep_page(world: World, mark: PageMark) -> str:
    token = worlds.opaque()
    world.page_marks[token] = mark
    while len(world.page_marks) > MOST_PAGE_MARKS:
        world.page_marks.pop(next(iter(world.page_marks)))
    return token


def _keep_mark(call: Call, listing: Listing, revision: int) -> str:
    token = worlds.opaque()
    kept = {name: value for name, value in params(call).items() if name != "maxResults"}
    mark = SyncMark(listing.resource, revision, call.world.now(), listing.kept_params | kept)
    call.world.sync_marks[token] = mark
    return token
