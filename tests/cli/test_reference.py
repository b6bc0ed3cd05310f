"""docs/cli.md names every command, every option, and every name that programs find in the JSON."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from tests.cli.conftest import Shell
from webapp import cli

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
ROWS = [line.split(" | ", 1) for line in TEXT.splitlines() if line.startswith("| `calsync ")]


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from leaves(found, (*path, name))
        else:
            yield (*path, name), found


COMMANDS = list(leaves(cli.command()))


def named(path: tuple[str, ...]) -> bool:
    """Return whether a row is about a command; one row may name several of a group: `calsync db a`, `b`."""
    whole = " ".join(("calsync", *path))
    others = [row for row, _ in ROWS if row.startswith(f"| `calsync {path[0]} ")]
    return any(f"`{whole}" in row for row, _ in ROWS) or any(re.search(rf", `{path[-1]}\b", row) for row in others)


@pytest.mark.parametrize("path", [path for path, _ in COMMANDS], ids=" ".join)
def test_every_command_is_described(path: tuple[str, ...]) -> None:
    assert named(path)


def test_every_option_is_described() -> None:
    wanted = {(path, option) for path, found in COMMANDS for each in found.params for option in each.opts}
    missing = [(path, option) for path, option in sorted(wanted) if option.startswith("--") and option not in TEXT]
    assert missing == []


def words_of(*commands: str) -> set[str]:
    """Return the words with which the rows of these commands say what they give."""
    told = [text for row, text in ROWS if any(f"`calsync {command}" in row for command in commands)]
    assert told, commands
    return set(re.findall(r"\w+", " ".join(told)))


def test_every_name_in_the_json_is_described(office: Shell) -> None:
    office.server.put_raw("work", "not an event", handle="broken")
    office.done("activity", "add", "--owner", "eli@example.com", "--title", "x", "--start", "2030-01-08T10:00")
    office("sync")
    for command, rows in (
        ("user list", ("user list",)),
        ("account show 1", ("account show",)),
        ("account list", ("account show",)),
        ("calendar list --account 1", ("calendar list",)),
        ("activity list", ("activity list",)),
        ("activity show 1", ("activity list", "activity show")),
        ("run list", ("run list",)),
        ("run show 1", ("run list", "run show")),
    ):
        given = office.done(*command.split(), "--json").json
        assert set(names(given)) - words_of(*rows) == set(), command


def names(given: Any) -> Iterator[str]:
    """Return the names at the top of what was given, and those of the steps in it."""
    for row in given if isinstance(given, list) else [given]:
        yield from row
        for step in row.get("steps", ()):
            yield from step
