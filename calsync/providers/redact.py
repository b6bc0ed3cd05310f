"""Taking secrets out of what may reach a log, a row or a page."""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "***"
_IN_ADDRESS = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_SCHEME = re.compile(r"\b(Bearer|Basic|Digest)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
_NAMED = re.compile(
    r"((?:access_token|refresh_token|id_token|client_secret|client_assertion|password|passwd|secret|token|api_?key"
    r"|code|assertion)\"?\s*[=:]\s*\"?)[^\s\"&,;<>]+",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"<(?:style|script|head)\b.*?</(?:style|script|head)>|<[^>]*>", re.IGNORECASE | re.DOTALL)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with passwords, tokens and the given secrets hidden."""
    for secret in secrets:
        if len(secret) >= 4:  # shorter ones would blank out half of any text
            text = text.replace(secret, HIDDEN)
    text = _IN_ADDRESS.sub(HIDDEN, text)
    text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
    return _NAMED.sub(rf"\1{HIDDEN}", text)


def words(body: str, limit: int = 200) -> str:
    """Return the readable part of an answer's body on one line, at most `limit` characters.

    XML that says everything in element names (`<D:error><D:valid-sync-token/>`) gives those names.
    """
    plain = " ".join(_MARKUP.sub(" ", body).split())
    if not plain:
        names = re.findall(r"<(?:\w+:)?([A-Za-z-]+)", body)
        plain = " ".join(dict.fromkeys(names))
    return plain[:limit]
