"""Bodies of events: what Exchange makes of HTML and text, and how it shows them (contract A4.2, A8)."""

from __future__ import annotations

import re
from html import escape, unescape

from tests.emulators.microsoft.model import Event, Resource

HEAD = '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
FORBIDDEN = re.compile(r"<(script|style|iframe|object)\b.*?(</\1\s*>|$)|<!--.*?-->", re.DOTALL | re.IGNORECASE)
HANDLERS = re.compile(r"\s+on\w+\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)
INNER = re.compile(r"<body[^>]*>(.*?)</body>", re.DOTALL | re.IGNORECASE)
ENVELOPE = re.compile(r"</?(html|head|body|meta|title)[^>]*>", re.IGNORECASE)
BREAKS = re.compile(r"<br\s*/?>|</(p|div|li|tr|h\d|ul|ol|table)\s*>|<hr[^>]*>", re.IGNORECASE)
TAGS = re.compile(r"<[^>]+>")
MARK = "________________________________________________________________________________"


def stored(content_type: str, content: str) -> str:
    """Return the inner HTML that is kept: sanitised HTML, or text turned into paragraphs."""
    if content_type == "text":
        lines = escape(content, quote=False).replace("\r\n", "\n").split("\n")
        return '<div class="PlainText">' + "<br>\r\n".join(lines) + "</div>" if content else ""
    inner = INNER.search(content)
    clean = HANDLERS.sub("", FORBIDDEN.sub("", inner[1] if inner else content))
    return ENVELOPE.sub("", clean).strip()


def shown(event: Event, *, as_text: bool) -> Resource:
    """Return the body of an answer; the link of an online meeting stands at its end."""
    inner = event.fields.get("html", "")
    if as_text:
        return {"contentType": "text", "content": text_of(inner)}
    if not inner:
        return {"contentType": "html", "content": ""}
    page = f"<html>\r\n<head>\r\n{HEAD}\r\n</head>\r\n<body>\r\n{inner}\r\n</body>\r\n</html>\r\n"
    return {"contentType": "html", "content": page}


def text_of(inner: str) -> str:
    """Return HTML as text, with CRLF for its breaks; not the text that it was once made from (A15 no. 16)."""
    flat = re.sub(r"\s*\r?\n\s*", " ", inner)
    lines = unescape(TAGS.sub("", BREAKS.sub("\n", flat))).split("\n")
    return "\r\n".join(line.strip() for line in lines).strip("\r\n") + ("\r\n" if lines != [""] else "")


def preview(inner: str) -> str:
    """Return the first 255 characters as text."""
    return " ".join(text_of(inner).split())[:255]


def with_join_link(inner: str, join_url: str) -> str:
    """Return a body with the block that Teams puts at its end."""
    link = f'<a href="{escape(join_url)}">Join the meeting now</a>'
    return (
        f'{inner}<div class="me-email-text">{MARK}<br>\r\n<b>Microsoft Teams meeting</b><br>\r\n{link}<br>{MARK}</div>'
    )
