"""Every value of every closed list has words, and every word an icon that exists."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from calsync.engine import status, vocabulary
from calsync.engine.event import FIELDS
from calsync.services import settings
from calsync.services.notices import KINDS
from calsync.store import tables as t
from webapp import help_entries, words
from webapp.words import choices, failures, languages, reasons, states, times

SPRITE = (Path(__file__).parents[2] / "webapp/static/icons.svg").read_text(encoding="utf-8")
STYLES = (Path(__file__).parents[2] / "webapp/static/calsync.css").read_text(encoding="utf-8")

LISTS = [
    (status.State, states._ACCOUNT),
    (status.Outcome, states._OUTCOME),
    (vocabulary.RunState, states._RUN),
    (vocabulary.StepState, states._STEP),
    (vocabulary.ConflictKind, states._CONFLICT),
    (vocabulary.Reason, reasons._REASONS),
    (vocabulary.ErrorClass, failures._CLASSES),
    (vocabulary.Kind, choices._KINDS),
    (vocabulary.Action, choices._ACTIONS),
    (vocabulary.Trigger, choices._TRIGGERS),
    (vocabulary.MailRule, choices._MAIL_RULES),
    (vocabulary.Deletions, choices._DELETIONS),
    (vocabulary.Role, choices._ROLES),
    (vocabulary.Role, choices._ROLE_MEANINGS),
    (vocabulary.Policy, choices._POLICY_MEANINGS),
]


@pytest.mark.parametrize(("values", "table"), LISTS, ids=lambda each: getattr(each, "__name__", ""))
def test_every_value_has_its_words(values: type[StrEnum], table: dict[str, object]) -> None:
    assert {value.value for value in values} == set(table)


def test_every_field_and_notice_has_its_word() -> None:
    assert set(FIELDS) == set(choices._FIELDS)
    assert set(KINDS) == set(states._NOTICE)


BADGES = [
    word
    for table in (states._ACCOUNT, states._RUN, states._OUTCOME, states._STEP, states._CONFLICT)
    for word in table.values()
]
BADGES += [*states._NOTICE.values(), *failures._CLASSES.values()]


def test_every_badge_has_a_colour_and_an_icon_that_exist() -> None:
    for word in BADGES:
        assert f'id="{word.icon}"' in SPRITE, word
        assert f".is-{word.colour} " in STYLES, word
        assert word.label, word


@pytest.mark.parametrize("value", vocabulary.Reason)
def test_reasons_are_sentences(value: vocabulary.Reason) -> None:
    text = words.reason(value)
    assert text[0].isupper()
    assert text.endswith(".")


def test_errors_lead_to_help_that_exists() -> None:
    anchors = {entry.anchor for entry in help_entries.ENTRIES}
    assert {words.error_class(each).anchor for each in vocabulary.ErrorClass} <= anchors


def test_a_value_of_a_newer_version_is_shown_as_it_is() -> None:
    assert words.run_state("half_done").label == "Half done"
    assert words.reason("moon_phase") == "Moon phase."
    assert words.kind("retreat") == "Retreat"


@pytest.mark.parametrize(
    ("value", "said"),
    [("inbound", "Google to CRM"), ("outbound", "CRM to Google"), ("both", "Both")],
)
def test_direction_names_the_provider(value: str, said: str) -> None:
    assert words.direction(value, "Google") == said


def test_policies_carry_their_known_names() -> None:
    assert words.policy("external", "Google") == "Google Wins"
    assert words.policy("crm") == "CRM Wins"
    assert words.policy("last_modified") == "Last Modified Wins (recommended)"


@pytest.mark.parametrize(
    ("value", "said"),
    [("realtime", "Real-time"), ("manual", "Manual"), ("15", "Every 15 minutes"), ("60", "Hourly")],
)
def test_frequency(value: str, said: str) -> None:
    assert words.frequency(value) == said


ADA, ELI = SimpleNamespace(id=1), SimpleNamespace(id=2)


@pytest.mark.parametrize(
    ("viewer", "row", "owner_id", "said"),
    [
        (ELI, SimpleNamespace(title="Dentist", is_private=True, owner_id=2), None, "Dentist"),
        (ADA, SimpleNamespace(title="Dentist", is_private=True, owner_id=2), None, "Private"),
        (ADA, SimpleNamespace(title="Kick-off", is_private=False, owner_id=2), None, "Kick-off"),
        (ADA, SimpleNamespace(title="Dentist", is_private=True), 2, "Private"),  # a step: its account's owner is given
        (ELI, SimpleNamespace(title="Dentist", is_private=True), 2, "Dentist"),
        (ELI, SimpleNamespace(title="Dentist", is_private=True), None, "Private"),  # nobody knows whose: hidden
        (ELI, SimpleNamespace(title="", is_private=False, owner_id=2), None, "(no title)"),
    ],
)
def test_private_titles_are_their_owners(viewer: object, row: object, owner_id: int | None, said: str) -> None:
    assert words.title_for(viewer, row, owner_id) == said


def test_a_run_that_was_stopped_says_what_it_did_and_why_it_ended() -> None:
    run = t.Run(account_id=1, trigger="schedule", state="cancelled", created=2, error="The account was paused.")
    assert words.run_sentence(run, "Google") == "Created 2. The account was paused."


def test_counts_and_lists() -> None:
    assert words.count(1, "run") == "1 run"
    assert words.count(1940, "run") == "1\u202f940 runs"
    assert words.count(2, "entry", "entries") == "2 entries"
    assert words.joined(["a"]) == "a"
    assert words.joined(["a", "b", "c"]) == "a, b and c"
    assert words.joined([]) == ""


NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        ({"seconds": -10}, "just now"),
        ({"seconds": 10}, "in a moment"),
        ({"seconds": -50}, "1 min ago"),
        ({"minutes": -59}, "59 min ago"),
        ({"minutes": 90}, "in 2 h"),
        ({"hours": -23}, "23 h ago"),
        ({"days": -1}, "1 day ago"),
        ({"days": 23}, "in 23 days"),
        ({"days": -400}, "13 months ago"),
        ({"days": -1000}, "2 years ago"),
    ],
)
def test_relative(gap: dict[str, int], said: str) -> None:
    assert times.relative(NOW + timedelta(**gap), NOW) == said


@pytest.mark.parametrize(
    ("style", "said"),
    [("iso", "2030-01-07, 18:00"), ("dmy", "7 Jan 2030, 18:00"), ("mdy", "Jan 7, 2030, 6:00 PM")],
)
def test_absolute_in_the_viewers_zone(style: str, said: str) -> None:
    assert times.absolute(NOW, ZoneInfo("Asia/Tokyo"), times.style(style)) == said


@pytest.mark.parametrize(
    ("style", "day", "month", "weekday"),
    [
        ("de", "9. März 2030", "März 2030", "Sa."),
        ("fr", "9 mars 2030", "mars 2030", "sam."),
        ("es", "9 mar 2030", "marzo de 2030", "sáb"),
        ("it", "9 mar 2030", "marzo 2030", "sab"),
        ("nl", "9 mrt 2030", "maart 2030", "za"),
        ("mdy", "Mar 9, 2030", "March 2030", "Sat"),
    ],
)
def test_dates_in_the_language_of_the_organisation(style: str, day: str, month: str, weekday: str) -> None:
    how, march = times.style(style), date(2030, 3, 9)
    assert (times.day(march, how), times.month(march, how), times.weekday(march, how)) == (day, month, weekday)


def test_every_language_that_can_be_saved_can_be_written() -> None:
    assert set(languages.STYLES) == set(settings.DATE_FORMATS)
    march = date(2030, 3, 9)
    assert len({how.label for how in languages.STYLES.values()}) == len(languages.STYLES)
    for how in languages.STYLES.values():
        assert "2030" in how.day(march)
        assert "2030" in how.month(march)
        assert len(set(how.weekdays)) == 7


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [(None, "–"), (140, "140 ms"), (3200, "3.2 s"), (250_000, "4 min 10 s"), (7_260_000, "2 h 1 min")],
)
def test_duration(milliseconds: int | None, said: str) -> None:
    assert times.duration(milliseconds) == said


def test_span_names_a_day_once() -> None:
    iso = times.style("iso")
    utc = ZoneInfo("UTC")
    assert times.span(NOW, NOW + timedelta(hours=1), utc, iso) == "2030-01-07, 09:00–10:00"
    assert times.span(NOW, NOW + timedelta(days=1), utc, iso) == "2030-01-07, 09:00 – 2030-01-08, 09:00"
    assert times.span(NOW, NOW, utc, iso) == "2030-01-07, 09:00"
    assert times.day(date(2030, 1, 7), times.style("mdy")) == "Jan 7, 2030"
