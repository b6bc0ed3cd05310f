"""What commands print: a table or a card for people, JSON with stable names for programs, never both."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import click

Row = Mapping[str, Any]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
"""The option that every listing has."""

DONE, FAILURES, USAGE, NEEDS_PERSON = 0, 1, 2, 3
"""Exit codes: done; finished with failures; the command cannot be; somebody has to decide."""


def show_list(rows: Sequence[Row], columns: Sequence[str], *, json_wanted: bool, empty: str) -> None:
    """Print rows: all names as JSON, or `columns` as a table; `empty` is said where there are none."""
    if json_wanted:
        click.echo(json.dumps([dict(row) for row in rows], default=_plain, indent=2))
    elif not rows:
        click.echo(empty)
    else:
        _table(rows, columns)


def show_one(row: Row, *, json_wanted: bool) -> None:
    """Print one thing: as a JSON object, or a name and a value a line."""
    if json_wanted:
        click.echo(json.dumps(dict(row), default=_plain, indent=2))
        return
    width = max(len(name) for name in row)
    for name, value in row.items():
        click.echo(f"{name.replace('_', ' '):<{width}}  {cell(value)}")


def say(text: str, *, json_wanted: bool = False, **facts: Any) -> None:
    """Say what was done, in words or as the JSON object `facts`."""
    click.echo(json.dumps(facts, default=_plain) if json_wanted else _shown(text))


def progress(*, json_wanted: bool) -> bool:
    """Return whether a progress bar may be shown: a person looks at a terminal."""
    return not json_wanted and sys.stderr.isatty()


def cell(value: Any) -> str:
    """Return a value as people read it."""
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")
        case list() | tuple():
            return ", ".join(map(cell, value)) or "-"
        case Mapping():
            return ", ".join(f"{name}={cell(each)}" for name, each in value.items()) or "-"
        case _:
            return _shown(str(value))


def _shown(text: str) -> str:
    """Return text in one line and without what steers a terminal: titles come from strangers' calendars."""
    return "".join(" " if c in "\n\r\t" else c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    lines = [[cell(row[name]) for name in columns] for row in rows]
    heads = [name.replace("_", " ") for name in columns]
    widths = [max(map(len, each)) for each in zip(heads, *lines, strict=True)]
    for line in [heads, *lines]:
        pairs = zip(line, widths, strict=True)
        click.echo("  ".join(f"{text:<{width}}" for text, width in pairs).rstrip())


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
