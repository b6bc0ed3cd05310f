"""An office whose person has a second calendar in another account, and the busy blocks between the two."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlmodel import select

from calsync.engine import busy_blocks as blocks
from calsync.engine.event import Event
from calsync.providers.memory import Quirks
from calsync.services import accounts, sync
from calsync.store import tables as t
from tests import factories
from tests.services.office import HOUR, WORK, Office, open_office

HOME = "home"
ZONE = "Europe/Berlin"


def two_calendars(folder: Path, quirks: Quirks | None = None) -> Office:
    return with_home(open_office(folder, quirks))


def with_home(opened: Office) -> Office:
    """Give Eli a calendar of another account that only blocks his time."""
    opened.server.add_calendar(HOME)
    account = factories.make_account(opened.rt, opened.cast.eli, provider="memory", subject="home")
    factories.make_calendar(opened.rt, account, "Home", remote_id=HOME, is_write_target=False, syncs=False, blocks=True)
    return opened


def home_of(office: Office) -> t.Calendar:
    with office.rt.reading() as session:
        return session.exec(select(t.Calendar).where(t.Calendar.remote_id == HOME)).one()


def choose(office: Office, *, work: bool = True, home: bool = False) -> None:
    """Switch blocks on: `work` shows what is busy at home, `home` what is busy at work."""
    acting = factories.acting(office.cast.eli)
    accounts.set_calendar(office.rt, t.pk(office.calendar), takes_blocks=work, by=acting)
    accounts.set_calendar(office.rt, t.pk(home_of(office)), takes_blocks=home, by=acting)


def at_home(office: Office, title: str = "Dentist", hours: float = 24, **values) -> str:
    start = factories.START + timedelta(hours=hours)
    given = {"uid": f"{title}@home", "start": start, "end": start + HOUR, "tz": ZONE, "summary": title}
    return office.server.put(HOME, Event(**{**given, **values}))


def edit(office: Office, handle: str, **values) -> None:
    office.server.edit(HOME, handle, **values)


def run_both(office: Office, times: int = 2) -> None:
    """Both accounts run, the one whose calendar is the reason first."""
    for _ in range(times):
        for calendar in (home_of(office), office.calendar):
            office.clock.advance(minutes=10)
            sync.run(office.rt, calendar.account_id)


def stand_in(office: Office, remote_id: str) -> list[Event]:
    """Return the blocks in a calendar."""
    found = (event for _, event in office.server.all_events(remote_id) if blocks.is_block(event.our_id))
    return sorted((e for e in found if not e.is_cancelled), key=lambda e: str(e.start))


def times_in(office: Office, remote_id: str = WORK) -> list[tuple]:
    return [(e.start, e.end) for e in stand_in(office, remote_id)]
