"""The recurrence editor: simple choices to an RRULE value and back. Pure.

What the choices cannot say is kept as the text of the rule. `rule(choice_of(text, ...), ...)` recurs as `text` does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, tzinfo

from calsync.engine import rrule, slots
from calsync.engine.event import Floating, Moment
from calsync.engine.rrule import WEEKDAYS, Rule

CHOICES = (
    ("none", "Does not repeat"),
    ("daily", "Every day"),
    ("weekdays", "Every weekday (Monday to Friday)"),
    ("weekly", "Every week"),
    ("monthly", "Every month, on this day"),
    ("monthly_weekday", "Every month, on this weekday"),
    ("yearly", "Every year"),
    ("custom", "Custom rule"),
)
ENDS = (("never", "Never"), ("on", "On a day"), ("after", "After a number of times"))

_FREQ = {"daily": "DAILY", "weekly": "WEEKLY", "monthly": "MONTHLY", "monthly_weekday": "MONTHLY", "yearly": "YEARLY"}
_WORKDAYS = WEEKDAYS[:5]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose. `days` are RFC 5545 weekdays, of a weekly series only; `until` is its last day."""

    repeats: str = "none"
    interval: int = 1
    days: tuple[str, ...] = ()
    ends: str = "never"
    until: date | None = None
    count: int | None = None
    custom: str = ""


def rule(choice: Choice, start: Moment, zone: tzinfo) -> str:
    """Return the RRULE value of a choice for a series that begins at `start`; "" for none."""
    if choice.repeats == "none":
        return ""
    if choice.repeats == "custom":
        return choice.custom.strip()
    return ";".join((*_pattern(choice, day_of(start, zone)), *_end(choice, start, zone)))


def choice_of(text: str | None, start: Moment, zone: tzinfo) -> Choice:
    """Return the choice that says what a rule says; `custom` with its text where no other does."""
    if not text:
        return Choice()
    try:
        known = rrule.parse(text)
    except ValueError:
        return Choice("custom", custom=text)
    day = day_of(start, zone)
    for simple in _candidates(known, zone):
        if _same(rrule.parse(";".join(_pattern(simple, day))), known, day):
            return simple
    return Choice("custom", custom=text)


def day_of(moment: Moment, zone: tzinfo) -> date:
    """Return the day on which a moment lies for someone in `zone`."""
    if isinstance(moment, Floating):
        return moment.wall.date()
    return moment.astimezone(zone).date() if isinstance(moment, datetime) else moment


def _pattern(choice: Choice, day: date) -> list[str]:
    """Return the parts of a rule but for its end."""
    if choice.repeats == "weekdays":
        return ["FREQ=WEEKLY", "BYDAY=" + ",".join(_WORKDAYS)]
    parts = [f"FREQ={_FREQ[choice.repeats]}"]
    if choice.interval > 1:
        parts.append(f"INTERVAL={choice.interval}")
    if choice.repeats == "weekly" and choice.days:
        parts.append("BYDAY=" + ",".join(d for d in WEEKDAYS if d in choice.days))
    if choice.repeats == "monthly_weekday":
        parts.append(f"BYDAY={_ordinal(day)}{WEEKDAYS[day.weekday()]}")
    return parts


def _ordinal(day: date) -> int:
    """Return which one of its weekday a day is in its month; the fifth is the last."""
    number = (day.day - 1) // 7 + 1
    return number if number < 5 else -1


def _end(choice: Choice, start: Moment, zone: tzinfo) -> list[str]:
    if choice.ends == "after" and choice.count:
        return [f"COUNT={choice.count}"]
    if choice.ends != "on" or choice.until is None:
        return []
    # RFC 5545 section 3.3.10: UNTIL has the form of the start, and of one in a zone it is in UTC.
    if isinstance(start, datetime):
        last = datetime.combine(choice.until, time(23, 59, 59), zone).astimezone(UTC)
        return [f"UNTIL={last:%Y%m%dT%H%M%SZ}"]
    form = "%Y%m%dT235959" if isinstance(start, Floating) else "%Y%m%d"
    return [f"UNTIL={choice.until:{form}}"]


def _candidates(known: Rule, zone: tzinfo) -> list[Choice]:
    ends = _ends_of(known, zone)
    days = tuple(WEEKDAYS[day] for day, _ in known.days)
    simple = [
        replace(ends, repeats=name, interval=known.interval) for name, freq in _FREQ.items() if freq == known.freq
    ]
    weekly = [replace(each, days=days) for each in simple if each.repeats == "weekly"]
    workdays = [replace(ends, repeats="weekdays")] if days == _WORKDAYS and known.interval == 1 else []
    return [*workdays, *simple, *weekly]


def _ends_of(known: Rule, zone: tzinfo) -> Choice:
    if known.count is not None:
        return Choice(ends="after", count=known.count)
    if known.until is not None:
        return Choice(ends="on", until=day_of(known.until, zone))
    return Choice()


def _same(simple: Rule, known: Rule, day: date) -> bool:
    """Return whether two rules differ in their end alone, or in saying what the start says anyway."""
    bare = replace(known, count=None, until=None, wkst=simple.wkst if known.interval == 1 else known.wkst)
    if bare.freq in ("MONTHLY", "YEARLY") and bare.monthdays == (day.day,) and not simple.monthdays:
        bare = replace(bare, monthdays=())
    if bare.freq == "YEARLY" and bare.months == (day.month,):
        bare = replace(bare, months=())
    return bare == simple


def shown_zone(name: str | None) -> tzinfo:
    """Return the zone of a name that may be missing or unknown; UTC then."""
    try:
        return slots.zone(name or "UTC")
    except ValueError:
        return UTC
