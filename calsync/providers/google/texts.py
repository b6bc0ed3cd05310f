"""Descriptions: Google's may hold HTML, ours are plain text (contract section 6.2). Pure.

A text is written as it stands wherever reading it back gives the same; otherwise its characters are escaped. So
`to_text(to_html(text)) == text` for every text, and nobody's `<b>` turns bold.
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

_TAGS = "a|b|br|blockquote|code|div|em|font|h[1-6]|hr|html-blob|i|img|li|ol|p|pre|s|span|strike|strong|sub|sup|u|ul"
_IS_HTML = re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]*)?/?>|&(?:#\d+|#x[0-9a-f]+|[a-z][a-z0-9]+);", re.IGNORECASE)

_LINES = ("p", "div", "ul", "ol", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6")
"""Elements that stand on lines of their own."""


def to_text(description: str) -> str:
    """Return a description as plain text: breaks as line ends, list items with dashes, links with their address."""
    if not _IS_HTML.search(description):
        return description
    reader = _Reader()
    reader.feed(description)
    reader.close()
    return reader.text()


def to_html(text: str) -> str:
    """Return what to write so that `to_text` gives `text` back: itself, mostly."""
    return text if to_text(text) == text else html.escape(text, quote=False)


class _Reader(HTMLParser):
    """Collects text. A break that an element asks for is made only where the line has begun."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._has_tags = False
        self._links: list[tuple[str, int]] = []

    def text(self) -> str:
        whole = "".join(self._parts)
        # What the elements brought with them at the edges means nothing; a text without any is kept to the letter.
        return whole.strip() if self._has_tags else whole

    def handle_data(self, data: str) -> None:
        self._parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._has_tags = True
        if tag == "br":
            self._parts.append("\n")
        elif tag in _LINES:
            self._begin_line()
        elif tag == "li":
            self._begin_line()
            self._parts.append("- ")
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self._parts)))

    def handle_endtag(self, tag: str) -> None:
        self._has_tags = True
        if tag in _LINES:
            self._begin_line()
        elif tag == "a" and self._links:
            address, begin = self._links.pop()
            shown = "".join(self._parts[begin:]).strip()
            if address and shown.rstrip("/") not in (address.rstrip("/"), address.partition(":")[2].strip("/")):
                self._parts.append(f" ({address})" if shown else address)

    def _begin_line(self) -> None:
        if self._parts and not self._parts[-1].endswith("\n"):
            self._parts.append("\n")
