"""Getting the texts of resources: many at once, one by one where a server cannot, and by uid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urljoin

from calsync.errors import Rejected
from calsync.providers.base import Resource
from calsync.providers.caldav import collections, dav, ics
from calsync.providers.caldav.dav import C, D
from calsync.providers.http import Answer, Http

BATCH = 100


@dataclass(frozen=True, slots=True)
class Body:
    """One body as it came. A fault stands for one that exists and cannot be had."""

    text: str = ""
    version: str | None = None
    fault: str | None = None
    exists: bool = True


_GONE = Body(exists=False)


@dataclass(frozen=True, slots=True)
class Bodies:
    """The texts of one account's resources. `zones` gives the IANA name of each calendar's own zone."""

    http: Http
    zones: Mapping[str, str]

    def fetched(self, calendar: str, wanted: Mapping[str, str | None]) -> Iterator[list[Resource]]:
        """Yield the wanted resources in batches; one is fetched while the one before it is worked on."""
        handles = list(wanted)
        batches = [handles[start : start + BATCH] for start in range(0, len(handles), BATCH)]
        if len(batches) < 2:
            for batch in batches:
                yield self._resources(calendar, batch, self._batch(calendar, batch), wanted)
            return
        pool = ThreadPoolExecutor(1, thread_name_prefix="multiget")
        try:
            pending: Future[dict[str, Body]] | None = pool.submit(self._batch, calendar, batches[0])
            for batch, following in zip(batches, [*batches[1:], None], strict=True):
                bodies = pending.result() if pending is not None else {}
                pending = pool.submit(self._batch, calendar, following) if following else None
                yield self._resources(calendar, batch, bodies, wanted)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _resources(
        self, calendar: str, batch: Sequence[str], bodies: Mapping[str, Body], listed: Mapping[str, str | None]
    ) -> list[Resource]:
        """Return what came. What went in the meantime is left out: the next read tells of it."""
        found = ((handle, bodies[handle]) for handle in batch)
        return [self._resource(calendar, handle, body, listed.get(handle)) for handle, body in found if body.exists]

    def _resource(self, calendar: str, handle: str, body: Body, listed: str | None = None) -> Resource:
        if body.fault is not None:
            return Resource(handle, None, "", fault=body.fault)
        return ics.resource(handle, body.version or listed, body.text, self.zones.get(calendar))

    def get_many(self, calendar: str, handles: Sequence[str]) -> dict[str, Resource | None]:
        """Return each handle's resource, or None where the server says that it is gone."""
        found: dict[str, Resource | None] = {}
        for start in range(0, len(handles), BATCH):
            batch = handles[start : start + BATCH]
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

    def _batch(self, calendar: str, handles: Sequence[str]) -> dict[str, Body]:
        """Return every handle's body; the ones that a multiget leaves open are asked for one by one."""
        found = self._multiget(calendar, handles) if len(handles) > 1 else {}
        return {handle: found.get(handle) or self._single(calendar, handle) for handle in handles}

    def _multiget(self, calendar: str, handles: Sequence[str]) -> dict[str, Body]:
        try:
            answer = self.http.request("REPORT", calendar, headers=collections.headers("1"), body=dav.multiget(handles))
        except Rejected:
            return {}  # not supported, too large, or one of them poisons it
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
