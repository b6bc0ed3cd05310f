"""World: what the other end holds, how it changes, and whom a change mails. Nobody's requests or edits are here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from calsync.engine import event as events
from calsync.engine.vocabulary import MailRule
from calsync.errors import Rejected, VersionMismatch
from calsync.providers.base import RemoteCalendar
from calsync.providers.memory import body as bodies
from calsync.providers.memory.faults import Faults
from calsync.providers.memory.quirks import LONGEST_LAG, Quirks
from calsync.providers.memory.shelves import Change, Name, Shelf, Stored


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that the server sent to a guest because of a write. `why` is new, changed or cancelled."""

    to: str
    why: str
    uid: str
    start: str
    at: datetime


class World:
    """Calendars, their resources, versions and change log, on the clock given as `now`.

    `password` None accepts any. Mail to addresses in `domain` counts as internal. Where a method takes `mail`, that is
    whom a client asks to be told; None is a person at work, whose mail we do not answer for.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        quirks: Quirks | None = None,
        *,
        password: str | None = None,
        domain: str = "example.com",
    ) -> None:
        self.now, self.quirks, self.password, self.domain = now, quirks or Quirks(), password, domain
        self.shelves: dict[str, Shelf] = {}
        self.faults = Faults()
        self.mails: list[Mail] = []
        self.skew = timedelta()
        self.refused: str | None = None  # why every sign-in fails, or None
        self.lock = threading.RLock()
        self.requests = 0
        self.writes = 0  # writes that took effect
        self._numbers = 0

    # --- the account -----------------------------------------------------------------------------------------

    def clock(self) -> datetime:
        """Return the server's own time."""
        return self.now() + self.skew

    def revoke(self, why: str = "invalid_grant") -> None:
        """Refuse every request from now on, with this SignInNeeded.why."""
        self.refused = why

    def allow(self) -> None:
        """Accept requests again."""
        self.refused = None

    def calendars_of(self, owner: str) -> list[RemoteCalendar]:
        """Return the calendars that this login sees. Calendars without an owner are everybody's."""
        return [shelf.facts for shelf in self.shelves.values() if shelf.owner in ("", owner)]

    def shelf(self, calendar: str) -> Shelf:
        """Return a calendar. Raises Rejected."""
        found = self.shelves.get(calendar)
        if found is None:
            raise Rejected("not_found", f"no calendar {calendar}")
        return found

    def tick(self) -> None:
        """Count a request and bring late tombstones into the log when their time has come."""
        self.requests += 1
        for shelf in self.shelves.values() if self.quirks.tombstone_lag else ():
            due = [change for change in shelf.waiting if change.request <= self.requests]
            for change in due:
                shelf.waiting.remove(change)
                shelf.log.append(self.change(change.handle))

    def number(self) -> int:
        """Return the next number of the change log, which also makes versions."""
        self._numbers += 1
        return self._numbers

    def change(self, handle: str) -> Change:
        """Return the next line of a change log."""
        return Change(self.number(), self.requests, self.now(), handle)

    def visible(self, shelf: Shelf) -> int:
        """Return the number of the last change in a calendar that reads show by now."""
        return shelf.visible(self.requests - self.quirks.lag, self.now() - LONGEST_LAG)

    def remove(self, calendar: str, handle: str) -> None:
        """Take a resource away; its tombstone may come late."""
        self.shelf(calendar).record(self.change(handle), None, late=self.quirks.tombstone_lag)

    @property
    def latest(self) -> int:
        """The number of the last change anywhere."""
        return self._numbers

    # --- changes ---------------------------------------------------------------------------------------------

    def create(
        self, calendar: str, body: bodies.Body, *, key: str = "", handle: str = "", mail: MailRule | None = None
    ) -> Stored:
        """Add a resource and return it; `key` is remembered with its handle. Raises Rejected."""
        shelf = self.shelf(calendar)
        self._demand_free_uid(calendar, body)
        name = shelf.keys.get(key) or handle or f"{self.latest + 1}.json"
        stored = self.save(calendar, name, bodies.settled(body, self.quirks, None, self.clock()))
        if key:
            shelf.keys[key] = name
        self._mail(bodies.load(stored.body)["events"], "new", mail)
        return stored

    def replace(
        self,
        calendar: str,
        handle: str,
        version: str | None,
        change: Callable[[bodies.Body], bodies.Body],
        *,
        mail: MailRule | None = None,
    ) -> Stored | None:
        """Change a resource if it is still at `version` (None: whatever it is at) and return it.

        None when the change took it away. Raises VersionMismatch, Rejected.
        """
        stored = self.demand(calendar, handle, version)
        before = bodies.load(stored.body)
        after = bodies.settled(change(before), self.quirks, before, self.clock())
        changed = [values for values in after["events"] if values not in before["events"]]
        gone = [values for values in before["events"] if values not in after["events"]]
        if self._leaves_nothing(after):
            self.erase(calendar, handle, mail=mail)
            return None
        saved = self.save(calendar, handle, after)
        cancelled = [values for values in changed if values["status"] == "cancelled"]
        self._mail([v for v in changed if v not in cancelled], "changed", mail)
        self._mail(cancelled or (gone if not changed else []), "cancelled", mail)
        return saved

    def erase(self, calendar: str, handle: str, version: str | None = None, *, mail: MailRule | None = None) -> None:
        """Remove a resource if it is still at `version`, a master with its overrides. Raises as replace does."""
        stored = self.demand(calendar, handle, version)
        if self._stands_alone(calendar, handle):
            self.replace(calendar, handle, version, _cancelled, mail=mail)
            return
        for name in self.family(calendar, handle):
            self.remove(calendar, name)
        held = bodies.load(stored.body)["events"] if stored.names else []
        self._mail([v for v in held if v["status"] != "cancelled"], "cancelled", mail)

    def family(self, calendar: str, handle: str) -> dict[str, Stored]:
        """Return a resource and, where overrides are resources of their own, those of its series."""
        present = self.shelf(calendar).present()
        return {name: s for name, s in present.items() if name == handle or name.startswith(f"{handle}_")}

    def save(self, calendar: str, handle: str, body: bodies.Body | str) -> Stored:
        """Store a body under a new version, as it is."""
        shelf, change = self.shelf(calendar), self.change(handle)
        text = body if isinstance(body, str) else bodies.dump(body)
        stored = Stored(handle, f"v{change.number}", text, _names(text))
        shelf.record(change, stored)
        return stored

    def demand(self, calendar: str, handle: str, version: str | None) -> Stored:
        """Return a resource that is at `version`. Raises Rejected when it is gone, else VersionMismatch."""
        stored = self.shelf(calendar).now(handle)
        if stored is None:
            raise Rejected("not_found", f"no {handle}")
        if version is not None and stored.version != version:
            raise VersionMismatch(handle)
        return stored

    def touch(self, calendar: str, handle: str) -> None:
        """Raise a resource's version without an edit, as servers do."""
        self.save(calendar, handle, self.demand(calendar, handle, None).body)

    def touch_another(self, calendar: str, handle: str) -> None:
        """Touch the resource whose last change is the oldest, but not this one."""
        shelf = self.shelf(calendar)
        others = [name for name in shelf.present() if name != handle]
        if others:
            self.touch(calendar, min(others, key=lambda name: shelf.states[name][-1][0]))

    def _stands_alone(self, calendar: str, handle: str) -> bool:
        """Return whether this is an override that is a resource of its own: removing it leaves a cancelled one."""
        if self.quirks.series_is_one_resource:
            return False
        master, _, recurrence = handle.rpartition("_")
        return bool(recurrence) and self.shelf(calendar).now(master) is not None

    def _leaves_nothing(self, body: bodies.Body) -> bool:
        masters = [values for values in body["events"] if not bodies.key_of(values)]
        if self.quirks.cancel_is_visible or not masters:
            return not body["events"]
        return all(values["status"] == "cancelled" for values in masters)

    def _demand_free_uid(self, calendar: str, body: bodies.Body) -> None:
        shelves = self.shelves.values() if self.quirks.account_wide_uids else [self.shelf(calendar)]
        wanted = [(values["uid"], bodies.key_of(values)) for values in body["events"]]
        if any(name in shelf.names for shelf in shelves for name in wanted):
            raise Rejected("duplicate", "this uid is taken")

    # --- mail ------------------------------------------------------------------------------------------------

    def _mail(self, items: Iterable[bodies.Body], why: str, rule: MailRule | None) -> None:
        if rule is None or not (self.quirks.mails_on_write or self.quirks.mails_by_choice):
            return
        for values in items:
            start = values["time"]["start"]
            told = [address for address in values["attendees"] if self._is_mailed(address, rule)]
            self.mails += [Mail(address, why, values["uid"], start, self.now()) for address in told]

    def _is_mailed(self, address: str, rule: MailRule) -> bool:
        if self.quirks.mails_on_write or rule is MailRule.ALL:
            return True
        return rule is MailRule.EXTERNAL and not address.endswith(f"@{self.domain}")


def _names(text: str) -> tuple[Name, ...]:
    found = bodies.resource("", None, text).events
    return tuple((item.uid, events.recurrence_key(item)) for item in found)


def _cancelled(body: bodies.Body) -> bodies.Body:
    return body | {"events": [values | {"status": "cancelled"} for values in body["events"]]}
