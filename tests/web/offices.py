"""An office that syncs, behind the pages of a test: the same as `tests.services.office`, on the test's application."""

from calsync.runtime import Runtime
from calsync.services import queued
from calsync.store import tables as t
from tests import factories
from tests.services.office import WORK, Office


def furnish(rt: Runtime, clock: factories.Clock, cast: factories.Cast, **values: object) -> Office:
    """Return Eli's office at the provider of the test's runtime, with one calendar that takes new activities."""
    server = rt.providers["caldav"].server
    server.add_calendar(WORK)
    account = factories.make_account(rt, cast.eli, **values)
    calendar = factories.make_calendar(rt, account, remote_id=WORK)
    return Office(rt, clock, server, cast, account, calendar)


def add_calendar(office: Office, name: str, **values: object) -> t.Calendar:
    """Return one more calendar, there and here; it syncs and takes no new activities."""
    office.server.add_calendar(name)
    return factories.make_calendar(
        office.rt, office.account, name.title(), remote_id=name, is_write_target=False, **values
    )


def work_waiting(rt: Runtime) -> list[int]:
    """Carry out every run that waits for a thread, as the pool would, and return them."""
    waiting = queued.list_waiting(rt)
    for run_id in waiting:
        queued.work(rt, run_id)
    return waiting
