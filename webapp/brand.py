"""The organisation's own look: its name, logo and accent colour, and the settings that every page needs.

    brand.organisation()    calsync.services.settings.Organisation, read once per request together with the switches
    brand.switches()        calsync.services.settings.Switches
    brand.stylesheet(accent)   the style sheet of an accent colour: a file, because pages carry no inline style

An accent is any colour an admin likes; text on it and links in it are shifted until they can be read (WCAG 2.2,
1.4.3: a contrast of 4.5 to 1).
"""

from __future__ import annotations

import hashlib
from html import escape

from flask import g
from sqlalchemy import select
from sqlmodel import col

from calsync.services import settings
from calsync.services.settings import Organisation, Switches
from calsync.store import tables as t
from webapp.access import runtime

READABLE = 4.5
LIGHT_SURFACE = (255, 255, 255)
DARK_SURFACE = (22, 28, 36)

Colour = tuple[int, int, int]


def organisation() -> Organisation:
    return _current()[0]


def switches() -> Switches:
    return _current()[1]


def _current() -> tuple[Organisation, Switches]:
    if "brand" not in g:
        with runtime().reading() as session:
            names = ("organisation", "switches")
            # Keeping the rows keeps them in the session: the two readers below find them there without asking again.
            kept = {row.name: row for row in session.scalars(select(t.Setting).where(col(t.Setting.name).in_(names)))}
            g.brand = (
                settings.organisation_of(session)[0] if "organisation" in kept else Organisation(),
                settings.switches_of(session)[0] if "switches" in kept else Switches(),
            )
    found: tuple[Organisation, Switches] = g.brand
    return found


def version(org: Organisation) -> str:
    """Return what the addresses of the style sheet and icon carry, so that they may be kept until it changes."""
    return hashlib.blake2b(f"{org.accent} {org.name[:1]} {org.logo}".encode(), digest_size=6).hexdigest()


def icon(org: Organisation) -> str:
    """Return the page icon as SVG: the first letter of the name on the accent."""
    base = _parse(org.accent)
    letter = escape(org.name[:1].upper() or "C")
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="8" fill="{_text(base)}"/>'
        f'<text x="16" y="22" fill="{_text(_on(base))}" font-family="sans-serif" font-size="18" '
        f'font-weight="700" text-anchor="middle">{letter}</text></svg>'
    )


def stylesheet(accent: str) -> str:
    """Return the CSS that gives pages this accent, `#rrggbb`."""
    base = _parse(accent)
    light = _readable(_readable(base, LIGHT_SURFACE, (0, 0, 0)), _soft(base, LIGHT_SURFACE), (0, 0, 0))
    dark = _readable(_readable(base, DARK_SURFACE, (255, 255, 255)), _soft(base, DARK_SURFACE), (255, 255, 255))
    return (
        f":root {{ --accent: light-dark({_text(light)}, {_text(dark)}); "
        f"--accent-solid: {_text(base)}; --accent-on: {_text(_on(base))}; }}\n"
    )


def _on(base: Colour) -> Colour:
    """Return white or black, whichever reads better on `base`: one of them always does, their contrast being 21."""
    return max(((255, 255, 255), (0, 0, 0)), key=lambda colour: contrast(colour, base))


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _readable(colour: Colour, ground: Colour, towards: Colour) -> Colour:
    for step in range(0, 101, 4):
        mixed = _mix(colour, towards, step / 100)
        if contrast(mixed, ground) >= READABLE:
            return mixed
    return towards


def _soft(colour: Colour, ground: Colour) -> Colour:
    """Return about what `--accent-soft` becomes: the ground of the current navigation item."""
    return _mix(ground, colour, 0.16)


def _mix(colour: Colour, towards: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, towards, strict=True))
    return red, green, blue


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _parse(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _text(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
