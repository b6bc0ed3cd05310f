"""Times as people read them. Pure: the moment, the zone, the style and now are arguments.

`webapp/moments.py` binds these to the viewer's zone and the organisation's style.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from webapp.words.languages import STYLES, Style

__all__ = ["Style", "absolute", "clock", "day", "duration", "month", "relative", "span", "style", "weekday"]


def style(name: str) -> Style:
    """Return a style by its name; ISO 8601 for a name that is not known."""
    return STYLES.get(name, STYLES["iso"])


def day(value: date, how: Style) -> str:
    """Return the date alone: "7 Jan 2030"."""
    return how.day(value)


def month(value: date, how: Style) -> str:
    """Return month and year: "January 2030"."""
    return how.month(value)


def weekday(value: date, how: Style) -> str:
    """Return the short name of the day: "Mon"."""
    return how.weekday(value)


def clock(value: datetime, how: Style) -> str:
    """Return the time of day of a local datetime: "14:05"."""
    if not how.has_half_days:
        return f"{value:%H:%M}"
    return f"{value.hour % 12 or 12}:{value:%M} {'AM' if value.hour < 12 else 'PM'}"


def absolute(value: datetime, zone: ZoneInfo, how: Style) -> str:
    """Return day and time in `zone`: "7 Jan 2030, 09:00"."""
    local = value.astimezone(zone)
    return f"{day(local, how)}, {clock(local, how)}"


def relative(value: datetime, now: datetime) -> str:
    """Return the distance from now in one unit: "just now", "5 min ago", "in 3 h", "12 days ago"."""
    gap = value - now
    size = _size(abs(gap))
    if not size:
        return "just now" if gap <= timedelta() else "in a moment"
    return f"in {size}" if gap > timedelta() else f"{size} ago"


def _size(gap: timedelta) -> str:
    seconds = int(gap.total_seconds())
    if seconds < 45:
        return ""
    if seconds < 3600:
        return f"{max(1, round(seconds / 60))} min"
    if seconds < 86_400:
        return f"{round(seconds / 3600)} h"
    days = round(seconds / 86_400)
    if days < 60:
        return f"{days} day" if days == 1 else f"{days} days"
    return f"{round(days / 30.4)} months" if days < 730 else f"{days // 365} years"


def duration(milliseconds: int | float | None) -> str:
    """Return a length of time as people say it: "140 ms", "3.2 s", "4 min 10 s"; "–" for None."""
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return f"{round(milliseconds)} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def span(start: datetime, end: datetime, zone: ZoneInfo, how: Style) -> str:
    """Return a start and an exclusive end in `zone`, the day once where both share it."""
    first, last = start.astimezone(zone), end.astimezone(zone)
    if first == last:
        return absolute(first, zone, how)
    if first.date() == last.date():
        return f"{day(first, how)}, {clock(first, how)}–{clock(last, how)}"
    return f"{day(first, how)}, {clock(first, how)} – {day(last, how)}, {clock(last, how)}"
