"""An installation beside the emulator, with credentials that fit, and people who go to its pages and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from sqlmodel import select

from calsync.providers.oauth import ClientPair
from calsync.runtime import Runtime
from calsync.services import attempts, credentials
from calsync.services.attempts import Arrived, Asked
from calsync.store import tables as t
from tests import factories
from tests.emulators.google.cast import ELI
from tests.emulators.google.conftest import google, google_server, switch
from tests.emulators.google.server import CLIENT_ID, CLIENT_SECRET, GoogleServer, Switchboard
from tests.sign_in.emulated import NAME, emulated

__all__ = ["google", "google_server", "switch"]

PAIR = ClientPair(CLIENT_ID, CLIENT_SECRET)
NEW_ID = "998877665544-other.apps.googleusercontent.com"
NEW_PAIR = ClientPair(NEW_ID, "GOCSPX-EXAMPLEOFTHEOTHERCLIENTxx")


@dataclass
class Office:
    rt: Runtime
    clock: factories.Clock
    cast: factories.Cast
    switch: Switchboard
    hints: factories.Hints

    def login(self, user: t.User) -> int:
        with self.rt.writing() as session:
            key = f"key{len(session.exec(select(t.Login)).all())}"
            row = t.Login(user_id=t.pk(user), key_hash=key, created_at=self.clock(), last_seen_at=self.clock())
            session.add(row)
            session.flush()
            return t.pk(row)

    def go(self, address: str, who: str = ELI, choice: str = "allow", **script: object) -> dict[str, str]:
        """Follow a person to Google's page and back; return what came to our callback."""
        self.switch.script_consent(choice, who, **script)
        answer = httpx2.get(address, verify=False)
        assert answer.status_code == 302, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    def sign_in(self, user: t.User, who: str = ELI, asked: Asked | None = None, **script: object) -> Arrived:
        """Take a person through the whole sign-in, once more where that is asked for."""
        login, by = self.login(user), factories.acting(user)
        address = attempts.begin(self.rt, asked or Asked(NAME), login_id=login, by=by)
        arrived = attempts.finish(self.rt, NAME, self.go(address, who, **script), login_id=login, by=by)
        if arrived.again_url:
            back = self.go(arrived.again_url, who, **script)
            return attempts.finish(self.rt, NAME, back, login_id=login, by=by)
        return arrived

    def account(self, account_id: int | None) -> t.Account:
        with self.rt.reading() as session:
            return session.get_one(t.Account, account_id)

    def audited(self) -> list[str]:
        with self.rt.reading() as session:
            return [entry.action for entry in session.exec(select(t.AuditEntry).order_by(t.AuditEntry.id))]


@pytest.fixture
def bare(tmp_path: Path, google: GoogleServer) -> Iterator[Office]:
    """An installation without credentials."""
    clock, hints = factories.Clock(), factories.Hints()
    rt = factories.make_runtime(
        tmp_path,
        clock,
        providers={NAME: emulated(google)},
        settings=factories.make_settings(tmp_path, allow_private_networks=True),
        enqueue=hints,
    )
    office = Office(rt, clock, factories.make_cast(rt), google.switch, hints)
    google.switch.add_client([credentials.redirect_uri(rt, NAME)])
    yield office
    rt.db.close()


@pytest.fixture
def office(bare: Office) -> Office:
    """An installation with credentials."""
    credentials.save(bare.rt, NAME, PAIR, by=factories.acting(bare.cast.ada))
    return bare


@pytest.fixture
def other_client(office: Office) -> ClientPair:
    """A second client at Google."""
    uri = credentials.redirect_uri(office.rt, NAME)
    office.switch.add_client([uri], client_id=NEW_ID, client_secret=NEW_PAIR.secret)
    return NEW_PAIR
