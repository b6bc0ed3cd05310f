"""The Zoom client: the meetings of one host behind ConferenceClient, and the calendars that there are: none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from calsync.errors import Rejected, Unavailable
from calsync.providers import json_answers
from calsync.providers.auth import BearerAuth
from calsync.providers.base import Known, Page, RemoteCalendar, Resource, Write, Written
from calsync.providers.conference import Meeting, MeetingDraft
from calsync.providers.http import Answer, Http
from calsync.providers.over_http import OverHttp
from calsync.providers.zoom import errors, wire
from calsync.providers.zoom.endpoints import ZOOM, Endpoints

Json = dict[str, Any]

PAGE = 300
MOST_PAGES = 100
_HEADERS = {"Accept": "application/json"}


class ZoomClient(OverHttp):
    """The meetings that one host has at Zoom.

    `host` is `me` for a person's own token, and a user's id where the token is the whole account's (contract section
    18.5). `take` is told before each request and waits for its turn.
    """

    def __init__(
        self,
        bearer: Callable[[bool], str],
        endpoints: Endpoints = ZOOM,
        *,
        host: str = "me",
        take: Callable[[int], None] = lambda count: None,
        allow_private_network: bool = False,
    ) -> None:
        self.http = Http(
            auth=BearerAuth(bearer), allow_private_network=allow_private_network, trusted_domains=endpoints.domains
        )
        self.http.read_error = partial(errors.read, self.http)
        self._endpoints, self._take = endpoints, take
        self._host = quote(host, safe="")

    @property
    def api(self) -> str:
        """Where calls go."""
        return self._endpoints.api

    # --- meetings

    def create(self, draft: MeetingDraft) -> Meeting:
        """Make a meeting. A 5xx leaves it in doubt, too: Zoom has no way to ask twice for the same one."""
        body = wire.body_of(draft)
        try:
            item = self._send("POST", f"/users/{self._host}/meetings", body)
            return wire.meeting_of(item)
        except Unavailable as error:
            raise Unavailable(error.detail, error.after_s, is_in_doubt=True, is_timeout=error.is_timeout) from error
        except (KeyError, ValueError, TypeError) as error:
            raise Unavailable("the answer holds no meeting", is_in_doubt=True) from error

    def update(self, remote_id: str, draft: MeetingDraft) -> Meeting:
        """Change a meeting in place and read what became of it: a start in the past is ignored without a word."""
        self._send("PATCH", _path(remote_id), wire.changes_of(draft))
        return _read(self._send("GET", _path(remote_id)))

    def get(self, remote_id: str) -> Meeting | None:
        """Return a meeting; None where Zoom knows none by that id (404 with 3001)."""
        try:
            return _read(self._send("GET", _path(remote_id)))
        except Rejected as error:
            if error.code == "not_found":
                return None
            raise

    def delete(self, remote_id: str) -> None:
        """Delete a meeting; nobody is mailed. One that is gone is fine."""
        try:
            self._send("DELETE", _path(remote_id) + "?schedule_for_reminder=false&cancel_meeting_reminder=false")
        except Rejected as error:
            if error.code != "not_found":
                raise

    def find(self, mark: str) -> Sequence[Meeting]:
        """Return the meetings that carry a mark."""
        return [meeting for meeting in self.meetings() if meeting.mark == mark]

    def meetings(self) -> Iterator[Meeting]:
        """Yield every scheduled meeting of the host that has not expired."""
        token = ""
        for _ in range(MOST_PAGES):
            query = urlencode({"type": "scheduled", "page_size": PAGE, **({"next_page_token": token} if token else {})})
            page = self._send("GET", f"/users/{self._host}/meetings?{query}")
            yield from map(_read, page.get("meetings", []))
            token = page.get("next_page_token", "")
            if not token:
                return
        raise Unavailable(f"the list of meetings does not end after {MOST_PAGES} pages")

    # --- calendars: Zoom has none

    def calendars(self) -> list[RemoteCalendar]:
        """Return no calendar, after proving that the grant works."""
        self._send("GET", f"/users/{self._host}")
        return []

    def read(self, calendar: str, cursor: str | None, known: Known) -> Iterator[Page]:
        """There is nothing to read."""
        raise Rejected("unsupported", "there are no calendars here")

    def get_many(self, calendar: str, handles: Sequence[str]) -> dict[str, Resource | None]:
        """There is nothing to read."""
        raise Rejected("unsupported", "there are no calendars here")

    def write(self, calendar: str, writes: Sequence[Write]) -> list[Written]:
        """There is nothing to write to."""
        return [Rejected("unsupported", "there are no calendars here") for _ in writes]

    def move(self, calendar: str, handle: str, version: str | None, to: str) -> Resource:
        """There is nothing to move."""
        raise Rejected("unsupported", "there are no calendars here")

    # --- calls

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        self._take(1)
        headers = _HEADERS | ({} if body is None else {"Content-Type": "application/json"})
        content = b"" if body is None else json.dumps(body).encode()
        url = self._endpoints.api + path
        answer = self.http.request(method, url, headers=headers, body=content, is_write=method != "GET")
        return self._item(answer, is_write=method != "GET")

    def _item(self, answer: Answer, *, is_write: bool) -> Json:
        """Return an answer's body. A 200 may hold an error, and one that is cut off says nothing (section 20)."""
        item = json_answers.item_of(answer, is_write=is_write, empty_at=(204,))
        if not item and answer.status != 204:
            raise Unavailable("the answer is not whole", is_in_doubt=is_write)
        if "code" in item and "message" in item:
            raise errors.read(self.http, _refused(answer, item)) or Rejected("invalid", self.http.describe(answer))
        return item


def _refused(answer: Answer, item: Json) -> Answer:
    """Return an error that came with a 200 as one with the status that its code has otherwise."""
    status = {124: 401, 1001: 404, 3001: 404, 429: 429}.get(item["code"], 400)
    return Answer(status, answer.headers, answer.body, answer.url, answer.method)


def _read(item: Json) -> Meeting:
    try:
        return wire.meeting_of(item)
    except (KeyError, ValueError, TypeError) as error:
        raise Unavailable("the answer holds no meeting") from error


def _path(remote_id: str) -> str:
    return f"/meetings/{quote(remote_id, safe='')}"
