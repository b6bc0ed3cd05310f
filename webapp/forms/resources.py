"""Forms about resources: what they are, their calendar, and groups of them."""

from __future__ import annotations

from collections.abc import Iterable

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, HiddenInput, ListWidget

from calsync.services.groups import GroupValues
from calsync.services.resources import LONGEST_LAST_KNOWN_MINUTES, ResourceValues
from calsync.store import tables as t
from webapp.forms.fields import choices, known_zone, trimmed, zone_choices
from webapp.words import scheduling as words

_KINDS = [(value, label) for value, (label, _) in words.RESOURCE_KINDS.items()]
_UNREACHABLE = [
    ("fail_closed", f"{words.UNREACHABLE['fail_closed']}: The safe choice. Bookings wait until it can be read again."),
    ("last_known", f"{words.UNREACHABLE['last_known']}: Older than that, nothing is offered."),
    ("ignore", f"{words.UNREACHABLE['ignore']}: Bookings go on, and may collide with what stands in it."),
]


def _id_or_none(value: object) -> int | None:
    return int(str(value)) if value not in (None, "", "None") else None


class ResourceForm(FlaskForm):
    name = StringField("Name", [DataRequired("Give it a name."), Length(max=200)], filters=[trimmed])
    kind = SelectField("Kind", choices=choices(_KINDS))
    user_id = SelectField(
        "Stands for",
        coerce=_id_or_none,
        description="With a person's own login, their activities and calendars block it as well.",
    )
    capacity = IntegerField(
        "Room for", [Optional(), NumberRange(1, 100_000, "Give 1 or more, or nothing.")], description="People."
    )
    tz = SelectField("Time zone", [known_zone], choices=zone_choices, description="Its days are by this clock.")
    description = TextAreaField("Description", [Length(max=2000)], filters=[trimmed], render_kw={"rows": 2})
    when_unreachable = RadioField("While its calendar cannot be read", choices=choices(_UNREACHABLE))
    last_known_minutes = IntegerField(
        "Age of what was read last",
        [
            InputRequired("Give an age in minutes."),
            NumberRange(1, LONGEST_LAST_KNOWN_MINUTES, "An age is 1 minute to 7 days."),
        ],
        description="Minutes, at most 7 days (10080). Used by the second choice.",
        default=60,
    )
    version = IntegerField(widget=HiddenInput())

    def name_people(self, people: Iterable[t.User]) -> None:
        """Give the choices of whom it may stand for."""
        named = [(t.pk(user), user.name or user.email) for user in people]
        self.user_id.choices = choices([("", "Nobody who signs in"), *named])

    def values(self) -> ResourceValues:
        """Return what the form says. Only a person's resource stands for somebody."""
        return ResourceValues(
            name=self.name.data or "",
            kind=self.kind.data,
            tz=self.tz.data,
            user_id=self.user_id.data if self.kind.data == "person" else None,
            when_unreachable=self.when_unreachable.data,
            last_known_minutes=self.last_known_minutes.data,
            description=self.description.data or "",
            capacity=self.capacity.data if self.kind.data == "room" else None,
        )


class MapForm(FlaskForm):
    """Which calendar: the service says why one will not do, so any may be asked for."""

    calendar = SelectField(
        "Calendar",
        [InputRequired("Choose a calendar.")],
        coerce=int,
        validate_choice=False,
        description="Bookings are written to it, and what stands in it blocks the resource.",
    )

    def name_calendars(self, found: Iterable[tuple[t.Calendar, t.Account]]) -> None:
        """Give the choices, each with its account."""
        self.calendar.choices = choices((t.pk(c), f"{c.name or 'Calendar'} ({a.label})") for c, a in found)


class AskForm(FlaskForm):
    """Under which address, and through which account, a provider is asked when the resource is busy."""

    address = StringField(
        "Address",
        [DataRequired("Give its address at the provider."), Length(max=320)],
        filters=[trimmed],
        description="Of the room or person, as the provider knows it.",
    )
    account = SelectField("Asked through", [InputRequired("Choose an account.")], coerce=int, validate_choice=False)
    is_invited = BooleanField(
        "Bookings invite it",
        description="Only for the address of a room itself: a person behind an address would get mail. Its answer is "
        "shown on each booking, which then stands in this account’s main calendar.",
    )

    def name_accounts(self, found: Iterable[t.Account]) -> None:
        """Give the choices."""
        self.account.choices = choices((t.pk(account), account.label) for account in found)


class RoomForm(FlaskForm):
    """A room out of a list, by its address."""

    address = StringField("Address", [DataRequired("Choose a room."), Length(max=320)], filters=[trimmed])


class GroupForm(FlaskForm):
    name = StringField("Name", [DataRequired("Give it a name."), Length(max=200)], filters=[trimmed])
    mode = RadioField(
        "A booking takes",
        choices=choices(
            (
                ("any_of", f"{words.GROUP_MODES['any_of']}: Whichever nurse has time."),
                ("all_of", f"{words.GROUP_MODES['all_of']}: The room and the person."),
            )
        ),
    )
    pick = SelectField(
        "Which of those that are free", choices=choices(words.PICKS.items()), description="Used by the first choice."
    )
    resource_ids = SelectMultipleField(
        "Members", coerce=int, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )
    is_active = BooleanField("Can be booked")
    version = IntegerField(widget=HiddenInput())

    def name_resources(self, found: Iterable[t.Resource]) -> None:
        """Give the choices of members."""
        named = [(t.pk(r), r.name if r.is_active else f"{r.name} (disabled)") for r in found]
        self.resource_ids.choices = choices(named)

    def values(self) -> GroupValues:
        """Return what the form says."""
        return GroupValues(
            name=self.name.data or "",
            mode=self.mode.data,
            pick=self.pick.data,
            resource_ids=self.resource_ids.data or (),
            is_active=self.is_active.data,
        )
