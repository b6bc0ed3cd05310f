"""Reading calendars: what changed, everything, or some resources by name (contract B3)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace

from calsync.errors import CursorExpired, Rejected, Unavailable
from calsync.providers.base import Known, Page
from calsync.providers.caldav import collections, dav
from calsync.providers.caldav.bodies import Bodies
from calsync.providers.caldav.dav import CS, D, Item
from calsync.providers.http import Answer, Http

SILENCE_S = 60.0
"""How long a server may think about what changed in a calendar."""

FIRST_SILENCE_S = 300.0
"""How long it may think about a whole one: with a cold cache Radicale reads every file, 10,000 in 20 s and more."""

_FEW = 500
"""So many names are looked up by themselves. A calendar may have a hundred times as many, of which little is needed."""

_MOST_ROUNDS = 10_000
_MAYBE_EXPIRED = (400, 403, 409, 410, 412, 500)
"""What servers answer to a sync-token that they no longer know (contract B3.1, the invalid-token matrix)."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a read ended. With a token changes can be asked for, with a ctag one can see that there are none.

    `at_once` is how many bodies the server was seen to give quickly in one answer, None for no more than any does.
    """

    token: str | None = None
    ctag: str | None = None
    at_once: int | None = None

    def text(self) -> str:
        return json.dumps({k: v for k, v in asdict(self).items() if v is not None})

    @classmethod
    def of(cls, text: str | None) -> Cursor | None:
        """Read what `text` wrote; None for None. Raises CursorExpired for anything else."""
        if text is None:
            return None
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise CursorExpired(f"{text[:40]!r} is no cursor") from error


class Reader:
    """Reads the calendars of one account."""

    def __init__(self, http: Http, bodies: Bodies) -> None:
        self.http, self._bodies = http, bodies
        self._doubted: set[str] = set()

    def read(self, calendar: str, cursor: str | None, known: Known) -> Iterator[Page]:
        """Yield what changed since `cursor`, or everything; see CalendarReader."""
        since = Cursor.of(cursor)
        if since is not None:
            self._bodies.recall(calendar, since.at_once)
        if since is not None and since.token is not None:
            yield from self._read_changes(calendar, since.token, known)
        elif since is not None and since.ctag is not None and since.ctag == self._fact(calendar, f"{CS}getctag"):
            yield Page(cursor=cursor, is_last=True)
        else:
            yield from self._read_all(calendar, known)

    # Changes

    def _read_changes(self, calendar: str, token: str, known: Known) -> Iterator[Page]:
        for _ in range(_MOST_ROUNDS):
            changed, removed, after, is_cut = self._changes(calendar, token)
            if is_cut and after == token:
                raise Unavailable("the server cuts its list of changes and does not move on")
            yield from self._pages(calendar, changed, removed, known)
            if not is_cut:
                yield Page(cursor=self._end(calendar, Cursor(after)), is_last=True)
                return
            token = after
        raise Unavailable("the server's list of changes has no end")

    def _pages(self, calendar: str, changed: dict[str, str | None], removed: list[str], known: Known) -> Iterator[Page]:
        if not changed and not removed:
            return
        ours = _held(known, {*changed, *removed})
        names = _Names(ours)
        if removed:
            yield Page(removed=tuple(names.ours(handle) for handle in removed))
        wanted = {names.ours(h): tag for h, tag in changed.items() if tag is None or ours.get(names.ours(h)) != tag}
        for resources in self._bodies.fetched(calendar, wanted):
            yield Page(resources=tuple(resources))

    def _changes(self, calendar: str, token: str) -> tuple[dict[str, str | None], list[str], str, bool]:
        """Ask once what changed; returns changed with their versions, removed, the next token, and whether cut."""
        answer = self.http.request(
            "REPORT",
            calendar,
            headers=collections.headers("0"),
            body=dav.sync_collection(token),
            expect=(*_MAYBE_EXPIRED, 507),
            silence_s=SILENCE_S,
        )
        if answer.status != 207:
            if "valid-sync-token" not in dav.conditions(answer):
                self._doubted.add(calendar)
            raise CursorExpired(self.http.describe(answer))
        changed: dict[str, str | None] = {}
        removed: list[str] = []
        is_cut = False
        status, itself = dav.Multistatus(answer), _place(calendar)
        for item in status:
            if _place(item.href) == itself:
                is_cut = is_cut or item.status == 507
            elif item.status in (404, 410):
                removed.append(dav.handle(answer.url, item.href))
            elif _is_resource(item):
                changed[dav.handle(answer.url, item.href)] = item.text(f"{D}getetag")
        if status.sync_token is None:
            raise Unavailable("the list of changes has no sync-token")
        return changed, removed, status.sync_token, is_cut

    # Everything

    def _read_all(self, calendar: str, known: Known) -> Iterator[Page]:
        """Read the listing and what is not known of it.

        The token is read before the listing, so that what changes in between is told again and nothing is missed.
        A first sync-collection would give the same, but costs some servers ten times as much.
        """
        facts = self._facts(calendar)
        cursor = facts if self._is_trusted(calendar, facts) else Cursor(ctag=self._ctag(calendar))
        ours = known()
        names = _Names(ours)
        listed = {names.ours(handle): tag for handle, tag in self._listing(calendar).items()}
        wanted = {handle: tag for handle, tag in listed.items() if tag is None or ours.get(handle, "") != tag}
        yield Page(present=tuple(listed), is_full=True)
        for resources in self._bodies.fetched(calendar, wanted):
            yield Page(resources=tuple(resources), is_full=True)
        yield Page(cursor=self._end(calendar, cursor), is_full=True, is_last=True)

    def _end(self, calendar: str, cursor: Cursor) -> str:
        return replace(cursor, at_once=self._bodies.learned(calendar)).text()

    def _facts(self, calendar: str) -> Cursor:
        """Return the calendar's sync-token, or its ctag where it has none.

        Not both at once: each makes some servers look at every resource.
        """
        token = self._fact(calendar, f"{D}sync-token", FIRST_SILENCE_S)
        return Cursor(token) if token else Cursor(ctag=self._ctag(calendar))

    def _ctag(self, calendar: str) -> str | None:
        return self._fact(calendar, f"{CS}getctag", FIRST_SILENCE_S)

    def _fact(self, calendar: str, name: str, silence_s: float = SILENCE_S) -> str | None:
        item = next(iter(dav.Multistatus(self._about(calendar, "0", (name,), silence_s))), None)
        if item is None:
            raise Unavailable(f"{calendar} answered nothing")
        _demand(item)
        return item.text(name) or None

    def _is_trusted(self, calendar: str, facts: Cursor) -> bool:
        """Return whether the server understands its own tokens; asked only when one was refused without a reason."""
        if facts.token is None or calendar not in self._doubted:
            return True
        try:
            self._changes(calendar, facts.token)
        except CursorExpired:
            return False
        return True

    def _listing(self, calendar: str) -> dict[str, str | None]:
        """Return every resource of the calendar with its version. Raises unless the answer is whole."""
        names = (f"{D}getetag", f"{D}resourcetype", f"{D}getcontenttype")
        answer = self._about(calendar, "1", names, FIRST_SILENCE_S, expect=(404,))
        if answer.status == 404:
            return {}  # Synology's way to say that a calendar is empty; that it exists was asked before
        found: dict[str, str | None] = {}
        itself = _place(calendar)
        for item in dav.Multistatus(answer):
            if _place(item.href) == itself or (item.status or 0) >= 500:
                _demand(item)
            elif _is_resource(item):
                found[dav.handle(answer.url, item.href)] = item.text(names[0])
        return found

    def _about(
        self, calendar: str, depth: str, names: Iterable[str], silence_s: float, expect: tuple[int, ...] = ()
    ) -> Answer:
        return self.http.request(
            "PROPFIND",
            calendar,
            headers=collections.headers(depth),
            body=dav.propfind(names),
            expect=expect,
            silence_s=silence_s,
        )


def _held(known: Known, handles: set[str]) -> Mapping[str, str | None]:
    """Return what is held of some handles; all that is held where one is new, or spelled as we do not spell it."""
    found = known(handles) if len(handles) <= _FEW else {}
    return found if len(found) == len(handles) else known()


class _Names:
    """Spells handles as we store them: servers write one name in several ways, percent-encoded or not."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = {dav.key(handle): handle for handle in known}

    def ours(self, handle: str) -> str:
        return self._known.get(dav.key(handle), handle)


def _demand(item: Item) -> None:
    """Refuse a multistatus whose only news is an error: Xandikos tells so that a whole calendar is gone."""
    if item.status in (404, 410):
        raise Rejected("not_found", f"{item.href} is gone")
    if item.status is not None and item.status >= 400:
        raise Unavailable(f"{item.href} answered {item.status}")


def _place(address: str) -> str:
    """Return an address in the form in which a calendar's own are equal, with and without a slash at the end."""
    return dav.key(address).rstrip("/")


def _is_resource(item: Item) -> bool:
    """Return whether this may hold events: no collection, and not said to hold only tasks or journals."""
    if item.has(f"{D}resourcetype", f"{D}collection") or item.href.endswith("/"):
        return False
    if item.status is not None and not 200 <= item.status < 300:
        return False
    kind = (item.text(f"{D}getcontenttype") or "text/calendar").lower()
    others = any(f"component={name}" in kind for name in ("vtodo", "vjournal", "vfreebusy"))
    return "calendar" in kind and (not others or "component=vevent" in kind)
