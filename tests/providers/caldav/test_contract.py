"""The CalDAV client keeps the contract of calendar clients on two real servers."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urljoin

import pytest

from calsync.engine.event import Event
from calsync.providers.base import Capabilities, Edit, Grant
from calsync.providers.caldav import ics
from calsync.providers.caldav.client import CalDavClient
from calsync.providers.caldav.patch import patch
from calsync.providers.registry import all_providers
from tests.parts.caldav import CalDavServer
from tests.parts.radicale import Radicale
from tests.parts.xandikos import Xandikos
from tests.providers.contract import CalendarContract

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)


class CalDavPeople:
    """Persons with a calendar program of their own: plain requests to the server."""

    def __init__(self, server: CalDavServer, calendar: str) -> None:
        self.server, self.calendar = server, calendar

    def put(self, event: Event) -> str:
        url = urljoin(self.calendar, f"{uuid.uuid4()}.ics")
        self._put(url, patch(None, [Edit(event)], now=NOW), If_None_Match="*")
        return "/" + url.split("/", 3)[3]

    def edit(self, handle: str, **changes: object) -> None:
        url = urljoin(self.calendar, handle)
        text = self.server.request("GET", url).body.decode()
        (master, *_) = ics.parse(text)
        self._put(url, patch(text, [Edit(replace(master, **changes))], now=NOW))

    def delete(self, handle: str) -> None:
        assert self.server.request("DELETE", urljoin(self.calendar, handle)).status in (200, 204)

    def settle(self) -> None:
        """Both servers answer with what is."""

    def _put(self, url: str, text: str, **headers: str) -> None:
        answer = self.server.request("PUT", url, body=text.encode(), Content_Type="text/calendar", **headers)
        assert answer.status in (201, 204), answer


class CalDavContract(CalendarContract):
    """The fixtures; `server` comes from a subclass."""

    @pytest.fixture
    def server(self) -> CalDavServer:
        raise NotImplementedError

    @pytest.fixture
    def calendar(self, server: CalDavServer) -> str:
        return server.make_calendar(f"work-{uuid.uuid4().hex[:8]}")

    @pytest.fixture
    def client(self, server: CalDavServer) -> Iterator[CalDavClient]:
        grant = Grant(server.url, server.username, server.password, allow_private_network=True)
        client = all_providers()["caldav"].open(grant, {})
        yield client
        client.close()

    @pytest.fixture
    def capabilities(self) -> Capabilities:
        return all_providers()["caldav"].info.capabilities

    @pytest.fixture
    def people(self, server: CalDavServer, calendar: str) -> CalDavPeople:
        return CalDavPeople(server, calendar)


class TestRadicale(CalDavContract):
    @pytest.fixture
    def server(self, radicale: Radicale) -> CalDavServer:
        return radicale


class TestXandikos(CalDavContract):
    @pytest.fixture
    def server(self, xandikos: Xandikos) -> CalDavServer:
        return xandikos
