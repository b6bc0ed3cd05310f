"""Projection: what a calendar gets to see, and what is never read back from it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsync.engine import projection
from calsync.engine.event import FIELDS, Attendee, Content, Event, Reminder, content
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import MailRule

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
RULES = Rules()


@dataclass(frozen=True)
class Powers:
    mails_on_write: bool = False
    expresses: frozenset[str] = frozenset(FIELDS)


SILENT, LOUD = Powers(), Powers(mails_on_write=True)
GUESTS = (Attendee("bo@example.org", "Bo"), Attendee("al@example.org"))


def held(**values: object) -> Content:
    given = {"summary": "Layoffs", "description": "Who goes", "location": "Room 1", "attendees": GUESTS}
    return content(Event("u", NOW, NOW, **{**given, **values}))


def shown(values: Content, rules: Rules = RULES, powers: Powers = SILENT) -> Content:
    return projection.project(values, rules, powers)[0]


def test_everything_is_shown_by_default() -> None:
    assert projection.project(held(), RULES, SILENT) == (held(), frozenset())


@pytest.mark.parametrize(
    ("rule", "hidden"),
    [
        ("show_title", {"summary": "Busy"}),
        ("show_description", {"description": ""}),
        ("show_location", {"location": ""}),
        ("show_attendees", {"attendees": {}, "responses": {}}),
    ],
)
def test_a_hidden_field_is_written_without_its_value_and_never_read(rule: str, hidden: Content) -> None:
    rules = replace(RULES, **{rule: False})
    assert projection.project(held(), rules, SILENT) == (held() | hidden, frozenset(hidden))
    assert projection.hidden(rules, SILENT) == frozenset(hidden)


def test_what_the_provider_cannot_hold_is_left_out() -> None:
    powers = Powers(expresses=frozenset(FIELDS) - {"url", "conference"})
    values, hidden = projection.project(held(), RULES, powers)
    assert set(FIELDS) - set(values) == hidden == {"url", "conference"}


def test_guests_who_would_be_mailed_are_listed_in_the_description_instead() -> None:
    values = shown(held(), powers=LOUD)
    assert "attendees" not in values
    assert "responses" not in values
    assert values["description"].startswith("Who goes\n\n--- Guests")
    assert "Bo (bo@example.org)" in values["description"]
    assert projection.hidden(RULES, LOUD) == {"attendees", "responses"}
    assert shown(held(attendees=()), powers=LOUD)["description"] == "Who goes"


def test_guests_are_written_where_all_of_them_shall_be_mailed() -> None:
    mailing = replace(RULES, mail_new=MailRule.ALL, mail_changed=MailRule.ALL)
    assert shown(held(), mailing, LOUD) == held()
    assert "attendees" not in shown(held(), replace(mailing, mail_changed=MailRule.NEVER), LOUD)
    assert "attendees" not in shown(held(), replace(mailing, mail_new=MailRule.EXTERNAL), LOUD)


def test_hidden_guests_are_listed_nowhere() -> None:
    values = shown(held(), replace(RULES, show_attendees=False), LOUD)
    assert values["description"] == "Who goes"
    assert "attendees" not in values


def test_a_hidden_description_still_tells_who_comes() -> None:
    description = shown(held(), replace(RULES, show_description=False), LOUD)["description"]
    assert "Who goes" not in description
    assert "al@example.org" in description


names = st.text(max_size=40) | st.sampled_from((projection.BLOCK_START, projection.BLOCK_END, "a\nb"))


@given(st.text(max_size=200), st.lists(names, max_size=3))
def test_a_description_comes_back_without_the_block(text: str, people: list[str]) -> None:
    guests = tuple(Attendee(f"g{i}@example.org", name) for i, name in enumerate(people))
    written = shown(held(description=text, attendees=guests), powers=LOUD)["description"]
    assert projection.strip_block(written) == text
    assert shown(held(description=written, attendees=guests), powers=LOUD)["description"] == written


def block(around: str = "{}") -> str:
    written = shown(held(description=""), powers=LOUD)["description"]
    return around.format(written.replace("\n", "<br>") if "<" in around else written)


@pytest.mark.parametrize(
    ("found", "left"),
    [
        (block("Who goes\r\n\r\n{}\r\n"), "Who goes"),
        (block("Who goes<br><br>{}<br/>&nbsp;"), "Who goes"),
        (block("<p>Who goes</p><p>{}</p>"), "<p>Who goes"),
        (block("{}\nadded below"), "added below"),
        (block("above\n\n{}\n\nbelow"), "above\nbelow"),
        (block("twice {}") + block(), "twice"),
        (projection.BLOCK_START + " without an end", projection.BLOCK_START + " without an end"),
    ],
)
def test_the_block_is_found_however_a_provider_gives_it_back(found: str, left: str) -> None:
    assert projection.strip_block(found) == left


def test_a_hostile_description_is_no_work() -> None:
    hostile = "<br>" * 50_000 + block() * 50 + " " * 50_000
    assert projection.strip_block(hostile) == ""


def test_a_new_event_takes_the_defaults_it_does_not_name() -> None:
    rules = replace(RULES, default_visibility="private", default_reminders=((30, "popup"), (10, "email")))
    fresh = projection.with_defaults(held(), rules)
    assert fresh == held() | {"classification": "private", "reminders": [[10, "email"], [30, "popup"]]}
    named = held(classification="confidential", reminders=(Reminder(5),))
    assert projection.with_defaults(named, rules) == named
    assert projection.with_defaults(held(), RULES) == held()


def test_the_digest_changes_when_something_would_be_written_differently() -> None:
    digest = projection.digest(RULES, SILENT)
    others = [
        projection.digest(replace(RULES, show_title=False), SILENT),
        projection.digest(RULES, LOUD),
        projection.digest(RULES, Powers(expresses=frozenset({"summary"}))),
    ]
    assert len({digest, *others}) == 4
    assert digest == projection.digest(replace(RULES, frequency="5", mail_new=MailRule.ALL), SILENT)
    assert len(digest) == 32
