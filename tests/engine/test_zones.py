"""Names of time zones as calendars write them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from calsync.engine import zones


@pytest.mark.parametrize(
    ("name", "iana"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),  # case is no matter
        (' "Europe/Berlin" ', "Europe/Berlin"),  # Outlook quotes, others pad
        ("America/Argentina/Salta", "America/Argentina/Salta"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("india standard time", "Asia/Kolkata"),  # the name of today, not Calcutta
        ("FLE Standard Time", "Europe/Kyiv"),
        ("UTC+13", "Etc/GMT-13"),  # a Windows name, POSIX sign
        ("/freeassociation.sourceforge.net/Tzfile/Europe/Berlin", "Europe/Berlin"),
        ("/softwarestudio.org/Olson_20011030_5/America/Argentina/Salta", "America/Argentina/Salta"),
        ("/mozilla.org/20070129_1/Europe/Paris", "Europe/Paris"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("Z", "UTC"),
        ("GMT+0100", "Etc/GMT-1"),
        ("+00:00", "UTC"),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Amsterdam"),
        ("(UTC-03:00) Sao Paulo", "America/Sao_Paulo"),
    ],
)
def test_names_that_are_understood(name, iana):
    assert zones.resolve(name) == iana


@pytest.mark.parametrize(
    "name", ["", "Customized Time Zone", "Mars/Olympus", "(UTC+05:45) Nowhere", "CEST", "../../etc/passwd"]
)
def test_what_is_not_known_is_not_guessed(name):
    assert zones.resolve(name) is None


@pytest.mark.parametrize("windows", sorted(WINDOWS_TO_OLSON))
def test_every_windows_name_of_cldr_resolves_to_the_same_rules(windows):
    ours, theirs = ZoneInfo(zones.resolve(windows)), ZoneInfo(WINDOWS_TO_OLSON[windows])
    assert _offsets(ours) == _offsets(theirs)


def test_representative_zones_exist():
    assert all(zones.zone(name) for name in zones.representative())


def _offsets(zone):

    start = datetime(2024, 1, 1, tzinfo=UTC)
    return [(start + timedelta(days=day)).astimezone(zone).utcoffset() for day in range(0, 730, 5)]
