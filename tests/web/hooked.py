"""A town that Google can reach: its application is served at the public address, and channels are kept by hand."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlmodel import select

from calsync.runtime import Runtime
from calsync.services import accounts, channels, disconnect
from calsync.store import tables as t
from tests import factories
from tests.emulators.google.server import GoogleServer
from tests.parts.web import serve
from tests.proof.google_town import GoogleTown, found_google_town

PUBLIC = "https://calendar.example.com"
HOOK = "/hooks/google"
OPEN, STOP = "calendar.events.watch", "calendar.channels.stop"


@pytest.fixture
def database_url() -> str:
    """Where the town's database is; "" for a file of its own."""
    return ""


@pytest.fixture
def town(tmp_path: Path, google: GoogleServer, database_url: str) -> Iterator[GoogleTown]:
    """Eli's calendar, connected, and a queue that remembers."""
    made = found_google_town(tmp_path, google, database_url=database_url)
    yield made
    made.rt.db.close()


@pytest.fixture
def rt(town: GoogleTown) -> Runtime:
    return town.rt


@pytest.fixture
def cast(town: GoogleTown) -> factories.Cast:
    return town.cast


@pytest.fixture(autouse=True)
def reachable(app: Flask, town: GoogleTown) -> Iterator[None]:
    """Serve the application where Google finds its public address."""
    with serve(app) as url:
        town.switch.settings(webhook_rewrites={PUBLIC: url})
        yield


def keep(town: GoogleTown) -> list[int]:
    """Do what the clock does each minute; return whom it concerned."""
    town.switch.set_clock(town.clock())
    ids = channels.keep(town.rt)
    for account_id in ids:
        channels.keep_account(town.rt, account_id)
    town.switch.pushes()
    return ids


def known(town: GoogleTown) -> list[t.Channel]:
    with town.rt.reading() as session:
        return list(session.exec(select(t.Channel).order_by(t.Channel.id)))


def alive(town: GoogleTown) -> list[str]:
    """Return the ids of the channels that Google would use."""
    return [c["id"] for c in town.switch.channels() if not c["is_stopped"]]


def calls(town: GoogleTown, method: str) -> int:
    return len(town.switch.requests(method))


def at_rest(town: GoogleTown) -> datetime:
    """Open a channel and sync once; return when the account is due by itself."""
    keep(town)
    town.sync()
    due = town.account().next_sync_at
    assert due is not None
    assert due > town.clock()
    return due


def headers(town: GoogleTown, **changes: str) -> dict[str, str]:
    (row,) = known(town)
    secret = channels.secret_of(town.rt, town.account().public_id, row.channel_id)
    found = {"Channel-ID": row.channel_id, "Channel-Token": secret, "Resource-ID": row.resource_id}
    return {f"X-Goog-{k}": v for k, v in {**found, "Resource-State": "exists", **changes}.items()}


def set_calendar(town: GoogleTown, **flags: bool) -> None:
    with town.rt.reading() as session:
        calendar_id = t.pk(session.exec(select(t.Calendar).where(t.Calendar.is_primary)).one())
    accounts.set_calendar(town.rt, calendar_id, by=factories.acting(town.cast.eli), **flags)


def change_account(town: GoogleTown, **values: Any) -> None:
    with town.rt.writing() as session:
        session.execute(sa.update(t.Account).values(**values))


def leave(town: GoogleTown) -> None:
    disconnect.disconnect(town.rt, town.account_id, disconnect.Choice.KEEP, by=factories.acting(town.cast.eli))
