"""Projection: what we write out of what we hold, for events that we created.

A projected field is write-only: what the calendar holds in it is never read back. Guests who may not be written as
attendees stand in a marked block of the description, which is taken off again whenever a description is read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Protocol

from calsync.engine.event import FIELDS, Content
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import MailRule

BUSY = "Busy"
"""The title of an event whose own is hidden."""

PROJECTED = ("summary", "description", "location", "attendees", "responses")
"""The fields that may be written differently from how we hold them."""

BLOCK_START = "--- Guests (listed by Calsync) ---"
BLOCK_END = "--- End of guests ---"

# Providers turn line ends into HTML and back, so any space or break around the block goes with it.
_BREAKS = ("&nbsp;", "<br>", "<br/>", "<br />", "<p>", "</p>", "<div>", "</div>")
_GAP = re.compile(r"(?:\s|" + "|".join(map(re.escape, _BREAKS)) + ")*")


class Powers(Protocol):
    """The part of a provider's capabilities that projection depends on."""

    @property
    def mails_on_write(self) -> bool: ...
    @property
    def expresses(self) -> frozenset[str]: ...


def project(content: Content, rules: Rules, powers: Powers) -> tuple[Content, frozenset[str]]:
    """Return what is written of `content`, and the fields that are write-only.

    A field that may not be written at all is missing from the first.
    """
    shown = dict(content)
    shown |= _hidden_texts(rules)
    shown["description"] = _with_guests(shown["description"], content, rules, powers)
    if not rules.show_attendees:
        shown |= {"attendees": {}, "responses": {}}
    if not writes_attendees(rules, powers):
        # Whoever stands on the event already stays: touching the list would mail them.
        shown = {name: value for name, value in shown.items() if name not in ("attendees", "responses")}
    return {name: value for name, value in shown.items() if name in powers.expresses}, hidden(rules, powers)


def hidden(rules: Rules, powers: Powers) -> frozenset[str]:
    """Return the fields of an event we created that are never read back."""
    unread = set(FIELDS) - powers.expresses
    unread |= set(_hidden_texts(rules))
    if not rules.show_attendees or not writes_attendees(rules, powers):
        unread |= {"attendees", "responses"}
    return frozenset(unread)


def writes_attendees(rules: Rules, powers: Powers) -> bool:
    """Return whether attendees may be written: silently, or because everybody shall be mailed anyway."""
    return not powers.mails_on_write or rules.mail_new is rules.mail_changed is MailRule.ALL


def with_defaults(content: Content, rules: Rules) -> Content:
    """Return content as a new event starts: with the default visibility and reminders where it names none."""
    visibility = rules.default_visibility if content["classification"] == "public" else content["classification"]
    reminders = content["reminders"] or sorted([minutes, way] for minutes, way in rules.default_reminders)
    return {**content, "classification": visibility, "reminders": reminders}


def digest(rules: Rules, powers: Powers) -> str:
    """Return what changes when the same content would be written differently."""
    shows = [rules.show_title, rules.show_description, rules.show_location, rules.show_attendees]
    facts = [shows, writes_attendees(rules, powers), sorted(powers.expresses)]
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()


def strip_block(description: str) -> str:
    """Return a description without the block of guests that we put there."""
    while BLOCK_START in description:
        before, _, rest = description.partition(BLOCK_START)
        _, end, after = rest.partition(BLOCK_END)
        if not end:
            break
        description = _joined(before, after)
    return description


def _joined(before: str, after: str) -> str:
    """Return what stood around the block. Where it stood at the end, exactly what we wrote it behind."""
    if not after and before.endswith("\n\n"):
        return before[:-2]
    end = len(before)
    while end and (gap := _gap_before(before, end)):
        end -= gap
    matched = _GAP.match(after)
    after = after[matched.end() :] if matched else after
    return f"{before[:end]}\n{after}" if end and after else before[:end] + after


def _gap_before(text: str, end: int) -> int:
    if text[end - 1].isspace():
        return 1
    return next((len(each) for each in _BREAKS if text.endswith(each, 0, end)), 0)


def _hidden_texts(rules: Rules) -> Content:
    shows = (
        ("summary", rules.show_title, BUSY),
        ("description", rules.show_description, ""),
        ("location", rules.show_location, ""),
    )
    return {name: instead for name, is_shown, instead in shows if not is_shown}


def _with_guests(description: str, content: Content, rules: Rules, powers: Powers) -> str:
    text = strip_block(description)
    guests: Mapping[str, Mapping[str, Any]] = content["attendees"]
    if not guests or not rules.show_attendees or writes_attendees(rules, powers):
        return text
    lines = [_guest(address, facts.get("name", "")) for address, facts in sorted(guests.items())]
    return (f"{text}\n\n" if text else "") + "\n".join((BLOCK_START, *lines, BLOCK_END))


def _guest(address: str, name: str) -> str:
    plain = _one_line(name)
    return f"{plain} ({_one_line(address)})" if plain else _one_line(address)


def _one_line(text: str) -> str:
    # Somebody else's text: on one line, and unable to end the block.
    return " ".join(text.replace("---", " ").split())
