"""How dates are written in each language that an organisation may choose: names of months and days, their order.

Only dates: the words of the pages are English. Short names are those that calendars in print use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Style:
    """One way to write dates.

    `day` and `clock` are str.format patterns over d, mon, m, y, h, h12, mi, ap. `code` is the language's tag (BCP 47).
    """

    code: str
    label: str
    day: str
    clock: str
    months: tuple[str, ...]
    long_months: tuple[str, ...]
    weekdays: tuple[str, ...]  # from Monday

    @property
    def has_half_days(self) -> bool:
        """Whether the clock goes to twelve, twice a day."""
        return "{ap}" in self.clock


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ENGLISH = (
    _names("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
    _names("January February March April May June July August September October November December"),
    _names("Mon Tue Wed Thu Fri Sat Sun"),
)
_PLAIN, _HALF_DAYS = "{h:02}:{mi:02}", "{h12}:{mi:02} {ap}"
_DAY_FIRST = "{d} {mon} {y}"

STYLES: Mapping[str, Style] = {
    "iso": Style("en", "International", "{y:04}-{m:02}-{d:02}", _PLAIN, *_ENGLISH),
    "dmy": Style("en-GB", "English (UK)", _DAY_FIRST, _PLAIN, *_ENGLISH),
    "mdy": Style("en-US", "English (US)", "{mon} {d}, {y}", _HALF_DAYS, *_ENGLISH),
    "de": Style(
        "de",
        "Deutsch",
        "{d}. {mon} {y}",
        _PLAIN,
        _names("Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez."),
        _names("Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
        _names("Mo Di Mi Do Fr Sa So"),
    ),
    "fr": Style(
        "fr",
        "Français",
        _DAY_FIRST,
        _PLAIN,
        _names("janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc."),
        _names("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
        _names("lun. mar. mer. jeu. ven. sam. dim."),
    ),
    "es": Style(
        "es",
        "Español",
        _DAY_FIRST,
        _PLAIN,
        _names("ene feb mar abr may jun jul ago sept oct nov dic"),
        _names("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"),
        _names("lun mar mié jue vie sáb dom"),
    ),
    "it": Style(
        "it",
        "Italiano",
        _DAY_FIRST,
        _PLAIN,
        _names("gen feb mar apr mag giu lug ago set ott nov dic"),
        _names("gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"),
        _names("lun mar mer gio ven sab dom"),
    ),
    "nl": Style(
        "nl",
        "Nederlands",
        _DAY_FIRST,
        _PLAIN,
        _names("jan feb mrt apr mei jun jul aug sep okt nov dec"),
        _names("januari februari maart april mei juni juli augustus september oktober november december"),
        _names("ma di wo do vr za zo"),
    ),
}
"""By the name that the organisation's date format is stored under."""
