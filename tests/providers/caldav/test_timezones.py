"""VTIMEZONEs that we write and read."""

import zoneinfo
from datetime import datetime, timedelta
from importlib.resources import files

import icalendar
import pytest

from calsync.providers.caldav import timezones
from calsync.providers.caldav.lines import Broken

NAMES = [n for n in files("tzdata").joinpath("zones").read_text().split() if n != "Factory"]


def offsets(rules, year):
    days = (datetime(year, 1, 5, 12) + timedelta(days=day) for day in range(0, 720, 3))
    return [day.replace(tzinfo=rules).utcoffset() for day in days]


@pytest.mark.parametrize("year", [1998, 2026])
def test_what_we_write_means_what_tzdata_says_for_every_zone(year):
    wrong = [
        name
        for name in NAMES
        if offsets(timezones._rules(timezones.vtimezone(name, year), year), year)
        != offsets(zoneinfo.ZoneInfo(name), year)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Asia/Jerusalem", "Africa/Casablanca", "UTC"])
def test_another_reader_agrees(name):
    (zone,) = icalendar.Calendar.from_ical(
        f"BEGIN:VCALENDAR\r\n{timezones.vtimezone(name, 2026)}END:VCALENDAR\r\n"
    ).walk("VTIMEZONE")
    assert zone.errors == []
    rules = zone.to_tz(lookup_tzid=False)
    for month in range(1, 13):
        noon = datetime(2027, month, 15, 12)
        assert noon.replace(tzinfo=rules).utcoffset() == noon.replace(tzinfo=zoneinfo.ZoneInfo(name)).utcoffset()


def test_a_zone_of_today_is_two_short_rules():
    text = timezones.vtimezone("Europe/Berlin", 2026)
    assert text.count("RRULE:FREQ=YEARLY") == 2
    assert "UNTIL" not in text
    assert len(text) < 500


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney"])
def test_a_zone_without_a_name_is_known_by_its_rules(name):
    body = timezones.vtimezone(name, 2020, tzid="Office")
    found = timezones.of_body(body, 2026)
    assert found.name is not None
    assert offsets(zoneinfo.ZoneInfo(found.name), 2026) == offsets(zoneinfo.ZoneInfo(name), 2026)


@pytest.mark.parametrize(
    "inner", ["", "BEGIN:STANDARD\nTZOFFSETTO:+0100\nEND:STANDARD\n", "BEGIN:STANDARD\nDTSTART:x\n"]
)
def test_a_zone_that_cannot_be_read_is_broken(inner):
    with pytest.raises(Broken):
        timezones.of_body(f"BEGIN:VTIMEZONE\nTZID:x\n{inner}END:VTIMEZONE\n", 2026)
