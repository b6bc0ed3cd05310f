"""Calls of Graph: one by one, or up to 20 in a batch in which each answer stands for itself.

(contract sections A2, A11 and A12)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx2

from calsync.errors import ProviderError, Unavailable
from calsync.providers import batching, json_answers
from calsync.providers.batching import Outcome, Reply
from calsync.providers.http import Answer, Http
from calsync.providers.microsoft import errors
from calsync.providers.microsoft.endpoints import Endpoints
from calsync.providers.microsoft.seats import Seat

Json = dict[str, Any]

BATCH = 20
"""Calls in one batch at most."""

_PREFER = 'outlook.timezone="UTC", IdType="ImmutableId"'
"""What every call says anew: times in UTC, and ids that stay when an event moves between calendars."""

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `path` begins below the version; a link of Graph's own is a whole address and followed to the letter.

    `version` makes it conditional; `handle` is what it is about, for VersionMismatch. `page` is how many entries a
    list shall have at once. An answer with a status in `expect`, or with an error code in `excused`, is returned, not
    raised.
    """

    method: str
    path: str
    query: dict[str, Any] = field(default_factory=dict)
    body: Json | None = None
    version: str | None = None
    handle: str = ""
    page: int | None = None
    expect: tuple[int, ...] = ()
    excused: tuple[str, ...] = ()

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    def excuses(self, answer: Answer) -> bool:
        """Return whether a refusal is an answer like any other here."""
        return answer.status in self.expect or bool(self.excused and errors.codes_of(answer) & set(self.excused))

    @property
    def target(self) -> str:
        kept = {name: value for name, value in self.query.items() if value is not None}
        return self.path + (f"?{urlencode(kept, quote_via=quote)}" if kept else "")

    @property
    def headers(self) -> dict[str, str]:
        prefer = _PREFER if self.page is None else f"{_PREFER}, odata.maxpagesize={self.page}"
        found = {"Accept": _JSON, "Prefer": prefer}
        if self.body is not None:
            found["Content-Type"] = _JSON
        return found | ({} if self.version is None else {"If-Match": self.version})


def calendar_path(calendar: str, *more: str) -> str:
    """Return the path of a calendar, or of something in it."""
    return "/" + "/".join(quote(part, safe="") for part in ("me", "calendars", calendar, *more))


def event_path(calendar: str, event: str, *more: str) -> str:
    """Return the path of an event, or of something about it. An event that left the calendar is not found there."""
    return calendar_path(calendar, "events", event, *more)


class Wire:
    """Sends calls for one account.

    `renew` replaces a token that was refused. `take` is told how many calls come next, and waits for their turn at
    the mailbox; `seat` holds places there while they last.
    """

    def __init__(
        self,
        http: Http,
        endpoints: Endpoints,
        renew: Callable[[], object],
        take: Callable[[int], None],
        seat: Seat,
    ) -> None:
        self.http, self._endpoints, self._renew, self._wait, self._seat = http, endpoints, renew, take, seat
        self.calls = 0
        """Calls so far, as Graph counts them: each of a batch by itself."""

    def _take(self, count: int) -> None:
        self._wait(count)
        self.calls += count

    def send(self, call: Call, silence_s: float | None = None) -> Reply:
        """Make one call. Raises ProviderError."""
        self._take(1)
        content = b"" if call.body is None else json.dumps(call.body, ensure_ascii=False).encode("utf-8", "replace")
        with self._seat(1):
            answer = self.http.request(
                call.method,
                self._address(call),
                headers=call.headers,
                body=content,
                is_write=call.is_write,
                expect=range(400, 600),
                silence_s=silence_s,
            )
        return batching.demand(self._outcome(call, answer))

    def send_all(self, calls: Sequence[Call]) -> list[Outcome]:
        """Make many calls and return the outcome of each, in order."""
        return batching.send_all(calls, BATCH, send=self.send, batch=self._batch, renew=self._renew)

    def _address(self, call: Call) -> str:
        """Return where a call goes. A link leads to Graph or nowhere: it carries the token."""
        if call.path.startswith("/"):
            return self._endpoints.api + call.target
        if urlsplit(call.path)[:2] != urlsplit(self._endpoints.api)[:2]:
            raise Unavailable("the answer leads to somewhere else")
        return call.path

    def _batch(self, calls: Sequence[Call]) -> list[Outcome]:
        self._take(len(calls))
        requests = [self._part(number, call) for number, call in enumerate(calls)]
        with self._seat(len(calls)):
            answer = self.http.request(
                "POST",
                f"{self._endpoints.api}/$batch",
                headers={"Accept": _JSON, "Content-Type": _JSON},
                body=json.dumps({"requests": requests}, ensure_ascii=False).encode("utf-8", "replace"),
                is_write=any(call.is_write for call in calls),
            )
        parts = _parts(answer)
        return [self._named(call, parts.get(str(number))) for number, call in enumerate(calls)]

    def _part(self, number: int, call: Call) -> Json:
        """Return a call as a part of a batch, in which addresses begin below the version."""
        url = self._address(call).removeprefix(self._endpoints.api)
        part: Json = {"id": str(number), "method": call.method, "url": url, "headers": call.headers}
        return part if call.body is None else part | {"body": call.body}

    def _named(self, call: Call, answer: Answer | None) -> Outcome:
        if answer is None:
            return Unavailable("an answer is missing in the batch", is_in_doubt=call.is_write)
        url = self._endpoints.api + call.path
        return self._outcome(call, Answer(answer.status, answer.headers, answer.body, url, call.method))

    def _outcome(self, call: Call, answer: Answer) -> Outcome:
        if answer.status >= 400 and not call.excuses(answer):
            return batching.of_call(self.http.refusal(answer, is_write=call.is_write), call)
        try:
            return Reply(answer.status, _item(answer, is_write=call.is_write))
        except ProviderError as error:
            return error


def _item(answer: Answer, *, is_write: bool) -> Json:
    return json_answers.item_of(answer, is_write=is_write, empty_at=(202, 204))


def _parts(answer: Answer) -> dict[str, Answer]:
    """Return the inner answers by the number of their call."""
    found = _item(answer, is_write=True).get("responses")
    if not isinstance(found, list):
        raise Unavailable("the answer to a batch has no parts", is_in_doubt=True)
    return {str(part["id"]): _inner(part) for part in found if isinstance(part, dict) and "id" in part}


def _inner(part: Json) -> Answer:
    body = part.get("body")
    content = b"" if body is None else json.dumps(body).encode()
    headers = {str(name): str(value) for name, value in (part.get("headers") or {}).items()}
    return Answer(int(part.get("status", 0)), httpx2.Headers(headers), content, "")
