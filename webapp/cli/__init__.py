"""The command line: `calsync` and a file per group of commands.

A command is: what was asked, one service call, one answer. It knows neither Flask nor the scheduler; what needs them
is handed in by wsgi as `Tools`. The contract (exit codes, `--json`) stands in docs/cli.md.
"""

from __future__ import annotations

import sys

import click

from webapp.cli import failures, groups
from webapp.cli.tools import Tools


def main(tools: Tools, args: list[str] | None = None) -> None:
    """Run one command and exit with its code."""
    with failures.as_one_line():
        code = command().main(args=args, prog_name="calsync", obj=tools, standalone_mode=False)
    sys.exit(code if isinstance(code, int) else 0)


def command() -> click.Group:
    """Return the whole command line."""
    return groups.Root()
