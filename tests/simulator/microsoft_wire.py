"""The wire between our client of Microsoft and the emulator, inside the process: counted, interrupted, and faulty.

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
from tests.emulators.microsoft import batch, gateway
from tests.emulators.microsoft import wire as emulator
from tests.emulators.microsoft.wire import Reply
from tests.emulators.microsoft.world import World

BASE = "https://graph.microsoft.com"
_PATH = re.compile(
    r"/v1\.0/me/calendars/(?P<calendar>[^/]+)/(?P<what>calendarView/delta|events)(?:/(?P<event>[^/]+))?.*"
)
_READS = (faults.LIST, faults.PAGE)
_WITHOUT_EFFECT = {FaultKind.UNAVAILABLE: 503, FaultKind.RATE_LIMITED: 429}


class MicrosoftWire(httpx2.BaseTransport):
    """A transport for `calsync.providers.http.Http`. `writes` counts the requests that changed anything."""

    def __init__(self, microsoft: World, clock: Callable[[], datetime]) -> None:
        self.microsoft, self.faults, self.writes = microsoft, Faults(), 0
        self._clock = clock
        self.skew = timedelta()

    def tell_time(self) -> None:
        """Let the emulator's clock show what time it is there."""
        self.microsoft.clock.fix(self._clock() + self.skew)

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
            for grant in self.microsoft.grants.values():
                grant.ended_by = 50173
        if fault is FaultKind.CURSOR_EXPIRED:
            self.expire(known.calendar)
        if fault is FaultKind.VERSION_MISMATCH:
            asked = _outdated(asked)
        reply = self._effect(asked, known)
        if fault is FaultKind.HOLLOW:
            reply = self._hollow(asked, reply)
        return self._sent(_spoilt(reply, fault), is_cut=fault is FaultKind.TRUNCATED)

    def expire(self, calendar: str) -> None:
        """Forget every delta of a calendar."""
        for mark in self.microsoft.marks.values():
            if mark.calendar_id == calendar:
                mark.gone = "SyncStateNotFound"

    def _effect(self, asked: emulator.Request, known: Request) -> Reply:
        before = self.microsoft.revision
        if asked.path == batch.PATH:
            reply = batch.answer(self.microsoft, asked, BASE, is_crowded=False)
        else:
            reply = gateway.answer(self.microsoft, asked, BASE)
        self.writes += known.kind == faults.WRITE and self.microsoft.revision != before
        return reply

    def _hollow(self, asked: emulator.Request, reply: Reply) -> Reply:
        """Return a list that claims to be complete and names nothing."""
        body: Any = reply.body
        while reply.status == 200 and isinstance(body, dict) and "@odata.nextLink" in body:
            path, _, query = str(body["@odata.nextLink"]).removeprefix(BASE).partition("?")
            following = replace(asked, path=unquote(path), query=parse_qsl(query))
            body = gateway.answer(self.microsoft, following, BASE).body
        kept = {name: value for name, value in body.items() if name == "@odata.deltaLink"}
        return replace(reply, body={"value": [], **kept}) if reply.status == 200 else reply

    def _refused(self, status: int) -> httpx2.Response:
        body = {"error": {"code": "ApplicationThrottled" if status == 429 else "ServiceNotAvailable", "message": "no"}}
        wait = {"retry-after": str(self.faults.retry_after_s)} if status == 429 else {}
        return self._sent(Reply(status, body, wait))

    def _sent(self, reply: Reply, *, is_cut: bool = False) -> httpx2.Response:
        content = reply.text().encode()
        headers = {"content-type": reply.content_type(), "date": format_datetime(self.microsoft.now(), usegmt=True)}
        kept = content[: len(content) // 2] if is_cut else content
        return httpx2.Response(reply.status, headers=reply.headers | headers, content=kept)


def _asked(request: httpx2.Request) -> emulator.Request:
    path, _, query = request.url.raw_path.decode().partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    headers = emulator.lower(request.headers.items())
    return emulator.Request(request.method, unquote(path), pairs, headers, request.read())


def _known(asked: emulator.Request, number: int) -> Request:
    """Return a request as faults see it."""
    if asked.path == batch.PATH:
        parts = [_known(_part(part), number) for part in json.loads(asked.body)["requests"]]
        writes = [part for part in parts if part.kind == faults.WRITE]
        handles = tuple(handle for part in writes for handle in part.handles)
        return Request(number, faults.WRITE if writes else faults.GET, parts[0].calendar, handles=handles)
    found = _PATH.fullmatch(asked.path)
    if found is None:
        return Request(number, faults.CALENDARS if asked.path.endswith("/calendars") else faults.GET)
    handles = (found["event"],) if found["event"] else ()
    return Request(number, _kind(asked, found), found["calendar"], asked.first("$deltatoken"), handles)


def _part(part: dict[str, Any]) -> emulator.Request:
    path, _, query = part["url"].partition("?")
    return emulator.Request(part["method"], f"/v1.0{unquote(path)}", parse_qsl(query), {}, b"")


def _kind(asked: emulator.Request, found: re.Match[str]) -> str:
    if asked.verb != "GET":
        return faults.WRITE
    # A list that only looks for something is a question like any other: nothing is missed by a wrong answer to it.
    if found["event"] or asked.first("$filter"):
        return faults.GET
    return faults.PAGE if asked.first("$skiptoken") else faults.LIST


def _outdated(asked: emulator.Request) -> emulator.Request:
    """Return a request whose conditions hold for no version."""
    headers = {name: 'W/"0"' if name == "if-match" else value for name, value in asked.headers.items()}
    if asked.path != batch.PATH:
        return replace(asked, headers=headers)
    body = json.loads(asked.body)
    for part in body["requests"]:
        part["headers"] = {name: 'W/"0"' if name == "If-Match" else value for name, value in part["headers"].items()}
    return replace(asked, body=json.dumps(body).encode())


def _spoilt(reply: Reply, fault: FaultKind | None) -> Reply:
    if reply.status != 200 or not isinstance(reply.body, dict) or "value" not in reply.body:
        return reply
    entries = reply.body["value"]
    match fault:
        case FaultKind.EMPTY:
            return replace(reply, body={})
        case FaultKind.DUPLICATE:
            return replace(reply, body=reply.body | {"value": [*entries, *json.loads(json.dumps(entries))]})
        case FaultKind.REORDERED:
            return replace(reply, body=reply.body | {"value": entries[::-1]})
    return reply
