"""How dates are written in each language that an organisation may choose.

Only dates: the words of the pages are English. The names and their order are those of Unicode's CLDR, through Babel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from babel import Locale
from babel.dates import format_date, format_skeleton

from calsync.services.settings import DATE_FORMATS

_OWN = {"iso": "en", "dmy": "en_GB", "mdy": "en_US"}
"""Formats that are not named after their language."""


@dataclass(frozen=True)
class Style:
    """One way to write dates. `name` is the one that the organisation's date format is stored under."""

    name: str

    @cached_property
    def locale(self) -> Locale:
        return Locale.parse(_OWN.get(self.name, self.name))

    @property
    def tag(self) -> str:
        """The language as browsers know it. The international way names days in English, the day first."""
        return "en-GB" if self.name == "iso" else str(self.locale).replace("_", "-")

    @property
    def label(self) -> str:
        if self.name == "iso":
            return "International"
        label = str(self.locale.get_display_name(self.locale) or self.name)
        return label[0].upper() + label[1:]

    @property
    def has_half_days(self) -> bool:
        """Whether the clock goes to twelve, twice a day."""
        return self.name == "mdy"

    def day(self, value: date) -> str:
        return value.isoformat()[:10] if self.name == "iso" else format_skeleton("yMMMd", value, locale=self.locale)

    def month(self, value: date) -> str:
        return format_skeleton("yMMMM", value, locale=self.locale)

    def weekday(self, value: date) -> str:
        return format_date(value, "EEE", locale=self.locale)

    @cached_property
    def weekdays(self) -> tuple[str, ...]:
        """Short names from Monday."""
        return tuple(self.weekday(date(2030, 1, 7 + day)) for day in range(7))


STYLES: Mapping[str, Style] = {name: Style(name) for name in DATE_FORMATS}
