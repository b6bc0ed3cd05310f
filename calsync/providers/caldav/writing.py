"""Writing resources: conditional requests, and what their refusals mean (contract B5 and B6)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urljoin

from calsync.engine.vocabulary import MailRule
from calsync.errors import ProviderError, Rejected, Unavailable, VersionMismatch
from calsync.providers.base import Edit, Resource, Write, Written
from calsync.providers.caldav import dav, ics, patch
from calsync.providers.caldav.bodies import Bodies
from calsync.providers.caldav.lines import Broken
from calsync.providers.http import Answer, Http

_SAFE = re.compile(r"[A-Za-z0-9._-]{1,120}")
_REFUSED = range(400, 500)
_NO_MOVE = ("unsupported", "duplicate", "invalid", "permission")


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes resources of one account. `own_address` is asked only for events with guests."""

    http: Http
    bodies: Bodies
    own_address: Callable[[], str | None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def write(self, calendar: str, write: Write) -> Written:
        """Make one write and return its outcome; never raises for it."""
        try:
            if write.is_delete:
                self._delete(calendar, write)
                return None
            if write.handle is None:
                return self._create(calendar, write)
            return self._update(calendar, write, write.handle)
        except Broken as error:
            return Rejected("invalid", str(error))
        except ProviderError as error:
            return error

    def _text(self, calendar: str, write: Write) -> str:
        return patch.patch(
            write.body if write.handle is not None else None,
            write.edits,
            now=self.now(),
            mail=write.mail,
            own_address=self._address(write.edits),
            zone=self.bodies.zones.get(calendar),
        )

    def _address(self, edits: tuple[Edit, ...]) -> str | None:
        """Return our own address where a text needs it: to invite, and for reminders by mail."""
        guests = any(edit.event.attendees and edit.event.organizer is None for edit in edits)
        mails = any(reminder.method == "email" for edit in edits for reminder in edit.event.reminders)
        try:
            return self.own_address() if guests or mails else None
        except Rejected:
            return None

    # Create

    def _create(self, calendar: str, write: Write) -> Resource:
        """Create under a name made from the key, so that a repeat meets its own first try."""
        url = urljoin(calendar, name_of(write.key))
        text = self._text(calendar, write)
        answer = self._put(url, text, {"If-None-Match": "*"})
        if answer.status < 300:
            return self._stored(calendar, answer.headers.get("location") or url, answer, text)
        existing = self._existing(calendar, url, write.edits[0].event.uid)
        if existing is not None:
            return replace(existing, is_adopted=True)
        raise self._refusal(answer)

    def _existing(self, calendar: str, url: str, uid: str) -> Resource | None:
        """Return the event that stands in the way of a create, if it is the same: at its name, or by its uid."""
        handle = dav.handle(calendar, url)
        found = self.bodies.get(calendar, handle)
        if found is not None and any(event.uid == uid for event in found.events):
            return found
        return self.bodies.find(calendar, uid)

    # Update

    def _update(self, calendar: str, write: Write, handle: str) -> Resource:
        url = urljoin(calendar, handle)
        text = self._text(calendar, write)
        if text == write.body:
            return ics.resource(handle, write.version, text, self.bodies.zones.get(calendar))
        condition = {"If-Match": write.version} if write.version else self._unversioned(calendar, handle, write.body)
        answer = self._put(url, text, condition)
        if answer.status < 300:
            return self._stored(calendar, url, answer, text)
        raise self._refusal(answer) if answer.status != 412 else self._after_412(calendar, handle, answer, write)

    def _unversioned(self, calendar: str, handle: str, body: str | None) -> dict[str, str]:
        """Return the condition for a resource that came without a version: it must still read as it did."""
        found = self.bodies.get(calendar, handle)
        if found is None:
            raise Rejected("not_found", f"{handle} is gone")
        if found.events != ics.resource(handle, None, body or "", self.bodies.zones.get(calendar)).events:
            raise VersionMismatch(handle)
        return {"If-Match": found.version} if found.version else {}

    def _after_412(self, calendar: str, handle: str, answer: Answer, write: Write) -> ProviderError:
        """Return what a 412 means: bad content if it says so or the resource has not changed, else a lost race."""
        named = dav.read_error(answer)
        if named is not None:
            return named
        found = self.bodies.get(calendar, handle)
        if found is None:
            return Rejected("not_found", f"{handle} is gone")
        if found.version == write.version:
            is_size = re.search(rb"large|size|length", answer.body, re.IGNORECASE) is not None
            return Rejected("too_large" if is_size else "invalid", self.http.describe(answer))
        return VersionMismatch(handle)

    def _put(self, url: str, text: str, condition: dict[str, str]) -> Answer:
        headers = {"Content-Type": "text/calendar; charset=utf-8", **condition}
        body = re.sub(r"\r?\n", "\r\n", text).encode("utf-8", "replace")
        expect = [status for status in _REFUSED if status not in (401, 408, 423, 425, 429)]
        return self.http.request("PUT", url, headers=headers, body=body, is_write=True, expect=expect)

    def _stored(self, calendar: str, url: str, answer: Answer, text: str) -> Resource:
        """Return what the server holds now.

        A strong ETag on the answer to a PUT promises that the text was stored as it was sent (RFC 4791 section
        5.3.4); without one it has to be read.
        """
        handle = dav.handle(calendar, urljoin(answer.url, url))
        version = answer.headers.get("etag", "")
        if version and not version.startswith("W/"):
            return ics.resource(handle, version, text, self.bodies.zones.get(calendar))
        try:
            return self._required(calendar, urljoin(calendar, handle))
        except ProviderError as error:
            raise Unavailable(f"{handle} was written and cannot be read: {error}", is_in_doubt=True) from error

    def _refusal(self, answer: Answer) -> ProviderError:
        return dav.read_error(answer) or self.http.error(answer, is_write=True)

    # Delete and move

    def _delete(self, calendar: str, write: Write) -> None:
        handle = write.handle or ""
        headers = {"If-Match": write.version} if write.version else {}
        if write.mail is MailRule.NEVER:
            headers["Schedule-Reply"] = "F"  # RFC 6638 section 8.1: no decline is sent
        url = urljoin(calendar, handle)
        answer = self.http.request("DELETE", url, headers=headers, is_write=True, expect=(404, 410, 412))
        if answer.status == 412 and self.bodies.get(calendar, handle) is not None:
            raise VersionMismatch(handle)
        if answer.status == 207:
            self._check_each(answer)

    def _check_each(self, answer: Answer) -> None:
        """A multistatus after DELETE or MOVE lists what failed (RFC 4918 section 9.6.1)."""
        for item in dav.Multistatus(answer):
            if item.status is not None and item.status >= 400 and item.status not in (404, 410):
                raise Rejected("permission", f"{item.href} answered {item.status}")

    def move(self, calendar: str, handle: str, version: str | None, to: str) -> Resource:
        """Move a resource; where the server has no MOVE, or a bad one, create, verify and delete."""
        source, target = urljoin(calendar, handle), urljoin(to, handle.rstrip("/").rpartition("/")[2])
        if version is not None and self._required(calendar, source).version != version:
            raise VersionMismatch(handle)  # servers ignore If-Match on a MOVE
        headers = {"Destination": target, "Overwrite": "F", **({"If-Match": version} if version else {})}
        try:
            answer = self.http.request("MOVE", source, headers=headers, is_write=True, expect=(412, 502))
        except Rejected as error:
            if error.code not in _NO_MOVE:
                raise
        else:
            if answer.status < 300:
                self._check_each(answer) if answer.status == 207 else None
                return self._required(to, target)
        return self._copy_and_delete(calendar, handle, version, to, target)

    def _copy_and_delete(self, calendar: str, handle: str, version: str | None, to: str, target: str) -> Resource:
        found = self._required(calendar, urljoin(calendar, handle))
        if version is not None and found.version != version:
            raise VersionMismatch(handle)
        answer = self._put(target, found.body, {"If-None-Match": "*"})
        if answer.status >= 300 and answer.status != 412:
            raise self._refusal(answer)
        moved = self._required(to, target)
        if moved.events != found.events:
            raise Rejected("duplicate", f"another event stands at {target}")
        gone = self._delete_source(calendar, handle, found.version)
        return moved if gone is None else self._undone(to, moved, gone)

    def _delete_source(self, calendar: str, handle: str, version: str | None) -> ProviderError | None:
        outcome = self.write(calendar, Write("", handle=handle, version=version, is_delete=True))
        return outcome if isinstance(outcome, ProviderError) else None

    def _undone(self, to: str, moved: Resource, error: ProviderError) -> Resource:
        """Take the copy back when the original cannot be removed, rather than leave two."""
        self.write(to, Write("", handle=moved.handle, version=moved.version, is_delete=True))
        raise error

    def _required(self, calendar: str, url: str) -> Resource:
        found = self.bodies.get(calendar, dav.handle(calendar, url))
        if found is None:
            raise Rejected("not_found", f"{url} is gone")
        return found


def name_of(key: str) -> str:
    """Return the file name of a new resource: the key itself where it is safe in an address, else its hash."""
    is_safe = _SAFE.fullmatch(key) and not key.startswith(".")
    return f"{key if is_safe else hashlib.sha256(key.encode()).hexdigest()[:40]}.ics"
