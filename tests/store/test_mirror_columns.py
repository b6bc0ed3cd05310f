"""What the mirror notes of an event: above all whether it takes its owner's time, whatever provider tells of it."""

from typing import Any

import pytest

from calsync.engine.resource import Resource
from calsync.providers.caldav import ics
from calsync.providers.google import codec
from calsync.store import mirror_columns

ME = frozenset({"eli@example.com"})

ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Somebody else//EN
BEGIN:VEVENT
UID:tea
DTSTAMP:20300101T000000Z
DTSTART:20300108T090000Z
DTEND:20300108T100000Z
SUMMARY:Tea
ORGANIZER:mailto:ada@example.com
ATTENDEE;PARTSTAT={mine}:mailto:ELI@example.com
ATTENDEE;PARTSTAT={theirs}:mailto:bob@example.com
END:VEVENT
END:VCALENDAR
"""

ITEM: dict[str, Any] = {
    "id": "tea",
    "etag": '"1"',
    "status": "confirmed",
    "summary": "Tea",
    "start": {"dateTime": "2030-01-08T09:00:00Z"},
    "end": {"dateTime": "2030-01-08T10:00:00Z"},
    "organizer": {"email": "ada@example.com"},
}


def caldav(mine: str, theirs: str) -> Resource:
    text = ICS.format(mine=mine.upper(), theirs=theirs.upper()).replace("\n", "\r\n")
    return Resource("tea.ics", '"1"', text, tuple(ics.parse(text)))


def google(mine: str, theirs: str) -> Resource:
    guests = [
        {"email": "eli@example.com", "responseStatus": mine},
        {"email": "bob@example.com", "responseStatus": theirs},
    ]
    return codec.resource_of({**ITEM, "attendees": guests})


def is_busy(resource: Resource) -> bool:
    found, (row,) = mirror_columns.readable(resource, ME, folds=True)
    assert found.fault is None
    return bool(row["is_busy"])


@pytest.mark.parametrize("told_by", [caldav, google])
@pytest.mark.parametrize(
    ("mine", "theirs", "busy"),
    [("declined", "accepted", False), ("accepted", "declined", True), ("tentative", "accepted", True)],
)
def test_a_meeting_that_the_calendars_owner_declined_is_free_time(
    told_by: Any, mine: str, theirs: str, busy: bool
) -> None:
    assert is_busy(told_by(mine, theirs)) is busy


def test_google_knows_its_person_by_other_addresses_too() -> None:
    guest = {"email": "eli@elsewhere.example", "self": True, "responseStatus": "declined"}
    assert not is_busy(codec.resource_of({**ITEM, "attendees": [guest]}))
    assert is_busy(codec.resource_of({**ITEM, "attendees": [guest | {"self": False}]}))
