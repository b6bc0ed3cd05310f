"""The CalDAV client keeps the contract of calendar clients on two real servers."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urljoin

import pytest

from calsync.engine.event import Event
from calsync.errors import Rejected, SignInNeeded, VersionMismatch
from calsync.providers.base import Capabilities, Edit, Grant, Write
from calsync.providers.caldav import ics
from calsync.providers.caldav.client import CalDavClient
from calsync.providers.caldav.patch import patch
from calsync.providers.registry import all_providers
from tests.parts.caldav import CalDavServer
from tests.parts.radicale import Radicale
from tests.parts.xandikos import Xandikos
from tests.providers.caldav import samples
from tests.providers.contract import (
    TEA,
    CalendarContract,
    changes,
    contents,
    create,
    current,
    read,
    resources,
    written,
)

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
CHANGED = ("LOCATION", "X-APPLE-STRUCTURED-LOCATION", "DTSTAMP", "LAST-MODIFIED")


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

    # --- what only this provider promises ---------------------------------------------------------------------

    def test_a_poll_without_changes_is_one_request(self, client, calendar, people) -> None:
        people.put(TEA)
        first = read(client, calendar)
        before = client.requests
        again = read(client, calendar, first)
        assert (client.requests - before, changes(first, again)) == (1, (set(), set()))

    def test_our_own_write_is_not_fetched_again(self, client, calendar, people) -> None:
        first = read(client, calendar)
        made = create(client, calendar, TEA)
        before = client.requests
        pages = list(client.read(calendar, first[-1].cursor, lambda *_: {made.handle: made.version}))
        assert client.requests - before == 1
        assert resources(pages) == {}

    def test_unknown_content_survives(self, client, calendar, server) -> None:
        text = samples.corner("x-properties")
        answer = server.request("PUT", urljoin(calendar, "x.ics"), body=text.encode(), Content_Type="text/calendar")
        assert answer.status == 201
        (before,) = resources(read(client, calendar)).values()
        after = written(client, calendar, before, Edit(replace(before.events[0], location="Elsewhere")))
        kept = samples.facts(current(client, calendar, after).body, CHANGED)
        assert kept == samples.facts(before.body, CHANGED)

    def test_a_moved_event_is_in_the_other_calendar_only(self, client, calendar, server) -> None:
        other = server.make_calendar(f"other-{uuid.uuid4().hex[:8]}")
        made = create(client, calendar, TEA)
        moved = client.move(calendar, made.handle, made.version, other)
        assert contents(moved) == contents(made)
        assert resources(read(client, calendar)) == {}
        assert resources(read(client, other)).keys() == {moved.handle}

    def test_a_stale_move_moves_nothing(self, client, calendar, server, people) -> None:
        other = server.make_calendar(f"other-{uuid.uuid4().hex[:8]}")
        made = create(client, calendar, TEA)
        people.edit(made.handle, summary="Theirs")
        with pytest.raises(VersionMismatch):
            client.move(calendar, made.handle, made.version, other)
        assert resources(read(client, other)) == {}

    def test_a_broken_event_does_not_stop_the_others(self, client, calendar, people) -> None:
        good = people.put(TEA)
        zone = "DTSTART;TZID=Mars/Olympus:20300108T090000\r\n"
        text = patch(None, [Edit(replace(TEA, uid="bad@example.com", summary="Odd"))], now=NOW)
        bad = "/" + urljoin(calendar, "bad.ics").split("/", 3)[3]
        people._put(urljoin(calendar, bad), re.sub(r"DTSTART[^\n]*\n", zone, text))
        found = resources(read(client, calendar))
        assert found[good].fault is None
        assert found[bad].fault.startswith("Odd: the time zone 'Mars/Olympus'")

    def test_the_password_changed_in_the_middle(self, client, calendar, server) -> None:
        if not isinstance(server, Radicale):
            return  # Xandikos here takes any login
        server.change_password("another")
        with pytest.raises(SignInNeeded):
            read(client, calendar)

    def test_a_calendar_that_is_gone(self, client, calendar, server) -> None:
        cursor = read(client, calendar)[-1].cursor
        server.drop_calendar(calendar.rstrip("/").rpartition("/")[2])
        for since in (cursor, None):
            with pytest.raises(Rejected) as raised:
                list(client.read(calendar, since, dict))
            assert raised.value.code == "not_found"
        assert client.write(calendar, [Write("k", (Edit(TEA),))])[0].code == "not_found"


class TestRadicale(CalDavContract):
    @pytest.fixture
    def server(self, radicale: Radicale) -> CalDavServer:
        return radicale


class TestXandikos(CalDavContract):
    @pytest.fixture
    def server(self, xandikos: Xandikos) -> CalDavServer:
        return xandikos
