"""Getting the texts of resources: many at once, one by one where a server cannot, and by uid."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from urllib.parse import urljoin

from calsync.errors import Rejected
from calsync.providers.base import Resource
from calsync.providers.caldav import collections, dav, ics
from calsync.providers.caldav.dav import C, D
from calsync.providers.http import Answer, Http

FEW = 50
"""Bodies that every server gives at once (contract, section B3.3)."""

MANY = 250
"""The most that is asked for at once; a server that is quick saves a third of its time by it."""

QUICK_S = 5.0


@dataclass(frozen=True, slots=True)
class Body:
    """One body as it came. A fault stands for one that exists and cannot be had."""

    text: str = ""
    version: str | None = None
    fault: str | None = None
    exists: bool = True


_GONE = Body(exists=False)


@dataclass(slots=True)
class _Portion:
    """How many bodies to ask for at once: few first, more while the server is quick."""

    size: int = FEW
    most: int = MANY
    given: int = FEW  # as many came quickly in one answer

    def learn(self, count: int, took_s: float) -> None:
        """Note how long the server took for so many; a few bodies that came quickly say nothing of many."""
        if took_s >= QUICK_S:
            self.size = self.given = FEW
            return
        self.given = max(self.given, min(count, self.most))
        if count >= self.size:
            self.size = min(self.size * 2, self.most)

    def refused(self) -> None:
        """Note that the server does not give more than any does."""
        self.size = self.most = self.given = FEW


@dataclass(frozen=True, slots=True)
class Bodies:
    """The texts of one account's resources. `zones` gives the IANA name of each calendar's own zone."""

    http: Http
    zones: Mapping[str, str]
    _portions: dict[str, _Portion] = field(default_factory=dict)

    def recall(self, calendar: str, at_once: int | None) -> None:
        """Begin with what the server was found to give at once; None when nothing is known of it."""
        size = min(max(at_once or FEW, FEW), MANY)
        self._portions[calendar] = _Portion(size, given=size)

    def learned(self, calendar: str) -> int | None:
        """Return how many bodies the server gives at once, None when it was not seen to give more than any does."""
        portion = self._portions.get(calendar)
        return portion.given if portion is not None and portion.given > FEW else None

    def fetched(self, calendar: str, wanted: Mapping[str, str | None]) -> Iterator[list[Resource]]:
        """Yield the wanted resources in batches; the next ones are fetched while one is worked on."""
        rest = iter(wanted)
        portion = self._portions.setdefault(calendar, _Portion())
        if len(wanted) <= portion.size:
            if bodies := self._portion(calendar, rest, portion):
                yield self._resources(calendar, bodies, wanted)
            return
        pool = ThreadPoolExecutor(1, thread_name_prefix="multiget")
        try:
            # Two ahead, one after the other: with one alone whoever is quicker waits in every turn.
            first = pool.submit(self._portion, calendar, rest, portion)
            ahead = deque([first, pool.submit(self._portion_after, first, calendar, rest, portion)])
            while bodies := ahead.popleft().result():
                ahead.append(pool.submit(self._portion_after, ahead[-1], calendar, rest, portion))
                yield self._resources(calendar, bodies, wanted)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _portion(self, calendar: str, rest: Iterator[str], portion: _Portion) -> dict[str, Body]:
        """Return the bodies of the next handles; nothing when there are none."""
        batch = list(islice(rest, portion.size))
        began = time.monotonic()
        found = self._batch(calendar, batch, portion)
        portion.learn(len(batch), time.monotonic() - began)
        return found

    def _portion_after(
        self, before: Future[dict[str, Body]], calendar: str, rest: Iterator[str], portion: _Portion
    ) -> dict[str, Body]:
        """Return the bodies of the next handles; nothing behind an error: who said no is asked for nothing more."""
        is_more = before.exception() is None and bool(before.result())
        return self._portion(calendar, rest, portion) if is_more else {}

    def _resources(self, calendar: str, bodies: Mapping[str, Body], listed: Mapping[str, str | None]) -> list[Resource]:
        """Return what came. What went in the meantime is left out: the next read tells of it."""
        found = bodies.items()
        return [self._resource(calendar, handle, body, listed.get(handle)) for handle, body in found if body.exists]

    def _resource(self, calendar: str, handle: str, body: Body, listed: str | None = None) -> Resource:
        if body.fault is not None:
            return Resource(handle, None, "", fault=body.fault)
        return ics.resource(handle, body.version or listed, body.text, self.zones.get(calendar))

    def get_many(self, calendar: str, handles: Sequence[str]) -> dict[str, Resource | None]:
        """Return each handle's resource, or None where the server says that it is gone."""
        found: dict[str, Resource | None] = {}
        for start in range(0, len(handles), FEW):
            batch = handles[start : start + FEW]
            for handle, body in self._batch(calendar, batch).items():
                found[handle] = self._resource(calendar, handle, body) if body.exists else None
        return found

    def get(self, calendar: str, handle: str) -> Resource | None:
        """Return one resource, or None when it is gone."""
        body = self._single(calendar, handle)
        return self._resource(calendar, handle, body) if body.exists else None

    def find(self, calendar: str, uid: str) -> Resource | None:
        """Return the resource of this calendar whose events have a uid, None when there is none."""
        answer = self.http.request(
            "REPORT", calendar, headers=collections.headers("1"), body=dav.query_uid(uid), expect=range(400, 500)
        )
        for item in dav.Multistatus(answer) if answer.status == 207 else ():
            text = item.text(f"{C}calendar-data")
            if text is None:
                continue
            handle = dav.handle(answer.url, item.href)
            found = self._resource(calendar, handle, Body(text, item.text(f"{D}getetag")))
            if any(event.uid == uid for event in found.events):
                return found
        return None

    def _batch(self, calendar: str, handles: Sequence[str], portion: _Portion | None = None) -> dict[str, Body]:
        """Return every handle's body; the ones that a multiget leaves open are asked for one by one."""
        found: dict[str, Body] = {}
        if len(handles) > 1:
            try:
                found = self._multiget(calendar, handles)
            except Rejected:  # not supported, too large, or one of them poisons it
                if portion is not None and len(handles) > FEW:
                    portion.refused()
                    return self._in_pieces(calendar, handles)
        return {handle: found.get(handle) or self._single(calendar, handle) for handle in handles}

    def _in_pieces(self, calendar: str, handles: Sequence[str]) -> dict[str, Body]:
        found: dict[str, Body] = {}
        for start in range(0, len(handles), FEW):
            found |= self._batch(calendar, handles[start : start + FEW])
        return found

    def _multiget(self, calendar: str, handles: Sequence[str]) -> dict[str, Body]:
        answer = self.http.request("REPORT", calendar, headers=collections.headers("1"), body=dav.multiget(handles))
        wanted = {dav.key(handle): handle for handle in handles}
        found: dict[str, Body] = {}
        for item in dav.Multistatus(answer):
            handle = wanted.get(dav.key(dav.handle(answer.url, item.href)))
            if handle is None:
                continue
            text = item.properties.get(f"{C}calendar-data")
            if text is not None and text.text:
                found[handle] = Body(text.text, item.text(f"{D}getetag"))
            elif item.status in (404, 410):
                found[handle] = _GONE
        return found

    def _single(self, calendar: str, handle: str) -> Body:
        """Return one body; what the server cannot give is a fault of that resource alone."""
        try:
            answer = self.http.request("GET", urljoin(calendar, handle), expect=(404, 410, 500))
        except Rejected as error:
            return Body(fault=str(error))
        if answer.status in (404, 410):
            return _GONE
        if answer.status == 500:
            return Body(fault=self.http.describe(answer))
        return _body_of(answer)


def _body_of(answer: Answer) -> Body:
    try:
        return Body(answer.body.decode("utf-8"), answer.headers.get("etag"))
    except UnicodeDecodeError:
        return Body(fault="the text is not UTF-8")
