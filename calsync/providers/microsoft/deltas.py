"""What a delta says, and where it goes on (contract section A9). Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from calsync.errors import CursorExpired, Unavailable
from calsync.providers.microsoft import codec

Json = dict[str, Any]

_FORM = 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where to go on: a delta link, and the day on which its window began. Without a link there is no delta."""

    link: str
    day: date

    @property
    def text(self) -> str:
        return json.dumps({"form": _FORM, "day": self.day.isoformat(), "link": self.link})


@dataclass(slots=True)
class Touched:
    """What a delta names, to be looked at."""

    singles: dict[str, str | None] = field(default_factory=dict)
    series: dict[str, None] = field(default_factory=dict)
    occurrences: set[str] = field(default_factory=set)
    removed: dict[str, None] = field(default_factory=dict)

    def add(self, item: Json) -> None:
        """Note one entry; of an event that comes twice the last counts."""
        handle = str(item["id"])
        self.singles.pop(handle, None)
        self.removed.pop(handle, None)
        master = codec.series_of(item)
        if "@removed" in item:
            self.removed[handle] = None
        elif master is not None:
            self.series[master] = None
            if item.get("type") == "occurrence":
                self.occurrences.add(handle)
        elif codec.is_master(item):
            self.series[handle] = None
        else:
            self.singles[handle] = codec.version_of(item)

    def __bool__(self) -> bool:
        return bool(self.singles or self.series or self.removed)


def parse(text: str) -> Cursor:
    """Read a cursor. Raises CursorExpired for one that is none, or that belongs to another list."""
    try:
        said = json.loads(text)
        if said["form"] == _FORM:
            return Cursor(str(said["link"]), date.fromisoformat(said["day"]))
    except (ValueError, KeyError, TypeError) as error:
        raise CursorExpired("this is no cursor") from error
    raise CursorExpired("the cursor belongs to another list")


def end_of(page: Json) -> str:
    """Return the link that leads on from the last page of a delta. Raises Unavailable for a page without one."""
    link = page.get("@odata.deltaLink")
    if not link:
        raise Unavailable("the list ends without saying where to go on")
    return str(link)
