"""The command line: `calsync` and a file per group of commands.

A command is: what was asked, one service call, one answer. It knows neither Flask nor the scheduler; what needs them
is handed in by wsgi as `Tools`. The contract (exit codes, `--json`) stands in docs/cli.md.
"""

from __future__ import annotations

import sys

import click

from webapp.cli import failures, groups, options
from webapp.cli.tools import Tools


def main(tools: Tools, args: list[str] | None = None) -> None:
    """Run one command and exit with its code."""
    given = sys.argv[1:] if args is None else args
    with failures.as_one_line(given):
        options.check_readable(given)
        code = command().main(args=given, prog_name="calsync", obj=tools, standalone_mode=False)
    sys.exit(code if isinstance(code, int) else 0)


def command() -> click.Group:
    """Return the whole command line."""
    return groups.Root()
