"""Words of scheduling: kinds of resources, groups, what an unreachable calendar means, hours of a week."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from calsync.engine.hours import LAST_MINUTE, Hours, Minutes
from calsync.services.link_hosts import LinkHost
from calsync.store.tables import Account
from webapp.words.states import Word
from webapp.words.texts import count, joined

RESOURCE_KINDS = {
    "room": ("Room", "door"),
    "equipment": ("Equipment", "device-desktop"),
    "person": ("Person", "user"),
}
GROUP_MODES = {"all_of": "All of them together", "any_of": "Any one that is free"}
PICKS = {"round_robin": "In turn", "fewest": "Whoever has the fewest bookings ahead"}
UNREACHABLE = {
    "fail_closed": "Offer nothing",
    "last_known": "Use what was read last, up to an age",
    "ignore": "Ignore the calendar",
}
PLACES = {"in_person": "In person", "phone": "By phone", "link": "By a link of ours"}
_SOURCES = {
    "crm": "an activity",
    "calendar": "in a calendar",
    "booking": "a booking with its buffers",
    "hold": "a slot being taken right now",
    "asked": "as its provider tells",
}
_IGNORED = {
    "free": "It is shown as free, or was declined.",
    "switched_off": "Sync Settings say that external events block no time.",
    "not_believed": "Its calendar could not be read lately and is to be ignored then.",
}
_DOUBTS = {
    "disconnected": "Its account is disconnected",
    "gone": "It no longer exists at the provider",
    "reconnect": "Its account must be reconnected",
    "paused": "Its account is paused",
    "never_read": "It was never read yet",
    "failing": "The last sync failed",
    "late": "It has not been read in time",
    "not_found": "The provider knows nobody under this address, or does not tell this account",
    "not_allowed": "The account that asks lacks the permission (reconnect it with write access, all boxes ticked)",
    "too_much": "The address stands for more than one person",
    "no_answer": "The provider could not say",
}


def resource_kind(value: str) -> str:
    return RESOURCE_KINDS.get(value, (value.capitalize(), ""))[0]


def resource_icon(value: str) -> str:
    return RESOURCE_KINDS.get(value, ("", "door"))[1]


def group_mode(value: str) -> str:
    return GROUP_MODES.get(value, value)


def pick(value: str) -> str:
    return PICKS.get(value, value)


def place(kind: str) -> str:
    """Return where something takes place: what is no place of ours is a kind of meeting that a provider makes."""
    return PLACES.get(kind) or f"Video meeting ({kind.title()})"


def host(kind: str, account: Account | None, hosting_kinds: Collection[str]) -> str:
    """Return who hosts the meeting of a booking; "" where its place is no meeting that a provider makes."""
    if kind in PLACES:
        return ""
    if kind not in hosting_kinds:
        return "The account in whose calendar the booking stands"
    if account is None:
        return "Whoever is booked; without an account of theirs the meeting waits"
    if account.state == "disconnected":
        return f"{account.label} is disconnected: whoever is booked hosts new meetings"
    return account.label


def link_host(host: LinkHost) -> str:
    """Return who makes the link of a meeting that comes with an event, or why nobody does."""
    who = joined(host.who)
    match host.why_not:
        case "":
            return f"{host.account}, when {who} is booked"
        case "no_calendar":
            return f"Nobody: {who} has no calendar for new events, so bookings get no link"
        case "other_provider":
            return f"Nobody: bookings of {who} stand in a calendar of {host.account}, which makes no such links"
        case "disconnected":
            return f"{host.account} is disconnected: bookings of {who} get no link until a calendar is chosen anew"
        case "reconnect":
            return f"{host.account} must be reconnected: bookings of {who} get their link once it is"
        case _:
            return f"{host.account} can only be read: bookings of {who} get no link until it may be written"


def unreachable(value: str, minutes: int) -> str:
    """Return what a resource does while its calendar cannot be read; `minutes` is the age of last_known."""
    if value == "last_known":
        return f"Use what was read last, up to {span(minutes)} old"
    return UNREACHABLE.get(value, value)


def doubt(why: str) -> str:
    """Return why a calendar cannot be believed now (`services.believing.doubt`), "" when it can."""
    return _DOUBTS.get(why, why.replace("_", " ").capitalize())


def calendar_worth(why: str, closes: bool, counts: bool, is_switched_off: bool) -> Word:
    """Return the badge of what a calendar is worth to a resource now (`services.believing.Source`)."""
    if is_switched_off:
        return Word("Switched off", "grey", "ban", "Sync Settings say that external events block no time.")
    if not why:
        return Word("Up to date", "green", "check", "Read in time.")
    if closes:
        return Word("Offers nothing", "red", "lock", f"{doubt(why)}, so nothing counts as free.")
    if not counts:
        return Word("Ignored", "amber", "eye-off", f"{doubt(why)}, so what stands in it is ignored.")
    return Word("Last known", "amber", "clock", f"{doubt(why)}; what was read last still counts.")


def busy_source(source: str) -> str:
    """Return what kind of thing takes time (`services.busy`)."""
    return _SOURCES.get(source, source)


def hidden_source(source: str) -> str:
    """Return what stands in the place of a title that is not for the viewer."""
    return "Booked" if source in ("booking", "hold") else "Busy"


def ignored(code: str) -> str:
    """Return why something takes no time after all (`services.busy.Busy.ignored`)."""
    return _IGNORED.get(code, code.replace("_", " ").capitalize())


def span(minutes: int) -> str:
    """Return a length in its largest whole unit: "90 minutes", "2 hours", "3 days"."""
    for size, unit in ((1440, "day"), (60, "hour")):
        if minutes and minutes % size == 0:
            return count(minutes // size, unit)
    return count(minutes, "minute")


def hours(value: Hours, weekdays: Sequence[str], clock: Callable[[int], str]) -> str:
    """Return a week in words, days alike together: "Mon–Fri 09:00–17:00, Sat 10:00–12:00"."""
    runs: list[tuple[int, int, tuple[Minutes, ...]]] = []
    for day, parts in enumerate(value.weekly):
        if runs and runs[-1][2] == parts:
            runs[-1] = (runs[-1][0], day, parts)
        else:
            runs.append((day, day, parts))
    told = [f"{_days(weekdays, first, last)} {_parts(parts, clock)}" for first, last, parts in runs if parts]
    return ", ".join(told) or "Closed all week"


def _days(weekdays: Sequence[str], first: int, last: int) -> str:
    if first == last:
        return weekdays[first]
    return f"{weekdays[first]}{'–' if last > first + 1 else ' and '}{weekdays[last]}"


def _parts(parts: Sequence[Minutes], clock: Callable[[int], str]) -> str:
    if tuple(parts) == ((0, LAST_MINUTE),):
        return "all day"
    return " and ".join(f"{clock(start)}–{clock(end)}" for start, end in parts)
