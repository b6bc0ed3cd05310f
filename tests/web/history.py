"""Runs that a history can show: with failures, held, with something to undo."""

from calsync.store import tables as t
from tests.services.office import Office


def with_failures(office: Office) -> t.Run:
    """Return a run in which two activities could not be written."""
    office.settle()
    office.write("Demo", hours=40)
    office.write("Offer", hours=41)
    office.server.set_access("work", "reader")
    run = office.sync()
    office.server.set_access("work", "owner")
    return run


def with_failures_of(title: str, office: Office) -> t.Run:
    """Return a run in which one activity could not be written."""
    office.write(title, hours=50)
    office.server.set_access("work", "reader")
    run = office.sync()
    office.server.set_access("work", "owner")
    return run


def with_held(office: Office) -> t.Run:
    office.settle()
    office.rule(brake_creates=1)
    for number in range(3):
        office.write(f"Lead {number}", hours=30 + number)
    return office.sync()


def run_row(office: Office, run_id: int) -> t.Run:
    with office.rt.reading() as session:
        return session.get_one(t.Run, run_id)


def edited(office: Office) -> t.Run:
    """Return a run that brought an edit in."""
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.edit("work", handle, summary="Wrong title", location="Nowhere")
    return office.sync()
