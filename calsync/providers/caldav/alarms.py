"""VALARM to reminders. Alarms that a reminder cannot say (absolute, from the end, by the second) stay as they are."""

from __future__ import annotations

from functools import lru_cache

from calsync.engine.event import Reminder
from calsync.providers.caldav import lines, values
from calsync.providers.caldav.lines import Broken, Component

_METHODS = {"DISPLAY": "popup", "AUDIO": "popup", "EMAIL": "email"}


def reminders(event: Component) -> tuple[Reminder, ...]:
    """Return what the alarms of an event say as reminders, each once."""
    found = (reminder(alarm) for alarm in event.children("VALARM"))
    return tuple(dict.fromkeys(r for r in found if r is not None))


def reminder(alarm: Component) -> Reminder | None:
    """Return an alarm as a reminder; None for one we do not model, and for the server's own default alarms."""
    trigger, action = alarm.first("TRIGGER"), alarm.first("ACTION")
    if trigger is None or action is None or alarm.first("X-APPLE-DEFAULT-ALARM"):
        return None
    method = _METHODS.get(action.value.strip().upper())
    minutes = _minutes_before(trigger)
    return None if method is None or minutes is None else Reminder(minutes, method)


def _minutes_before(trigger: lines.Line) -> int | None:
    parameters = trigger.parameters
    if parameters.get("RELATED", "START").upper() != "START" or parameters.get("VALUE", "").upper() == "DATE-TIME":
        return None
    return _minutes(trigger.value)


@lru_cache(maxsize=1024)
def _minutes(value: str) -> int | None:
    try:
        seconds = values.duration(value).total.total_seconds()
    except Broken:
        return None
    return int(-seconds // 60) if seconds % 60 == 0 else None


def component(wanted: Reminder, summary: str, address: str | None, newline: str) -> Component:
    """Return a new VALARM. One that mails needs a title and somebody to mail (RFC 5545 section 3.6.6)."""
    text = values.escaped(summary) or "Reminder"
    sign = "-" if wanted.minutes > 0 else ""
    content = [f"TRIGGER:{sign}PT{abs(wanted.minutes)}M", f"DESCRIPTION:{text}"]
    if wanted.method == "email":
        content += ["ACTION:EMAIL", f"SUMMARY:{text}", *([f"ATTENDEE:mailto:{address}"] if address else [])]
    else:
        content += ["ACTION:DISPLAY"]
    items = [lines.from_text(line, newline) for line in content]
    return Component("VALARM", f"BEGIN:VALARM{newline}", list(items), f"END:VALARM{newline}")
