"""Logging: set up once per process, and the net that keeps secrets out of it.

Code logs through structlog with facts as keywords: `log.info("run.finished", run_id=7)`. Libraries that use the
standard library's logging end in the same place.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

HIDDEN = "[hidden]"
_NAMES = re.compile(
    r"pass(word|wd|phrase)|secret|token|authori[sz]ation|cookie|api_?key|private_?key|encryption_?key|verifier"
    r"|credential|^key$",
    re.IGNORECASE,
)
_HARMLESS = frozenset({"token_type"})
_IN_TEXT = (
    # Authorization: Basic abc, "authorization": "Bearer abc"
    (re.compile(r"\b(basic|bearer|digest)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # password=abc, "refresh_token": "abc", client_secret: abc
    (
        re.compile(
            r"((?:pass(?:word|wd)|secret|token|api_?key|authorization)[\"']?\s*[:=]\s*[\"']?)[^\s\"'&,;}]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    # https://user:abc@host
    (re.compile(r"(\w+://[^\s/:@]+:)[^\s/@]+@"), rf"\1{HIDDEN}@"),
    # ?code=abc&state=abc of an OAuth answer
    (re.compile(r"([?&](?:code|state|access_token|id_token)=)[^\s&#]+"), rf"\1{HIDDEN}"),
    # our own sealed values
    (re.compile(r"gAAAAA[\w-]{20,}={0,2}"), HIDDEN),
)


def set_up(level: str = "info", form: str = "text", stream: TextIO | None = None) -> None:
    """Send everything that is logged to `stream` (standard error), as lines of text or of JSON."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact,
                _renderer(form),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("apscheduler", "waitress", "httpx2", "httpcore2", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide what is named like a secret, and what looks like one inside any text. Must run last."""
    return {name: _clean(name, value) for name, value in event.items()}


def clean_text(text: str) -> str:
    """Return `text` without what looks like a secret: for errors that are stored or shown."""
    for pattern, replacement in _IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _clean(name: str, value: Any) -> Any:
    if value is not None and not isinstance(value, bool) and name not in _HARMLESS and _NAMES.search(name):
        return HIDDEN
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return clean_text(value)
        case Mapping():
            return {str(key): _clean(str(key), each) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(name, each) for each in value]
        case bytes():
            return f"{len(value)} bytes"
        case _:
            return clean_text(str(value))


def _renderer(form: str) -> structlog.types.Processor:
    if form == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=False)
