"""iCalendar text as a tree of content lines that remembers every byte it came from.

Only the grammar of RFC 5545 section 3.1 is here (lines, folding, parameters, nesting); what a property means is not.
A line that nobody touches is written back exactly as it was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from calsync.errors import CalsyncError

FOLD_OCTETS = 75

# Whole zones, or else lines with what is folded behind them, and the name where the line begins with one. A time
# zone's rules are taken as one piece: they are long, and rarely needed.
_TOKEN = re.compile(
    r"(BEGIN:VTIMEZONE[ \t]*\r?\n(?:[^\n]*\n)*?END:VTIMEZONE[ \t]*\r?(?:\n|\Z))"
    r"|((?:([A-Z0-9_-]+)[;:])?[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z))",
    re.IGNORECASE | re.ASCII,
)
_FOLD = re.compile(r"\r?\n[ \t]")
_NAME = re.compile(r"([A-Za-z0-9_-]+)([;:])")
_PARAMETER = re.compile(r';\s*([A-Za-z0-9_-]+)=("[^"]*"(?:,"[^"]*")*|[^;:"]*)')
_CARET = {"^n": "\n", "^N": "\n", "^'": '"', "^^": "^"}

_FRAME = frozenset(("BEGIN", "END"))

# The values of these hold no colon, and some writers leave one in an unquoted TZID.
_LAST_COLON = frozenset(("DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE", "DUE"))


class Broken(CalsyncError):
    """The text cannot be read as events; the message says what is wrong with it."""


@dataclass(slots=True)
class Line:
    """One content line. `raw` is what stood there, folds and line end included; `name` is in upper case."""

    raw: str
    name: str
    text: str = ""
    """The line unfolded, without its end."""

    @property
    def value(self) -> str:
        return self.text[_colon(self.name, self.text) + 1 :]

    @property
    def parameters(self) -> Mapping[str, str]:
        """Parameters by upper-case name, decoded (RFC 6868); of a repeated one the first."""
        head = self.text[len(self.name) : _colon(self.name, self.text)]
        return _parameters(head) if head else {}

    def changed(self, newline: str, value: str | None = None, parameters: Mapping[str, str | None] = {}) -> Line:
        """Return the line with another value and some parameters set, or removed where None.

        Parameters that are not named stay as they were written.
        """
        colon = _colon(self.name, self.text)
        found = _split(self.text[len(self.name) : colon])
        names = {name for name, _ in found}
        kept = [(name, _rewritten(raw, parameters.get(name, _decoded(raw)))) for name, raw in found]
        new = [(name, _encoded(text)) for name, text in parameters.items() if text is not None and name not in names]
        head = "".join(f";{name}={raw}" for name, raw in (*kept, *new) if raw is not None)
        written = self.text[: len(self.name)]
        return from_text(f"{written}{head}:{self.text[colon + 1 :] if value is None else value}", newline)


@dataclass(slots=True)
class Component:
    """A BEGIN…END block. The root has no name and holds all the text; of a VTIMEZONE only `begin` is set."""

    name: str
    begin: str = ""
    items: list[Line | Component] = field(default_factory=list)
    end: str = ""

    def lines(self, *names: str) -> list[Line]:
        """Return this component's own lines of these names, in order."""
        return [item for item in self.items if isinstance(item, Line) and item.name in names]

    def by_name(self) -> dict[str, list[Line]]:
        """Return this component's own lines, those of each name in order."""
        found: dict[str, list[Line]] = {}
        for item in self.items:
            if isinstance(item, Line):
                found.setdefault(item.name, []).append(item)
        return found

    def first(self, name: str) -> Line | None:
        return next((item for item in self.items if isinstance(item, Line) and item.name == name), None)

    def children(self, name: str) -> list[Component]:
        return [item for item in self.items if isinstance(item, Component) and item.name == name]

    def set(self, old: Line | None, new: Line | None) -> None:
        """Put `new` in the place of `old`. Without `old` it goes behind the last line of its name, else before the
        first inner component; without `new` the old one goes.
        """
        place = self._place_for(new.name if new else "") if old is None else self._index(old)
        self.items[place : place + (old is not None)] = [] if new is None else [new]

    def drop(self, item: Line | Component) -> None:
        del self.items[self._index(item)]

    def _index(self, item: Line | Component) -> int:
        return next(index for index, known in enumerate(self.items) if known is item)

    def _place_for(self, name: str) -> int:
        same = [index for index, item in enumerate(self.items) if isinstance(item, Line) and item.name == name]
        inner = (index for index, item in enumerate(self.items) if isinstance(item, Component))
        return same[-1] + 1 if same else next(inner, len(self.items))

    def text(self) -> str:
        """Return the text of the component; unchanged parts exactly as they were read."""
        inner = "".join(item.raw if isinstance(item, Line) else item.text() for item in self.items)
        return f"{self.begin}{inner}{self.end}"

    def copy(self) -> Component:
        """Return an independent copy."""
        return parse(self.text()).items[0]  # type: ignore[return-value]


def parse(text: str) -> Component:
    """Read text into a tree whose `text()` is the text. Raises Broken when a block does not end."""
    if "\n" not in text and "\r" in text:
        text = text.replace("\r", "\n")
    root = Component("")
    stack = [root]
    for zone, raw, name in _TOKEN.findall(text):
        if zone:
            stack[-1].items.append(Component("VTIMEZONE", zone))
        elif raw:
            line = _line(raw, name)
            if line.name in _FRAME:
                _place(line, stack)
            else:
                stack[-1].items.append(line)
    if len(stack) > 1:
        raise Broken(f"the text ends in the middle of a {stack[-1].name}")
    return root


def _place(line: Line, stack: list[Component]) -> None:
    """Open or close a block."""
    if line.name == "BEGIN":
        component = Component(line.value.strip().upper(), line.raw)
        stack[-1].items.append(component)
        stack.append(component)
    elif stack[-1].name != line.value.strip().upper():
        raise Broken(f"END:{line.value.strip()} closes nothing")
    else:
        stack.pop().end = line.raw


def _line(raw: str, name: str) -> Line:
    """Return a line. `name` is what it begins with: "" also where a name is folded or a mark stands before it."""
    text = raw.rstrip("\r\n")
    if "\n" in text:
        text = _unfolded(text)
    if name:
        return Line(raw, name.upper(), text)
    text = text.lstrip("\ufeff")
    match = _NAME.match(text)
    return Line(raw, match[1].upper() if match else "", text)


def _unfolded(text: str) -> str:
    text = text.replace("\r\n ", "").replace("\n ", "")
    return _FOLD.sub("", text) if "\n" in text else text  # hardly anybody folds with a tab


def from_text(text: str, newline: str) -> Line:
    """Return a new line: folded at 75 octets, never inside a character.

    A line end inside it would begin another property, so it becomes a space.
    """
    text = re.sub(r"[\r\n]+", " ", text)
    match = _NAME.match(text)
    return Line(folded(text, newline), match[1].upper() if match else "", text)


def folded(text: str, newline: str) -> str:
    """Return the content line as it is written, with its end."""
    if len(text) * 4 <= FOLD_OCTETS or len(text.encode("utf-8", "replace")) <= FOLD_OCTETS:
        return text + newline
    return f"{newline} ".join(_pieces(text)) + newline


def _pieces(text: str) -> Iterator[str]:
    start, size, room = 0, 0, FOLD_OCTETS
    for index, character in enumerate(text):
        octets = len(character.encode("utf-8", "replace"))
        if size + octets > room:
            yield text[start:index]
            start, size, room = index, 0, FOLD_OCTETS - 1  # the space that continues counts
        size += octets
    yield text[start:]


def newline_of(text: str) -> str:
    """Return the line end that a text uses. XML turns CRLF into LF on the way."""
    return "\r\n" if "\r\n" in text else "\n"


def _colon(name: str, text: str) -> int:
    """Return where the value begins, less one."""
    if name in _LAST_COLON:
        return text.rfind(":")
    colon = text.find(":")
    if '"' not in text[:colon]:
        return colon
    position = len(name)
    while match := _PARAMETER.match(text, position):
        position = match.end()
    return position if text[position : position + 1] == ":" else colon


@lru_cache(maxsize=4096)
def _parameters(head: str) -> Mapping[str, str]:
    # The same few zones and people stand in nearly every event of a calendar.
    return {name: _decoded(value) for name, value in reversed(_split(head))}


def _split(head: str) -> list[tuple[str, str]]:
    """Return parameters as (upper-case name, raw value) in order."""
    return [(match[1].upper(), match[2]) for match in _PARAMETER_LOOSE.finditer(head)]


# The colon is already found, so a value may hold one here.
_PARAMETER_LOOSE = re.compile(r';\s*([A-Za-z0-9_-]+)=("[^"]*"(?:,"[^"]*")*|[^;"]*)')


def _decoded(value: str) -> str:
    if value.startswith('"') and value.endswith('"') and value.count('"') == 2:
        value = value[1:-1]
    return re.sub(r"\^[nN'^]", lambda match: _CARET[match[0]], value) if "^" in value else value


def _rewritten(raw: str, wanted: str | None) -> str | None:
    if wanted is None or _decoded(raw) == wanted:
        return raw if wanted is not None else None
    return _encoded(wanted)


def _encoded(value: str) -> str:
    value = value.replace("^", "^^").replace("\r\n", "\n").replace("\n", "^n").replace('"', "^'")
    value = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", value)
    return f'"{value}"' if re.search(r"[;:,]", value) else value


def zone_block(text: str) -> Component:
    """Return a VTIMEZONE that is written as one piece."""
    return Component("VTIMEZONE", text)
