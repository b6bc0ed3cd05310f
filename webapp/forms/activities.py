"""The form of an activity, and what it means to `calsync.services.activities`, which names the fields likewise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    TimeField,
)
from wtforms.fields import FieldList
from wtforms.validators import DataRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, HiddenInput, ListWidget

from calsync.engine import mapping, slots
from calsync.engine.event import Event, Floating, Moment
from calsync.engine.rrule import WEEKDAYS
from calsync.engine.vocabulary import Kind
from calsync.store import tables as t
from webapp import moments, words
from webapp.forms import recurrence
from webapp.forms.fields import choices, trimmed, zone_choices

UNITS = ((1, "minutes"), (60, "hours"), (1440, "days"), (10080, "weeks"))
WAYS = (("popup", "on screen"), ("email", "by mail"))
PLACES = (("", "Not said"), ("in_person", "In person"), ("phone", "By phone"), ("link", "By a link"))
MOST_REMINDERS = 10
SCOPES = (
    ("this", "This one: The others stay as they are."),
    ("following", "This and following: Earlier ones stay as they are."),
    ("all", "All: The whole series."),
)
ORPHANS = (
    ("keep", "Keep them: Each becomes an activity of its own."),
    ("cancel", "Cancel them: They leave the calendar."),
)


_GUEST = re.compile(r"[^\n;<>]*<[^\n<>]*>|[^\n;,<>]+")
"""A name with an address in angle brackets, in which a comma may be part of the name; or an address alone."""


class ReminderForm(Form):
    """One reminder; without a number it is not there."""

    number = IntegerField("Before the start", [Optional(), NumberRange(0, 40320)])
    unit = SelectField("Unit", choices=choices(UNITS), coerce=int, default=1)
    method = SelectField("How", choices=choices(WAYS), default="popup")


def weekday_choices() -> list[Any]:
    return choices(zip(WEEKDAYS, moments.weekdays(), strict=True))


class Days(SelectMultipleField):
    """Weekdays as checkboxes."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class ActivityForm(FlaskForm):
    kind = SelectField("Kind", choices=choices((k.value, words.kind(k)) for k in Kind))
    title = StringField("Title", [DataRequired("Give it a title."), Length(max=1000)], filters=[trimmed])
    owner = SelectField("Whose calendar", coerce=int)
    timing = RadioField(
        "A task has", choices=choices((("due", "A due time"), ("span", "A start and an end"))), default="due"
    )
    all_day = BooleanField("All day")
    start = DateField("Starts", [Optional()])
    start_at = TimeField("Starts at", [Optional()])
    end = DateField("Ends", [Optional()])
    end_at = TimeField("Ends at", [Optional()])
    due = DateField("Due", [Optional()])
    due_at = TimeField("Due at", [Optional()])
    tz = SelectField("Time zone", choices=zone_choices)
    repeats = SelectField("Repeats", choices=choices(recurrence.CHOICES), default="none")
    interval = IntegerField("Every", [Optional(), NumberRange(1, 999)], default=1)
    days = Days("On", choices=weekday_choices)
    ends = SelectField("The series ends", choices=choices(recurrence.ENDS), default="never")
    until_on = DateField("Last day", [Optional()])
    count = IntegerField("Times", [Optional(), NumberRange(1, 9999)])
    rrule = StringField(
        "Rule",
        [Length(max=1000)],
        filters=[trimmed],
        description="An RRULE as RFC 5545 writes it. Example: FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1",
    )
    location_kind = SelectField("Where", choices=choices(PLACES))
    location = StringField("Place or number", [Length(max=2000)], filters=[trimmed])
    conference = StringField(
        "Link to join", [Length(max=2000)], filters=[trimmed], render_kw={"type": "url", "placeholder": "https://"}
    )
    attendees = TextAreaField(
        "Guests",
        description="One address per line, with a name if you like: Max Roe <max@example.com>",
        render_kw={"rows": 3},
    )
    reminders = FieldList(FormField(ReminderForm), min_entries=2, max_entries=MOST_REMINDERS)
    description = TextAreaField("Description", [Length(max=60_000)], render_kw={"rows": 4})
    visibility = SelectField(
        "Visibility",
        choices=choices((("public", "Public"), ("private", "Private"), ("confidential", "Confidential"))),
        description="Of a private one others here see the time alone.",
    )
    show_as = SelectField("Shown as", choices=choices((("busy", "Busy"), ("free", "Free"))))
    status = SelectField("Status", choices=choices((("confirmed", "Confirmed"), ("tentative", "Tentative"))))
    url = StringField("Web page", [Length(max=2000)], filters=[trimmed], render_kw={"type": "url"})
    external_id = StringField(
        "CRM id", [Length(max=200)], filters=[trimmed], description="The id under which your CRM knows it."
    )
    scope = RadioField("What to change", choices=choices(SCOPES), default="this")
    orphans = RadioField(
        "Changed occurrences without a place", [Optional()], choices=choices(ORPHANS), validate_choice=False
    )
    version = IntegerField(widget=HiddenInput())
    occurrence = HiddenField()
    next = HiddenField()

    def validate(self, extra_validators: Any = None) -> bool:
        """Check each field, then what belongs together: a choice asks for the fields that it needs."""
        is_valid = super().validate(extra_validators)
        for name, reason in self._missing():
            if not self[name].errors:
                self[name].errors = [reason]
                is_valid = False
        return is_valid

    def _missing(self) -> Iterator[tuple[str, str]]:
        choice = self.choice()
        if self.is_due and self.due.data is None:
            yield "due", "Give the day it is due."
        if not self.is_due and self.start.data is None:
            yield "start", "Give a day."
        elif not (self.is_due or self.all_day.data) and self.start_at.data is None:
            yield "start_at", "Give a time as well, or switch all day on."
        if choice.ends == "on" and choice.until is None:
            yield "until_on", "Give the last day."
        if choice.ends == "after" and choice.count is None:
            yield "count", "Give how many times."
        if choice.repeats == "custom" and not choice.custom:
            yield "rrule", "Give the rule, or choose another way to repeat."

    @property
    def is_due(self) -> bool:
        return self.kind.data == Kind.TASK and self.timing.data == "due"

    def choice(self) -> recurrence.Choice:
        """Return what was chosen about repeating; parts that do not belong to the choice are left out."""
        repeats, ends = self.repeats.data or "none", self.ends.data or "never"
        if repeats in ("none", "custom"):
            return recurrence.Choice(repeats, custom=(self.rrule.data or "") if repeats == "custom" else "")
        return recurrence.Choice(
            repeats,
            interval=1 if repeats == "weekdays" else self.interval.data or 1,
            days=tuple(d for d in WEEKDAYS if d in (self.days.data or ())) if repeats == "weekly" else (),
            ends=ends,
            until=self.until_on.data if ends == "on" else None,
            count=self.count.data if ends == "after" else None,
        )

    def moments(self) -> dict[str, Moment]:
        """Return start and end, or the due time, as the form says them; the end of days is exclusive."""
        if self.is_due and self.due.data:
            return {"due": self._moment(self.due.data, self.due_at.data)}
        if self.start.data is None:
            return {}
        last = self.end.data or self.start.data
        if self.all_day.data:
            return {"start": self.start.data, "end": last + timedelta(days=1)}
        start = self._moment(self.start.data, self.start_at.data)
        if self.end.data is None and self.end_at.data is None:
            return {"start": start}
        return {"start": start, "end": self._moment(last, self.end_at.data or self.start_at.data)}

    def _moment(self, day: date, at: time | None) -> Moment:
        if at is None:
            return day
        return slots.instant(Floating(datetime.combine(day, at)), recurrence.shown_zone(self.tz.data))


def values(form: ActivityForm) -> dict[str, Any]:
    """Return everything the form says, as services name it."""
    moments = form.moments()
    zone = recurrence.shown_zone(form.tz.data)
    first = moments.get("start") or moments.get("due") or date(2000, 1, 1)
    plain = ("kind", "title", "location_kind", "location", "conference", "url", "description")
    more = ("visibility", "show_as", "status", "external_id")
    found = {name: form[name].data or "" for name in (*plain, *more)}
    found |= moments
    found |= {"tz": form.tz.data} if isinstance(first, datetime) else {}
    found["rrule"] = recurrence.rule(form.choice(), first, zone)
    found["attendees"] = guests(form.attendees.data or "")
    found["reminders"] = sorted({(r["number"] * r["unit"], r["method"]) for r in form.reminders.data if _is_there(r)})
    return found


def changes(form: ActivityForm, initial: ActivityForm, scope: str) -> dict[str, Any]:
    """Return what a person changed on the form, so that what the form cannot show stays as it is."""
    new, old = values(form), values(initial)
    found = {name: value for name, value in new.items() if old.get(name) != value and name != "rrule"}
    if {"start", "end"} & set(found):
        found |= {name: new[name] for name in ("start", "end") if name in new}
    if form.choice() != initial.choice() or (scope != "this" and old["rrule"] != new["rrule"]):
        found["rrule"] = new["rrule"]
    return found


def guests(text: str) -> dict[str, str]:
    """Return addresses and names; guests stand apart by lines, commas or semicolons: "Max Roe <max@example.com>"."""
    found = {}
    for part in _GUEST.findall(text):
        name, bracket, address = part.strip(" ,\t").rpartition("<")
        address = address.removesuffix(">").strip()
        if address:
            found[address] = name.strip().strip('"') if bracket else ""
    return found


def _is_there(reminder: dict[str, Any]) -> bool:
    return reminder.get("number") is not None


# --- what stands in the form at first


def data_of(row: t.Activity, event: Event, zone_name: str) -> dict[str, Any]:
    """Return the form's data of an activity, or of one occurrence of it: `event`."""
    tz = event.tz or zone_name
    zone = recurrence.shown_zone(tz)
    series = mapping.event_of(row)
    choice = recurrence.choice_of(series.rrule, series.start, zone)
    return {
        "kind": row.kind,
        "title": event.summary,
        "owner": row.owner_id,
        "tz": tz,
        **_times(event, row.due_is if row.kind == Kind.TASK else None, zone),
        "repeats": choice.repeats,
        "interval": choice.interval,
        "days": list(choice.days),
        "ends": choice.ends,
        "until_on": choice.until,
        "count": choice.count,
        "rrule": choice.custom,
        "location_kind": row.location_kind,
        "location": event.location,
        "conference": event.conference or "",
        "url": event.url or "",
        "attendees": "\n".join(f"{a.name} <{a.address}>" if a.name else a.address for a in event.attendees),
        "reminders": [_reminder(r.minutes, r.method) for r in event.reminders if r.minutes >= 0] + [{}],
        "description": event.description,
        "visibility": event.classification,
        "show_as": "busy" if event.transparency == "opaque" else "free",
        "status": event.status if event.status == "tentative" else "confirmed",
        "external_id": row.external_id or "",
        "version": row.row_version,
    }


def _times(event: Event, due_is: str | None, zone: Any) -> dict[str, Any]:
    last = slots.later(event.end, timedelta(days=-1)) if event.is_all_day else event.end
    due = mapping.due_of(event, due_is) if due_is else None
    (start, start_at), (end, end_at), (due_on, due_at) = (_wall(m, zone) for m in (event.start, last, due))
    times_ = {"start": start, "start_at": start_at, "end": end, "end_at": end_at, "due": due_on, "due_at": due_at}
    return times_ | {"all_day": event.is_all_day, "timing": "due" if due_is else "span"}


def _wall(moment: Moment | None, zone: Any) -> tuple[date | None, time | None]:
    if isinstance(moment, Floating):
        return moment.wall.date(), moment.wall.time()
    if isinstance(moment, datetime):
        local = moment.astimezone(zone)
        return local.date(), local.time().replace(second=0, microsecond=0)
    return moment, None


def _reminder(minutes: int, method: str) -> dict[str, Any]:
    unit = next((size for size, _ in reversed(UNITS) if minutes and minutes % size == 0), 1)
    return {"number": minutes // unit, "unit": unit, "method": method}
