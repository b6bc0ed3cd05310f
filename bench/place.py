"""Where both clients are measured: one Radicale with one calendar, behind a proxy that counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bench import events
from tests.parts.caldav import request
from tests.parts.fault_proxy import FaultProxy
from tests.parts.radicale import Radicale

CALENDAR = "bench"
COLD_TIMEOUT_S = 1800.0

_LISTING = b"""<?xml version="1.0"?><propfind xmlns="DAV:"><prop><getetag/><resourcetype/></prop></propfind>"""
_TOKEN = b"""<?xml version="1.0"?><propfind xmlns="DAV:"><prop><sync-token/></prop></propfind>"""


@dataclass
class Place:
    """A filled calendar. `url` leads to it through the proxy."""

    server: Radicale
    proxy: FaultProxy
    size: int
    day: datetime
    changes: int = 0

    @property
    def home_url(self) -> str:
        return self.proxy.through(self.server.home_url)

    @property
    def url(self) -> str:
        return self.proxy.through(self.server.calendar_url(CALENDAR))

    def warm(self) -> None:
        """Let the server see every event once, so that its cache is full for whoever comes next."""
        self._ask("1", _LISTING)
        self._ask("0", _TOKEN)

    def _ask(self, depth: str, body: bytes) -> None:
        answer = request(
            "PROPFIND",
            self.server.calendar_url(CALENDAR),
            body=body,
            headers={"Depth": depth, "Content-Type": "text/xml"},
            login=(self.server.username, self.server.password),
            timeout_s=COLD_TIMEOUT_S,
        )
        if answer.status != 207:
            raise RuntimeError(f"the server answered {answer.status}")

    def next_change(self) -> str:
        """Return what tells the next round of edits from all before it."""
        self.changes += 1
        return f" (change {self.changes})"

    def edit(self, numbers: Sequence[int], change: str) -> None:
        """Change the titles of events on the server, through its storage."""
        for number in numbers:
            self.server.put(CALENDAR, events.name(number), events.text(number, self.day, change))

    def titles(self) -> list[str]:
        """Return all titles on the server, in order."""
        texts = (re.sub(r"\r?\n ", "", text) for text in self.server.resources(CALENDAR).values())
        return sorted(found for text in texts for found in re.findall(r"^SUMMARY:(.*?)\r?$", text, re.MULTILINE))


@contextmanager
def filled(folder: Path, size: int) -> Iterator[Place]:
    """Give a server with a calendar of so many events, its cache filled."""
    server = Radicale(folder)
    server.make_calendar_folder(CALENDAR)
    day = events.today()
    for number in range(size):
        server.put(CALENDAR, events.name(number), events.text(number, day))
    server.start()
    try:
        with FaultProxy(server.url) as proxy:
            place = Place(server, proxy, size, day)
            place.warm()
            yield place
    finally:
        server.stop()
