"""A town whose calendar is Eli's at Microsoft: the emulator in a process of its own, a real database, one account."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2

from calsync.providers import oauth
from calsync.providers.microsoft import endpoints
from calsync.providers.microsoft.oauth import MicrosoftAuthorizer
from calsync.providers.microsoft.provider import MicrosoftProvider
from calsync.providers.oauth import ClientPair, Wish
from calsync.providers.pace import Pace
from calsync.runtime import Runtime
from calsync.services import connect_oauth
from calsync.store import tables as t
from tests import factories
from tests.emulators.microsoft.cast import CALLBACK, ELI
from tests.emulators.microsoft.server import CLIENT_ID, CLIENT_SECRET, MicrosoftServer, Switchboard
from tests.proof.town import Installation

PAIR = ClientPair(CLIENT_ID, CLIENT_SECRET)


@dataclass
class MicrosoftTown(Installation):
    """`switch` tells the truth about Eli's calendar, and makes things go wrong."""

    switch: Switchboard
    provider: MicrosoftProvider
    credential_id: int
    calendar: str
    handles: dict[int, str] = field(default_factory=dict)

    def put(self, number: int, title: str = "", **fields: Any) -> None:
        """Have somebody make or change an event."""
        body = {**event_body(number, title), **fields}
        if number in self.handles:
            self.switch.edit_event(self.calendar, self.handles[number], body)
        else:
            self.handles[number] = self.switch.add_event(self.calendar, body)["id"]

    def remove(self, number: int) -> None:
        self.switch.delete_event(self.calendar, self.handles[number])

    def put_description(self, handle: str, text: str) -> None:
        """Have somebody change what stands before our lines in a description."""
        stored = self.ask("GET", f"/events/{handle}")["body"]["content"]
        begin, _, ours = stored.partition("<div>---")
        content = f"<div>{text}</div><div>---{ours}" if begin else text
        self.switch.edit_event(self.calendar, handle, {"body": {"contentType": "html", "content": content}})

    def events_there(self) -> list[dict[str, Any]]:
        """Return every event, series as masters."""
        stored = self.switch.stored(self.calendar)
        return [item for item in stored if not item["isDeleted"] and not item["seriesMasterId"]]

    def ask(self, verb: str, path: str, **more: Any) -> dict[str, Any]:
        return self.switch.act_as(ELI, verb, f"me/calendars/{self.calendar}{path}", **more)

    def titles_there(self) -> list[str]:
        return sorted(event["subject"] for event in self.events_there())

    def cancel(self, title: str) -> None:
        self.edit(title, status="cancelled")

    def sync(self, **options: Any) -> t.Run:
        self.switch.set_clock(self.clock() + timedelta(minutes=20))
        return super().sync(**options)

    def sign_in(self) -> t.Account:
        """Let Eli go to Microsoft and back, from the first page to the account."""
        self.switch.script_consent("allow", ELI)
        attempt = oauth.begin(CALLBACK)
        page = self.provider.oauth.url(PAIR, attempt, Wish(can_write=True, needs_consent=True))
        back = dict(parse_qsl(urlsplit(httpx2.get(page, verify=False).headers["location"]).query))
        code = oauth.read_callback(attempt, back)
        tokens, who = self.provider.oauth.exchange(PAIR, attempt, code, self.clock())
        return connect_oauth.connect_granted(
            self.rt,
            t.pk(self.cast.eli),
            self.provider.info.name,
            tokens=tokens,
            who=who,
            credential_id=self.credential_id,
            by=factories.acting(self.cast.eli),
        )


def found_microsoft_town(folder: Path, microsoft: MicrosoftServer, events_there: int = 0) -> MicrosoftTown:
    """Return a town whose calendar holds so many events, connected and not yet synced."""
    where = endpoints.at(microsoft.base_url)
    clock = factories.Clock()
    sign_in = MicrosoftAuthorizer(where, allow_private_network=True)
    # Time is moved by hand here, and a pace is kept in real seconds.
    provider = MicrosoftProvider(endpoints=where, oauth=sign_in, pace=Pace(10**6, 10**6), now=clock)

    def sleep(seconds: float) -> None:
        clock.advance(seconds=seconds)
        time.sleep(0)  # lets other threads go on

    rt = factories.make_runtime(
        folder,
        clock,
        providers={provider.info.name: provider},
        sleep=sleep,
        settings=factories.make_settings(folder, "", allow_private_networks=True),
    )
    cast = factories.make_cast(rt)
    calendar = microsoft.switch.default_calendar(ELI)
    town = MicrosoftTown(rt, clock, cast, 0, microsoft.switch, provider, _credential(rt, provider), calendar)
    for number in range(events_there):
        town.put(number)
    town.account_id = t.pk(town.sign_in())
    return town


def event_body(number: int, title: str = "") -> dict[str, Any]:
    """Return an event of an hour, a quarter of an hour after the one before."""
    start = factories.START + timedelta(hours=24, minutes=15 * number)
    return {
        "subject": title or f"There {number}",
        "start": {"dateTime": f"{start:%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"},
        "end": {"dateTime": f"{start + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"},
    }


def _credential(rt: Runtime, provider: MicrosoftProvider) -> int:
    with rt.writing() as session:
        row = t.ProviderCredential(
            provider=provider.info.name, client_id=CLIENT_ID, secret=rt.secrets.seal(CLIENT_SECRET), created_at=rt.now()
        )
        session.add(row)
        session.flush()
        return t.pk(row)
