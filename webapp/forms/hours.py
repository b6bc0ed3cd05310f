"""The form of working hours: a week with breaks, days that differ, days off; all of it works without JavaScript.

Every list ends with empty rows for more (`grow`); a row that is emptied is gone with the next save.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import time
from typing import Any

from flask_wtf import FlaskForm
from wtforms import DateField, FieldList, Form, FormField, IntegerField, SelectField, StringField, ValidationError
from wtforms import TimeField as AnyTimeField
from wtforms.validators import Length, Optional
from wtforms.widgets import HiddenInput

from calsync.engine.hours import LAST_MINUTE, Holiday, Hours, Minutes
from webapp import moments
from webapp.forms.fields import known_zone, trimmed, zone_choices

MOST_PARTS, MOST_DATES, MOST_HOLIDAYS = 8, 400, 100


class TimeField(AnyTimeField):
    """A time of day, without the seconds that some browsers add."""

    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(label, [Optional()], format=["%H:%M", "%H:%M:%S"], **kwargs)


class Row(Form):
    """A row whose fields belong together; validators of a field that may be empty are not asked about an empty one."""

    def problem(self) -> tuple[str, str]:
        """Return a field and what is wrong with it, in view of the others; ("", "") when all is well."""
        return "", ""

    def validate(self, extra_validators: Any = None) -> bool:
        if not super().validate(extra_validators):
            return False
        name, told = self.problem()
        if name:
            self[name].errors = [told]
        return not name


class PartForm(Row):
    """Part of a day; an end at midnight is that of the same day."""

    start = TimeField("From")
    end = TimeField("To")

    def problem(self) -> tuple[str, str]:
        if (self.start.data is None) != (self.end.data is None):
            return "end", "Give both times, or neither."
        if not self.is_empty and self.minutes()[0] >= self.minutes()[1]:
            return "end", "The end must be after the start."
        return "", ""

    @property
    def is_empty(self) -> bool:
        return self.start.data is None and self.end.data is None

    def minutes(self) -> Minutes:
        start, end = _minute(self.start.data), _minute(self.end.data)
        return start, end or LAST_MINUTE


def _minute(value: time | None) -> int:
    return 0 if value is None else value.hour * 60 + value.minute


class DayForm(Row):
    """The parts of a day; what lies between two of them is a break."""

    parts = FieldList(FormField(PartForm), min_entries=2, max_entries=MOST_PARTS)

    def validate_parts(self, field: Any) -> None:
        if any(field.errors):
            return
        found = self.minutes()
        if any(later[0] < earlier[1] for earlier, later in itertools.pairwise(found)):
            raise ValidationError("Two of these times overlap.")

    def minutes(self) -> tuple[Minutes, ...]:
        """Return the parts in order."""
        return tuple(sorted(each.form.minutes() for each in self.parts if not each.form.is_empty))


class DateForm(DayForm):
    """A day that differs; without times a day off."""

    day = DateField("Day", [Optional()])

    def problem(self) -> tuple[str, str]:
        is_lost = self.day.data is None and self.minutes()
        return ("day", "Give the day that has these hours.") if is_lost else ("", "")


class HolidayForm(Row):
    """Days off, from the first to the last."""

    first = DateField("First day", [Optional()])
    last = DateField("Last day", [Optional()])
    name = StringField("Name", [Length(max=100)], filters=[trimmed])

    def problem(self) -> tuple[str, str]:
        first, last = self.first.data, self.last.data
        if first is None and (self.name.data or last):
            return "first", "Give the first day."
        if first and last and last < first:
            return "last", "The last day is before the first."
        return "", ""


class HoursForm(FlaskForm):
    tz = SelectField("Time zone", [known_zone], choices=zone_choices, description="By whose clock these times are.")
    weekly = FieldList(FormField(DayForm), min_entries=7, max_entries=7)
    dates = FieldList(FormField(DateForm), max_entries=MOST_DATES)
    holidays = FieldList(FormField(HolidayForm), max_entries=MOST_HOLIDAYS)
    version = IntegerField(widget=HiddenInput())

    def validate_dates(self, field: Any) -> None:
        days = [each.form.day.data for each in field if each.form.day.data]
        if len(set(days)) < len(days):
            raise ValidationError("A day is named twice.")

    def show(self, hours: Hours, version: int) -> None:
        """Fill the form with what is stored."""
        self.process(
            data={
                "tz": hours.tz,
                "weekly": [_day(parts) for parts in hours.weekly],
                "dates": [{"day": day, **_day(parts)} for day, parts in hours.dates],
                "holidays": [{"first": h.first, "last": h.last, "name": h.name} for h in hours.holidays],
                "version": version,
            }
        )
        if hours.tz not in moments.zone_names():
            self.tz.choices = [*self.tz.choices, (hours.tz, hours.tz)]

    def grow(self) -> None:
        """Add empty rows where people may want to say more."""
        for each in (*self.weekly, *self.dates):
            _grow(each.form.parts, 1, lambda part: part.is_empty, MOST_PARTS)
        _grow(self.dates, 2, lambda date: date.day.data is None and not date.minutes(), MOST_DATES)
        _grow(self.holidays, 2, lambda holiday: holiday.first.data is None, MOST_HOLIDAYS)

    def hours(self) -> Hours:
        """Return what the form says."""
        return Hours(
            self.tz.data,
            tuple(day.form.minutes() for day in self.weekly),
            tuple(sorted((d.form.day.data, d.form.minutes()) for d in self.dates if d.form.day.data)),
            tuple(_holidays(each.form for each in self.holidays)),
        )


def _holidays(forms: Iterable[HolidayForm]) -> Iterator[Holiday]:
    found = [f for f in forms if f.first.data]
    for form in sorted(found, key=lambda f: f.first.data):
        yield Holiday(form.first.data, form.last.data or form.first.data, form.name.data or "")


def _day(parts: Sequence[Minutes]) -> dict[str, Any]:
    return {"parts": [{"start": _time(start), "end": _time(end)} for start, end in parts]}


def _time(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)


def _grow(rows: Any, wanted: int, is_empty: Any, most: int) -> None:
    empty = sum(bool(is_empty(row.form)) for row in rows)
    for _ in range(min(wanted - empty, most - len(rows))):
        rows.append_entry()


def problems(row: Any) -> list[str]:
    """Return what is wrong with a row, its parts included, each once."""
    return list(dict.fromkeys(_texts(row.errors)))


def _texts(errors: Any) -> Iterator[str]:
    if isinstance(errors, dict):
        errors = errors.values()
    for each in errors:
        if isinstance(each, str) or not hasattr(each, "__iter__"):
            yield str(each)
        else:
            yield from _texts(each)
