"""Keep both: one record in conflict goes on as two, on both sides."""

from pathlib import Path

import pytest

from calsync.engine.event import Attendee
from calsync.engine.vocabulary import Policy
from calsync.errors import Refused
from calsync.services import keep_both
from calsync.store import tables as t
from tests import factories
from tests.services.office import WORK, Office, open_office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = open_office(tmp_path)
    made.rule(policy=Policy.MANUAL)
    return made


def clash(office: Office, **values: object) -> t.Conflict:
    handle = office.meeting("Kick-off", **values)
    office.settle()
    office.server.edit(WORK, handle, summary="Kick-off in the calendar")
    office.edit("Kick-off", summary="Kick-off in the CRM")
    office.sync()
    return office.conflicts()[0]


def test_both_versions_go_on_as_records_of_their_own_on_both_sides(office: Office) -> None:
    conflict = clash(office)
    keep_both.keep_both(office.rt, conflict.id, by=factories.acting(office.cast.eli))
    office.settle()
    both = ["Kick-off in the CRM", "Kick-off in the calendar"]
    assert office.titles_here() == sorted(both)
    assert office.titles_there() == sorted(both)
    assert office.conflicts() == []


def test_the_two_live_apart_from_then_on(office: Office) -> None:
    conflict = clash(office)
    keep_both.keep_both(office.rt, conflict.id, by=factories.acting(office.cast.eli))
    office.settle()
    office.edit("Kick-off in the CRM", location="Room 2")
    office.settle()
    assert office.here("Kick-off in the calendar").content["location"] == ""
    rooms = {e.summary: e.location for _, e in office.server.all_events(WORK)}
    assert rooms == {"Kick-off in the CRM": "Room 2", "Kick-off in the calendar": ""}


def test_nobody_has_answered_the_copy(office: Office) -> None:
    conflict = clash(office, attendees=(Attendee("bo@example.com", partstat="accepted"),))
    copy = keep_both.keep_both(office.rt, conflict.id, by=factories.acting(office.cast.eli))
    assert copy.content["responses"] == {"bo@example.com": "needs-action"}


def test_a_deletion_is_not_a_version_to_keep(office: Office) -> None:
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.delete(WORK, handle)
    office.edit("Kick-off", location="Room 2")
    office.sync()
    with pytest.raises(Refused) as caught:
        keep_both.keep_both(office.rt, office.conflicts()[0].id, by=factories.acting(office.cast.eli))
    assert caught.value.code == "one_side"


def test_old_values_are_refused_and_nothing_is_copied(office: Office) -> None:
    conflict = clash(office)
    office.edit("Kick-off in the CRM", location="Room 2")
    with pytest.raises(Refused) as caught:
        keep_both.keep_both(office.rt, conflict.id, by=factories.acting(office.cast.eli))
    assert caught.value.code == "changed"
    assert office.titles_here() == ["Kick-off in the CRM"]
