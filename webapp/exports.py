"""Downloads of lists: CSV that no spreadsheet mistakes for formulas, and JSON. Both are streamed.

return exports.csv("audit", ["When", "Who"], ((e.at, e.actor) for e in entries))
return exports.json_list("runs", rows)
"""

from __future__ import annotations

import csv as csv_module
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from flask import Response, stream_with_context

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
_FLUSH_AT = 16_384


def csv(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """Return rows as a CSV download called `name`.csv, in UTF-8 with a byte order mark for Excel."""
    return _download(f"{name}.csv", "text/csv; charset=utf-8", _csv_chunks(header, rows))


def json_list(name: str, rows: Iterable[Any]) -> Response:
    """Return rows as a JSON array download called `name`.json."""
    return _download(f"{name}.json", "application/json", _json_chunks(rows))


def cell(value: Any) -> str:
    """Return one value as CSV text. What a spreadsheet would run as a formula gets a quote in front."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict | list | tuple):
        return cell(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str))
    text = str(value)
    risky = text.lstrip(" \u00a0").startswith(DANGEROUS) or text.startswith(DANGEROUS)
    return f"'{text}" if risky and not _NUMBER.fullmatch(text) else text


def _csv_chunks(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    buffer.write("\ufeff")
    writer = csv_module.writer(buffer)
    writer.writerow([cell(title) for title in header])
    for row in rows:
        writer.writerow([cell(value) for value in row])
        if buffer.tell() > _FLUSH_AT:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _json_chunks(rows: Iterable[Any]) -> Iterator[str]:
    before = "[\n"
    for row in rows:
        yield before + json.dumps(row, ensure_ascii=False, default=_json_value)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _json_value(value: Any) -> str:
    return cell(value) if isinstance(value, date) else str(value)


def _download(filename: str, content_type: str, chunks: Iterator[str]) -> Response:
    response = Response(stream_with_context(chunks), content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
