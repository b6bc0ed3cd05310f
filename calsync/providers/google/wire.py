"""Calls of the Calendar API: one by one, or up to 50 in a batch in which each answer stands for itself.

(contract sections 2 and 4.5)
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx2

from calsync.errors import ProviderError, Unavailable, VersionMismatch
from calsync.providers import batching, json_answers
from calsync.providers.batching import Outcome, Reply
from calsync.providers.google.endpoints import Endpoints
from calsync.providers.http import USER_AGENT, Answer, Http

Json = dict[str, Any]

BATCH = 50
"""Calls in one batch at most: older texts of Google allow no more (section 4.5)."""

_HEADERS = {"Accept": "application/json", "User-Agent": f"{USER_AGENT} (gzip)"}
_CONTENT_ID = re.compile(rb"Content-ID:\s*<?response-calsync-(\d+)>?", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/[\d.]+ (\d{3})[^\r\n]*\r?\n")
_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^;\s]+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `version` makes it conditional; `handle` is what it is about, for VersionMismatch.

    An answer with a status in `expect` is returned, not raised.
    """

    method: str
    path: str
    query: dict[str, Any] = field(default_factory=dict)
    body: Json | None = None
    version: str | None = None
    handle: str = ""
    expect: tuple[int, ...] = ()

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    @property
    def target(self) -> str:
        kept = {name: value for name, value in self.query.items() if value is not None}
        return self.path + (f"?{urlencode(kept, doseq=True, quote_via=quote)}" if kept else "")

    @property
    def headers(self) -> dict[str, str]:
        found = {} if self.body is None else {"Content-Type": "application/json; charset=UTF-8"}
        return found | ({} if self.version is None else {"If-Match": self.version})

    @property
    def content(self) -> bytes:
        return b"" if self.body is None else json.dumps(self.body, ensure_ascii=False).encode("utf-8", "replace")


def events_path(calendar: str, event: str = "", action: str = "") -> str:
    """Return the path of a calendar's events, of one of them, or of something done to it."""
    parts = (quote(part, safe="") for part in ("calendars", calendar, "events", event, action) if part)
    return "/" + "/".join(parts)


class Wire:
    """Sends calls for one account.

    `renew` replaces a token that was refused. `take` is told how many calls come next, and waits for their turn.
    """

    def __init__(
        self,
        http: Http,
        endpoints: Endpoints,
        renew: Callable[[], object],
        take: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.http, self._endpoints, self._renew, self._wait = http, endpoints, renew, take
        self.calls = 0
        """Calls so far, as Google counts them: each of a batch by itself."""

    def _take(self, count: int) -> None:
        self._wait(count)
        self.calls += count

    def send(self, call: Call, silence_s: float | None = None) -> Reply:
        """Make one call. Raises ProviderError."""
        self._take(1)
        try:
            answer = self.http.request(
                call.method,
                self._endpoints.api + call.target,
                headers=_HEADERS | call.headers,
                body=call.content,
                is_write=call.is_write,
                expect=call.expect,
                silence_s=silence_s,
            )
            return Reply(answer.status, _item(answer, is_write=call.is_write))
        except VersionMismatch as error:
            raise VersionMismatch(call.handle) from error

    def send_all(self, calls: Sequence[Call]) -> list[Outcome]:
        """Make many calls and return the outcome of each, in order."""
        return batching.send_all(calls, BATCH, send=self.send, batch=self._batch, renew=self._renew)

    def _batch(self, calls: Sequence[Call]) -> list[Outcome]:
        self._take(len(calls))
        boundary = f"calsync_{secrets.token_hex(12)}"
        prefix = urlsplit(self._endpoints.api).path
        body = b"".join(_part(boundary, number, prefix, call) for number, call in enumerate(calls))
        answer = self.http.request(
            "POST",
            self._endpoints.batch,
            headers=_HEADERS | {"Content-Type": f"multipart/mixed; boundary={boundary}"},
            body=body + f"--{boundary}--\r\n".encode(),
            is_write=any(call.is_write for call in calls),
        )
        parts = _parts(answer)
        return [self._outcome(call, parts.get(number)) for number, call in enumerate(calls)]

    def _outcome(self, call: Call, answer: Answer | None) -> Outcome:
        if answer is None:
            return Unavailable("an answer is missing in the batch", is_in_doubt=call.is_write)
        answer = Answer(answer.status, answer.headers, answer.body, self._endpoints.api + call.path, call.method)
        if 200 <= answer.status < 300 or answer.status in call.expect:
            try:
                return Reply(answer.status, _item(answer, is_write=call.is_write))
            except ProviderError as error:
                return error
        return batching.of_call(self.http.refusal(answer, is_write=call.is_write), call)


def _item(answer: Answer, *, is_write: bool) -> Json:
    return json_answers.item_of(answer, is_write=is_write, empty_at=(204, 304))


def _part(boundary: str, number: int, prefix: str, call: Call) -> bytes:
    outer = f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: <calsync-{number}>\r\n\r\n"
    lines = [f"{call.method} {prefix}{call.target} HTTP/1.1", *(f"{k}: {v}" for k, v in call.headers.items())]
    if call.content:
        lines.append(f"Content-Length: {len(call.content)}")
    return (outer + "\r\n".join(lines) + "\r\n\r\n").encode() + call.content + b"\r\n"


def _parts(answer: Answer) -> dict[int, Answer]:
    """Return the inner answers by the number of their call. One that is cut off is not among them."""
    found = _BOUNDARY.search(answer.headers.get("content-type", ""))
    if found is None:
        raise Unavailable("the answer to a batch has no parts", is_in_doubt=True)
    mark = b"--" + (found[1] or found[2]).encode()
    pieces = answer.body.split(mark)
    # What stands before the first mark and behind the last is no part; without a mark behind it a part is not whole.
    named = ((_CONTENT_ID.search(piece), _inner(piece)) for piece in pieces[1:-1])
    return {int(number[1]): inner for number, inner in named if number is not None and inner is not None}


def _inner(piece: bytes) -> Answer | None:
    status = _STATUS.search(piece)
    if status is None:
        return None
    head, _, body = piece[status.end() :].replace(b"\r\n", b"\n").partition(b"\n\n")
    pairs = (line.partition(":") for line in head.decode("latin-1").split("\n") if ":" in line)
    headers = httpx2.Headers([(name.strip(), value.strip()) for name, _, value in pairs])
    return Answer(int(status[1]), headers, body.strip(b"\n"), "")
