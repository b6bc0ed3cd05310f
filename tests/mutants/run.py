"""Set one wrong engine loose: python -m tests.mutants.run NAME [MOST]; NAME "true" is the right one.

Prints one line of JSON: how many stories were told, and the invariant that was broken, or null. Other errors end a
story, not the mutant: being wrong enough to crash is no kill.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from random import Random

from tests.mutants.engines import MUTANTS
from tests.simulator import chance, telling
from tests.simulator.invariants import Violation
from tests.simulator.stories import STORIES

SEED = 7
MOST = 30


def stories(count: int) -> list[list[str]]:
    """Return the stories that every engine is told, the true one too: the kept ones, which are short, and chance."""
    random = Random(SEED)
    told = [list(steps) for steps in STORIES.values()]
    return told + [chance.story(random, Counter(), telling.wanted()) for _ in range(count)]


def verdict(count: int) -> dict[str, object]:
    """Tell stories until an invariant is broken, and return what is printed."""
    broken: Counter[str] = Counter()
    told = stories(count)
    for number, steps in enumerate(told, start=1):
        try:
            telling.tell(steps)
        except Violation as violation:
            return {"stories": number, "killed_by": violation.name, "found": str(violation)[:500]}
        except Exception as error:
            broken[type(error).__name__] += 1
    return {"stories": len(told), "killed_by": None, "errors": dict(broken)}


def main() -> None:
    name = sys.argv[1]
    if name != "true":
        MUTANTS[name]()
    with telling.in_silence():
        print(json.dumps(verdict(int(sys.argv[2]) if len(sys.argv) > 2 else MOST)))


if __name__ == "__main__":
    main()
