"""Field values on pages: the words of `webapp/words/values.py` in the viewer's zone and the organisation's style.

values.text("time", content["time"])            "7 Jan 2030, 10:00–11:00, every week on MO"
values.diff("attendees", before, after)         [Change("new", "max@example.com")]
"""

from __future__ import annotations

from typing import Any

from webapp import brand, moments
from webapp.words import times
from webapp.words import values as words
from webapp.words.values import Change

__all__ = ["Change", "diff", "text"]


def text(name: str, value: Any) -> str:
    return words.text(name, value, moments.zone(), _style())


def diff(name: str, before: Any, after: Any) -> list[Change]:
    return words.diff(name, before, after, moments.zone(), _style())


def _style() -> times.Style:
    return times.style(brand.organisation().date_format)
