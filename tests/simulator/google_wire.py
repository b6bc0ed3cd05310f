"""The wire between our client of Google and the emulator, inside the process: counted, interrupted, and faulty.

Every request passes a boundary before and one after it took effect, as at the memory server, and the same faults
happen to it. What an answer says is the emulator's; a fault changes the request, the answer, or whether it arrives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx2

from calsync.providers.memory import FaultKind, faults
from calsync.providers.memory.faults import Faults, Request
from tests.emulators.google import batch, gateway, grants, people
from tests.emulators.google import wire as emulator
from tests.emulators.google.wire import Reply
from tests.emulators.google.world import World, events_of

BASE = "https://www.googleapis.com"
_EVENT = re.compile(r"/calendar/v3/calendars/(?P<calendar>[^/]+)/events(?:/(?P<event>[^/]+))?(?:/(?P<action>\w+))?")
_READS = (faults.LIST, faults.PAGE)
_WITHOUT_EFFECT = {FaultKind.UNAVAILABLE: 503, FaultKind.RATE_LIMITED: 429}


class GoogleWire(httpx2.BaseTransport):
    """A transport for `calsync.providers.http.Http`. `writes` counts the requests that changed anything."""

    def __init__(self, google: World, clock: Callable[[], datetime]) -> None:
        self.google, self.faults, self.writes = google, Faults(), 0
        self._clock = clock
        self.skew = timedelta()

    def tell_time(self) -> None:
        """Let the emulator's clock show what time it is there."""
        self.google.clock.fix(self._clock() + self.skew)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = _asked(request)
        known = _known(asked, len(self.faults.requests) + 1)
        self.faults.boundary(f"before {known.kind}")
        fault = self.faults.take(known)
        response = self._answer(asked, known, fault)
        self.faults.boundary(f"after {known.kind}")
        if fault is FaultKind.LOST_AFTER:
            raise httpx2.ReadError("the connection is gone")
        return response

    def _answer(self, asked: emulator.Request, known: Request, fault: FaultKind | None) -> httpx2.Response:
        if fault is FaultKind.LOST_BEFORE:
            raise httpx2.ReadError("the connection is gone")
        if fault is FaultKind.CLOCK_SKEW:
            self.skew = self.faults.skew
        self.tell_time()
        if fault in _WITHOUT_EFFECT:
            return self._refused(_WITHOUT_EFFECT[fault])
        if fault is FaultKind.REVOKED:
            for grant in self.google.grants.values():
                grants.revoke(grant)
        if fault is FaultKind.CURSOR_EXPIRED:
            people.expire_marks(self.google, events_of(known.calendar), "fullSyncRequired")
        if fault is FaultKind.VERSION_MISMATCH:
            asked = _outdated(asked)
        if fault is FaultKind.HOLLOW:
            return self._sent(Reply(200, {"items": [], "nextSyncToken": self._last_token(asked)}))
        reply = self._effect(asked, known)
        return self._sent(_spoilt(reply, fault), is_cut=fault is FaultKind.TRUNCATED)

    def _effect(self, asked: emulator.Request, known: Request) -> Reply:
        before = self.google.revision
        serve = batch.answer if asked.path.startswith("/batch/") else gateway.answer
        reply = serve(self.google, asked, BASE)
        self.writes += known.kind in (faults.WRITE, faults.MOVE) and self.google.revision != before
        return reply

    def _last_token(self, asked: emulator.Request) -> str:
        """Return the sync token that stands at the end of a list."""
        query = [pair for pair in asked.query if pair[0] != "pageToken"]
        while True:
            body: Any = gateway.answer(self.google, replace(asked, query=query), BASE).body
            if "nextPageToken" not in body:
                return str(body.get("nextSyncToken", ""))
            query = [*(pair for pair in query if pair[0] != "pageToken"), ("pageToken", body["nextPageToken"])]

    def _refused(self, status: int) -> httpx2.Response:
        reason = "rateLimitExceeded" if status == 429 else "backendError"
        body = {"error": {"code": status, "errors": [{"reason": reason}], "message": reason}}
        wait = {"retry-after": str(int(self.faults.retry_after_s))} if status == 429 else {}
        return self._sent(Reply(status, body, wait))

    def _sent(self, reply: Reply, *, is_cut: bool = False) -> httpx2.Response:
        content = reply.text().encode()
        headers = {"content-type": reply.content_type(), "date": format_datetime(self.google.now(), usegmt=True)}
        kept = content[: len(content) // 2] if is_cut else content
        return httpx2.Response(reply.status, headers=reply.headers | headers, content=kept)


def _asked(request: httpx2.Request) -> emulator.Request:
    path, _, query = request.url.raw_path.decode().partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    return emulator.Request(request.method, path, pairs, emulator.lower(request.headers.items()), request.read())


def _known(asked: emulator.Request, number: int) -> Request:
    """Return a request as faults see it."""
    if asked.path.startswith("/batch/"):
        parts = [_known(part.request, number) for part in batch.read(asked, 50)]
        writes = [part for part in parts if part.kind == faults.WRITE]
        handles = tuple(handle for part in writes for handle in part.handles)
        return Request(number, faults.WRITE if writes else faults.GET, parts[0].calendar, handles=handles)
    found = _EVENT.fullmatch(asked.path)
    if found is None:
        return Request(number, faults.CALENDARS)
    calendar = unquote(found["calendar"])
    handles = (unquote(found["event"]),) if found["event"] else ()
    kind = _kind(asked, found)
    return Request(number, kind, calendar, asked.first("syncToken"), handles)


def _kind(asked: emulator.Request, found: re.Match[str]) -> str:
    if asked.verb != "GET":
        return faults.MOVE if found["action"] == "move" else faults.WRITE
    # A list that only looks for something is a question like any other: nothing is missed by a wrong answer to it.
    if found["event"] or asked.first("iCalUID") or asked.first("maxResults") == "1":
        return faults.GET
    return faults.PAGE if asked.first("pageToken") else faults.LIST


def _outdated(asked: emulator.Request) -> emulator.Request:
    """Return a request whose conditions hold for no version."""
    headers = {name: '"0"' if name == "if-match" else value for name, value in asked.headers.items()}
    return replace(asked, headers=headers, body=re.sub(rb"If-Match: [^\r\n]+", b'If-Match: "0"', asked.body))


def _spoilt(reply: Reply, fault: FaultKind | None) -> Reply:
    if reply.status != 200 or not isinstance(reply.body, dict) or "items" not in reply.body:
        return reply
    items = reply.body["items"]
    match fault:
        case FaultKind.EMPTY:
            return replace(reply, body={"items": []})
        case FaultKind.DUPLICATE:
            return replace(reply, body=reply.body | {"items": [*items, *json.loads(json.dumps(items))]})
        case FaultKind.REORDERED:
            return replace(reply, body=reply.body | {"items": items[::-1]})
    return reply
