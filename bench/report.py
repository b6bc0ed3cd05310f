"""Measurements as tables for people, in Markdown, so that docs/performance.md can hold them as they are."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from bench.scheduling import Scheduled
from bench.sync import PHASES, Measured, Size

Value = Callable[[Measured], float]

VALUES: tuple[tuple[str, Value, str], ...] = (
    ("wall", lambda m: m.wall_s, "{:.2f} s"),
    ("wall less server", lambda m: m.own_s, "{:.2f} s"),
    ("client CPU", lambda m: m.cpu_s, "{:.2f} s"),
    ("peak memory", lambda m: m.peak_mb, "{:.0f} MB"),
    ("requests", lambda m: m.requests, "{:.0f}"),
    ("bytes", lambda m: m.bytes / 1e6, "{:.2f} MB"),
)


def of_sync(size: Size) -> str:
    """Return one size as a table: a line per phase and value, ours, theirs, and ours divided by theirs."""
    rounds = max((len(found) for found in size.found.values()), default=0)
    lines = [f"\n### {size.size:,} events, median of {rounds} rounds\n"]
    lines += [f"{who} failed: {why}\n" for who, why in size.failures.items()]
    lines += ["| | value | Calsync | vdirsyncer | ratio |", "|---|---|---:|---:|---:|"]
    for phase in PHASES:
        if phase == PHASES[0]:
            lines += _mirrored(size)
        lines += [_line(size, phase, *value) for value in VALUES]
    return "\n".join(lines)


def _line(size: Size, phase: str, name: str, value: Value, form: str) -> str:
    mine, other = size.median("ours", phase, value), size.median("theirs", phase, value)
    return _row(phase, name, mine, other, form)


def _mirrored(size: Size) -> list[str]:
    """The part of our first run that a mirror does: server to disk, as their first download."""
    phase, lines = PHASES[0], []
    for index, name in ((0, "wall"), (1, "client CPU")):
        mine = size.median("ours", phase, lambda m: m.marks["mirror"][index])  # noqa: B023 - used at once
        other = size.median("theirs", phase, lambda m: (m.wall_s, m.cpu_s)[index])  # noqa: B023
        lines.append(_row("server to mirror", name, mine, other, "{:.2f} s"))
    return lines


def _row(phase: str, name: str, mine: float | None, other: float | None, form: str) -> str:
    shown = ["–" if value is None else form.format(value) for value in (mine, other)]
    ratio = f"{mine / other:.2f}" if mine is not None and other else "–"
    return f"| {phase} | {name} | {shown[0]} | {shown[1]} | {ratio} |"


def of_scheduling(turns: Sequence[Scheduled]) -> str:
    """Return what one run costs that finds nothing, as the median over the turns."""
    cpu = statistics.median(turn.cpu_ms for turn in turns)
    wall = statistics.median(turn.wall_ms for turn in turns)
    lines = [f"\n### {turns[0].accounts:,} accounts, none changed, median of {len(turns)} turns\n"]
    lines += ["| CPU per run | wall per run |", "|---:|---:|", f"| {cpu:.2f} ms | {wall:.2f} ms |"]
    return "\n".join(lines)
