"""A town for the fault table on Google: an installation connected by the whole sign-in, a calendar at the emulator."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2

from calsync.providers import oauth
from calsync.providers.google import endpoints
from calsync.providers.google.oauth import GoogleAuthorizer
from calsync.providers.google.provider import GoogleProvider
from calsync.providers.oauth import ClientPair, Wish
from calsync.providers.pace import Pace
from calsync.runtime import Runtime
from calsync.services import connect_oauth
from calsync.store import tables as t
from tests import factories
from tests.emulators.google.cast import CALLBACK, ELI
from tests.emulators.google.server import CLIENT_ID, CLIENT_SECRET, GoogleServer, Switchboard
from tests.proof.town import Installation

PAIR = ClientPair(CLIENT_ID, CLIENT_SECRET)


@dataclass
class GoogleTown(Installation):
    """`switch` tells the truth about Eli's calendar, and makes things go wrong."""

    switch: Switchboard
    provider: GoogleProvider
    credential_id: int

    def put(self, number: int, title: str = "", **fields: Any) -> None:
        """Have somebody make or change an event."""
        body = {**event_body(number, title), **fields}
        if any(event["id"] == f"there{number}" for event in self.switch.stored(ELI)):
            self.switch.edit_event(ELI, f"there{number}", body)
        else:
            self.switch.add_event(ELI, {**body, "id": f"there{number}"})

    def remove(self, number: int) -> None:
        self.switch.delete_event(ELI, f"there{number}")

    def events_there(self) -> list[dict[str, Any]]:
        """Return every event that is not cancelled."""
        page = self.switch.act_as(ELI, "GET", "calendars/primary/events", query={"maxResults": 2500})
        return [item for item in page["items"] if item["status"] != "cancelled"]

    def titles_there(self) -> list[str]:
        return sorted(event["summary"] for event in self.events_there())

    def cancel(self, title: str) -> None:
        self.edit(title, status="cancelled")

    def sync(self, **options: Any) -> t.Run:
        self.switch.set_clock(self.clock() + timedelta(minutes=20))
        return super().sync(**options)

    def sign_in(self) -> t.Account:
        """Let Eli go to Google and back, from the first page to the account."""
        self.switch.script_consent("allow", ELI)
        attempt = oauth.begin(CALLBACK)
        page = self.provider.oauth.url(PAIR, attempt, Wish(can_write=True, needs_consent=True))
        back = dict(parse_qsl(urlsplit(httpx2.get(page, verify=False).headers["location"]).query))
        code = oauth.read_callback(attempt, back, endpoints.GOOGLE.issuers)
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


def found_google_town(
    folder: Path, google: GoogleServer, events_there: int = 0, *, database_url: str = ""
) -> GoogleTown:
    """Return a town whose calendar holds so many events, connected and not yet synced.

    `database_url` names a prepared database, "" makes one in the folder.
    """
    where = endpoints.at(google.base_url)
    sign_in = GoogleAuthorizer(where, allow_private_network=True)
    # Time is moved by hand here, and a pace is kept in real seconds.
    provider = GoogleProvider(endpoints=where, oauth=sign_in, pace=Pace(10**6, 10**6))
    clock = factories.Clock()

    def sleep(seconds: float) -> None:
        clock.advance(seconds=seconds)
        time.sleep(0)  # lets other threads go on

    rt = factories.make_runtime(
        database_url or folder,
        clock,
        providers={provider.info.name: provider},
        sleep=sleep,
        settings=factories.make_settings(folder, database_url, allow_private_networks=True),
    )
    cast = factories.make_cast(rt)
    town = GoogleTown(rt, clock, cast, 0, google.switch, provider, _credential(rt, provider))
    for number in range(events_there):
        town.switch.add_event(ELI, {**event_body(number), "id": f"there{number}"})
    town.account_id = t.pk(town.sign_in())
    return town


def event_body(number: int, title: str = "") -> dict[str, Any]:
    """Return an event of an hour, a quarter of an hour after the one before."""
    start = factories.START + timedelta(hours=24, minutes=15 * number)
    return {
        "summary": title or f"There {number}",
        "start": {"dateTime": start.isoformat()},
        "end": {"dateTime": (start + timedelta(hours=1)).isoformat()},
    }


def _credential(rt: Runtime, provider: GoogleProvider) -> int:
    with rt.writing() as session:
        row = t.ProviderCredential(
            provider=provider.info.name, client_id=CLIENT_ID, secret=rt.secrets.seal(CLIENT_SECRET), created_at=rt.now()
        )
        session.add(row)
        session.flush()
        return t.pk(row)
