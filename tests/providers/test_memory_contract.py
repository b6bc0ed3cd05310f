"""The memory provider keeps the contract, whatever its quirks."""

from itertools import combinations
from typing import Any

import pytest

from calsync.engine.event import FIELDS, Event
from calsync.providers.base import CalendarClient, Capabilities, Grant
from calsync.providers.memory import MemoryProvider, MemoryServer, Quirks, capabilities
from tests.factories import Clock
from tests.providers.contract import CalendarContract

SWITCHES: dict[str, dict[str, Any]] = {
    "apart": {"series_is_one_resource": False},
    "no feed": {"has_feed": False},
    "bumps": {"bumps_versions": True},
    "tidies": {"normalises": True},
    "forgets": {"keeps_unknown": False},
    "lags": {"lag": 5},
    "late": {"tombstone_lag": 5},
    "wide": {"account_wide_uids": True, "can_move": True},
    "silent": {"answers_version": False},
    "unseen": {"cancel_is_visible": False},
    "mails": {"mails_on_write": True},
    "asks": {"mails_by_choice": True},
    "pages": {"page_size": 2},
    "narrow": {"expresses": frozenset(FIELDS) - {"location", "reminders", "classification"}},
}


def legal_pairs() -> list[tuple[str, ...]]:
    """Return the plain server, every quirk alone, and every pair of quirks that do not contradict each other."""
    names = [(), *combinations(SWITCHES, 1), *combinations(SWITCHES, 2), tuple(SWITCHES)]
    return [each for each in names if _is_legal(each)]


def _is_legal(names: tuple[str, ...]) -> bool:
    try:
        _quirks(names)
    except ValueError:
        return False
    return True


def _quirks(names: tuple[str, ...]) -> Quirks:
    return Quirks(**{k: v for name in names for k, v in SWITCHES[name].items()})


class MemoryPeople:
    """Persons at a memory server."""

    def __init__(self, server: MemoryServer, calendar: str) -> None:
        self.server, self.calendar = server, calendar

    def put(self, event: Event) -> str:
        return self.server.put(self.calendar, event)

    def edit(self, handle: str, **changes: object) -> None:
        self.server.edit(self.calendar, handle, **changes)

    def delete(self, handle: str) -> None:
        self.server.delete(self.calendar, handle)

    def settle(self) -> None:
        for _ in range(10):
            self.server.tick()


class MemoryContract(CalendarContract):
    """The fixtures; `quirks` comes from a subclass."""

    @pytest.fixture
    def server(self, quirks: Quirks) -> MemoryServer:
        server = MemoryServer(Clock(), quirks)
        server.expire_cursors(server.add_calendar("work"))
        return server

    @pytest.fixture
    def client(self, server: MemoryServer) -> CalendarClient:
        return MemoryProvider(server).open(Grant(), {})

    @pytest.fixture
    def calendar(self) -> str:
        return "work"

    @pytest.fixture
    def capabilities(self, quirks: Quirks) -> Capabilities:
        return capabilities(quirks)

    @pytest.fixture
    def people(self, server: MemoryServer, calendar: str) -> MemoryPeople:
        return MemoryPeople(server, calendar)


class TestEveryQuirkAlone(MemoryContract):
    @pytest.fixture(params=[each for each in legal_pairs() if len(each) < 2], ids="+".join)
    def quirks(self, request: pytest.FixtureRequest) -> Quirks:
        return _quirks(request.param)


@pytest.mark.deep
class TestEveryPairOfQuirks(MemoryContract):
    @pytest.fixture(params=[each for each in legal_pairs() if len(each) > 1], ids="+".join)
    def quirks(self, request: pytest.FixtureRequest) -> Quirks:
        return _quirks(request.param)
