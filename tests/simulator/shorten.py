"""Shorten a failing story: python -m tests.simulator.shorten STORY, where STORY is a file with the steps as printed.

Steps are dropped as long as the same promise stays broken. Faster than shrinking by hypothesis, because only whole
steps are tried.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.simulator import telling

ENUM = re.compile(r"<(\w+)\.(\w+): '[^']*'>")


def steps_of(text: str) -> list[str]:
    """Return the calls of a story, as Hypothesis prints them, without the last."""
    joined = re.sub(r"\n\s+", " ", ENUM.sub(r"\1.\2", text))
    calls = re.findall(r"^state\.(\w+\(.*\))$", joined, re.MULTILINE)
    return [call for call in calls if call != "teardown()"]


def verdict(steps: list[str]) -> str:
    """Tell a story and return what it broke, or "" when it ends well."""
    try:
        telling.tell(steps)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def shorten(steps: list[str]) -> list[str]:
    """Return a story of which no step can be left out; the first one sets the scene and stays."""
    kind = _kind(verdict(steps))
    size = max(1, len(steps) // 2)
    while True:
        place, shorter = 1, False
        while place < len(steps):
            tried = steps[:place] + steps[place + size :]
            if _kind(verdict(tried)) == kind:
                steps, shorter = tried, True
            else:
                place += size
        if size == 1 and not shorter:
            return steps
        size = max(1, size // 2)


def _kind(text: str) -> str:
    return text[:22]


def main() -> None:
    """Print the shortest story and what it breaks."""
    steps = steps_of(Path(sys.argv[1]).read_text())
    with telling.in_silence():
        print(f"{len(steps)} steps: {verdict(steps)[:300]}")
        shortest = shorten(steps)
        print("\n".join(f"state.{step}" for step in shortest))
        print(verdict(shortest))


if __name__ == "__main__":
    main()
