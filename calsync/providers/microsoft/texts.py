"""Descriptions: Outlook's are HTML that the server wraps and cleans, ours are plain text (contract section A4.2). Pure.

A line is written as a `div` of its own, an empty one with a break in it, so that reading it back gives the same lines
whatever the server puts around them. The lines that Teams adds about a meeting are not ours: they are left out when a
text is read, and written back as they stood, because without them the link is gone from the event.
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

_SPACE = re.compile(r"[ \t\r\n\f]+")
_WIDE = re.compile(r"^ | $|(?<= ) ")
_RULER = re.compile(r"_{30,}")
_JOIN = re.compile(r"https://[^\"'\s<>]*teams\.", re.IGNORECASE)

_BLOCKS = frozenset(
    "address article blockquote body center div dd dl dt fieldset footer form h1 h2 h3 h4 h5 h6 header hr html li ol p "
    "pre section table tbody tr ul".split()
)
"""Elements that stand on lines of their own."""

_HIDDEN = frozenset("head script style title".split())


def to_text(description: str) -> str:
    """Return HTML as plain text: breaks as line ends, list items with dashes, links with their address."""
    own, meeting = split(description)
    text = _read(own)
    return text.rstrip() if meeting else text


def to_html(text: str) -> str:
    """Return what to write so that `to_text` gives the text back, spaces at the edges of lines included."""
    if not text:
        return ""
    return "".join(f"<div>{_line(line) or '<br>'}</div>" for line in text.replace("\r\n", "\n").split("\n"))


def split(description: str) -> tuple[str, str]:
    """Return a description without what Teams wrote about the meeting, and that; "" where there is none.

    Teams puts its lines between two rulers of underscores.
    """
    rulers = list(_RULER.finditer(description))
    if len(rulers) < 2:
        return description, ""
    begin, end = rulers[0].start(), rulers[-1].end()
    if not _JOIN.search(description, begin, end):
        return description, ""
    return description[:begin] + description[end:], description[begin:end]


def beside_meeting(description: str, stored: str) -> str:
    """Return HTML to be written over `stored`, with what Teams wrote there."""
    meeting = split(stored)[1]
    return f"{description}<br><div>{meeting}</div>" if meeting else description


def _line(text: str) -> str:
    return _WIDE.sub("&nbsp;", html.escape(text, quote=False))


def _read(description: str) -> str:
    reader = _Reader()
    reader.feed(description)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    """Collects lines. A break ends a line, an element that stands by itself only one that has begun."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line = ""
        self._hidden = 0
        self._links: list[tuple[str, int]] = []

    def text(self) -> str:
        self._end_block()
        return "\n".join(self._lines).replace("\xa0", " ")

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        shown = _SPACE.sub(" ", data)
        self._line += shown.lstrip(" ") if not self._line or self._line.endswith(" ") else shown

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag == "br":
            self._break()
        elif tag in _BLOCKS:
            self._end_block()
            self._line = "- " if tag == "li" else ""
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self._line)))

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BLOCKS:
            self._end_block()
        elif tag == "a" and self._links:
            address, begin = self._links.pop()
            shown = self._line[begin:].strip()
            if address and shown.rstrip("/") not in (address.rstrip("/"), address.partition(":")[2].strip("/")):
                self._line += f" ({address})" if shown else address

    def _break(self) -> None:
        self._lines.append(self._line.rstrip(" "))
        self._line = ""

    def _end_block(self) -> None:
        if self._line.strip(" "):
            self._break()
        self._line = ""
