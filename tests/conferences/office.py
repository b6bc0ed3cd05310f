"""An installation beside the emulator of a provider of meetings, with Eli's account connected by the whole sign-in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from sqlmodel import select

from calsync.providers.base import Grant
from calsync.providers.oauth import ClientPair
from calsync.providers.pace import Pace
from calsync.providers.zoom import endpoints
from calsync.providers.zoom.client import ZoomClient
from calsync.providers.zoom.oauth import ZoomAuthorizer
from calsync.providers.zoom.provider import ZoomProvider
from calsync.providers.zoom.registration import ZoomRegistration
from calsync.runtime import Runtime
from calsync.services import activities, attempts, conference_work, conferences, credentials
from calsync.services.attempts import Arrived, Asked
from calsync.store import tables as t
from tests import factories
from tests.emulators.zoom.server import CLIENT_ID, CLIENT_SECRET, Switchboard, ZoomServer

ELI, SAM = "eli@example.com", "sam@example.com"
PAIR = ClientPair(CLIENT_ID, CLIENT_SECRET)
CALLBACK = "https://calendar.example.com/oauth/zoom/callback"
START = datetime.fromisoformat("2030-01-08T09:00:00+00:00")


@dataclass(slots=True)
class EmulatedZoom(ZoomProvider):
    """The provider at the emulator; waits are computed by the tests' clock."""

    clock: factories.Clock = field(default_factory=factories.Clock)

    def open_meetings(self, grant: Grant) -> ZoomClient:
        client = ZoomProvider.open_meetings(self, grant)
        client.http.now = self.clock
        return client


def emulated(base_url: str, clock: factories.Clock) -> EmulatedZoom:
    where = endpoints.at(base_url)
    return EmulatedZoom(
        endpoints=where,
        oauth=ZoomAuthorizer(where, allow_private_network=True),
        registration=ZoomRegistration(where, allow_private_network=True),
        pace=Pace(100_000, 100_000),
        clock=clock,
    )


@dataclass
class Office:
    rt: Runtime
    clock: factories.Clock
    cast: factories.Cast
    hints: factories.Hints
    switch: Switchboard
    provider: EmulatedZoom

    @property
    def name(self) -> str:
        return self.provider.info.name

    def advance(self, **span: float) -> None:
        """Move time, here and there."""
        self.clock.advance(**span)
        self.switch.set_clock(self.clock())

    # --- accounts

    def login(self, user: t.User) -> int:
        with self.rt.writing() as session:
            key = f"key{len(session.exec(select(t.Login)).all())}"
            row = t.Login(user_id=t.pk(user), key_hash=key, created_at=self.clock(), last_seen_at=self.clock())
            session.add(row)
            session.flush()
            return t.pk(row)

    def configure(self) -> None:
        credentials.save(self.rt, self.name, PAIR, by=factories.acting(self.cast.ada))

    def sign_in(self, user: t.User | None = None, account_id: int | None = None, who: str = "") -> Arrived:
        """Take a person to the provider's page and back."""
        user = user or self.cast.eli
        by, login = factories.acting(user), self.login(user)
        address = attempts.begin(self.rt, Asked(self.name, account_id), login_id=login, by=by)
        self.switch.script_consent("allow", who or user.email)
        back = httpx2.get(address, verify=False).headers["location"]
        query = dict(parse_qsl(urlsplit(back).query))
        return attempts.finish(self.rt, self.name, query, login_id=login, by=by)

    def account(self) -> t.Account:
        with self.rt.reading() as session:
            query = select(t.Account).where(t.Account.provider == self.name).order_by(t.Account.id)
            return session.exec(query).first() or t.Account(user_id=0, provider="", subject="", created_at=START)

    # --- activities and their meetings

    def plan(self, title: str = "Intro call", owner: t.User | None = None, **values: Any) -> t.Activity:
        """Plan a meeting of half an hour tomorrow that takes place at the provider."""
        owner = owner or self.cast.eli
        given = {"title": title, "start": START, "end": START + timedelta(minutes=30)}
        given |= {"location_kind": self.provider.kind, "tz": "Europe/Lisbon", **values}
        return activities.create(self.rt, t.pk(owner), given, by=factories.acting(owner))

    def edit(self, activity: t.Activity, **changes: Any) -> t.Activity:
        return activities.edit(self.rt, t.pk(activity), changes, by=factories.acting(self.cast.ada))

    def cancel(self, activity: t.Activity) -> None:
        activities.cancel(self.rt, t.pk(activity), by=factories.acting(self.cast.ada))

    def tick(self) -> None:
        """Do what the jobs do once."""
        for account_id in conferences.keep(self.rt):
            conference_work.work(self.rt, account_id)

    def settle(self) -> None:
        """Let the jobs go on for half a minute, and see that nothing more happens then."""
        for _ in range(3):
            self.tick()
            self.advance(seconds=11)
        before = len(self.switch.requests())
        self.tick()
        assert len(self.switch.requests()) == before

    def link(self, activity: t.Activity) -> str | None:
        return self.fresh(activity).content["conference"]

    def fresh(self, activity: t.Activity) -> t.Activity:
        with self.rt.reading() as session:
            return session.get_one(t.Activity, t.pk(activity))

    def conference(self, activity: t.Activity) -> t.Conference:
        with self.rt.reading() as session:
            return session.exec(select(t.Conference).where(t.Conference.activity_id == t.pk(activity))).one()

    def there(self) -> list[dict[str, Any]]:
        """Return the meetings at the provider."""
        return self.switch.meetings()


def found(folder: Path, zoom: ZoomServer, url: str = "") -> Office:
    """Return an installation with credentials and without accounts, on a database of its own or the one at `url`."""
    clock, hints = factories.Clock(), factories.Hints()
    provider = emulated(zoom.base_url, clock)
    settings = factories.make_settings(folder, url, allow_private_networks=True)
    rt = factories.make_runtime(
        url or folder, clock, providers={provider.info.name: provider}, enqueue=hints, settings=settings
    )
    users = [{"email": email, "timezone": "Europe/Lisbon"} for email in (ELI, SAM)]
    zoom.switch.reset(now=clock(), redirect_uris=[CALLBACK], users=users)
    office = Office(rt, clock, factories.make_cast(rt), hints, zoom.switch, provider)
    office.configure()
    return office
