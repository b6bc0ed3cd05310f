"""The person's settings, and the colours that ids stand for (contract 13.2, 13.3)."""

from __future__ import annotations

from tests.emulators.google import errors, listing
from tests.emulators.google import world as worlds
from tests.emulators.google.access import Call
from tests.emulators.google.listing import Listing
from tests.emulators.google.model import Resource, Setting

EVENT_SHADES = "a4bdfc 7ae7bf dbadff ff887c fbd75b ffb878 46d6db e1e1e1 5484ed 51b749 dc2127".split()
CALENDAR_SHADES = (
    "ac725e d06b64 f83a22 fa573c ff7537 ffad46 42d692 16a765 7bd148 b3dc6c fbe983 fad165 "
    "92e1c0 9fe1e7 9fc6e7 4986e7 9a9cff b99aff c2c2c2 cabdbf cca6ac f691b2 cd74e6 a47ae2"
).split()


def _palette(shades: list[str]) -> dict[str, Resource]:
    return {
        str(number): {"background": f"#{shade}", "foreground": "#1d1d1d"}
        for number, shade in enumerate(shades, start=1)
    }


EVENT_COLOURS = _palette(EVENT_SHADES)
CALENDAR_COLOURS = _palette(CALENDAR_SHADES)


def colours_of(colour_id: str) -> Resource:
    """Return what a calendar list entry says about its colour."""
    shade = CALENDAR_COLOURS[colour_id]
    return {"colorId": colour_id, "backgroundColor": shade["background"], "foregroundColor": "#000000"}


def get_colours(call: Call) -> Resource:
    return {
        "kind": "calendar#colors",
        "updated": "2012-02-14T00:00:00.000Z",
        "calendar": CALENDAR_COLOURS,
        "event": EVENT_COLOURS,
    }


def list_settings(call: Call) -> Resource:
    resource = worlds.settings_of(call.user.email)
    mark = listing.find_mark(call, resource)
    rest = listing.next_page(call)
    if rest is None:
        since = mark.revision if mark else 0
        chosen = [(key, one) for key, one in call.user.settings.items() if one.revision > since]
        rest = listing.first_page(call, [_shown(key, one) for key, one in chosen])
    return listing.page(call, Listing(resource, {"kind": "calendar#settings"}, 100, 250), rest)


def get_setting(call: Call) -> Resource:
    setting = call.user.settings.get(call.path["setting"])
    if setting is None:
        raise errors.of(404)
    return _shown(call.path["setting"], setting)


def _shown(key: str, setting: Setting) -> Resource:
    etag = f'"{1_700_000_000_000_000 + setting.revision}"'
    return {"kind": "calendar#setting", "etag": etag, "id": key, "value": setting.value}
