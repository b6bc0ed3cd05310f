"""When the interpreter looks for garbage: what a process of Calsync sets once it has loaded its modules."""

from __future__ import annotations

import gc

YOUNG = 7_000
"""New objects before the next look, ten times what Python has: the events of one answer are some thousands."""


def settle() -> None:
    """Leave what is loaded alone from now on, and look through what comes more seldom. Calling it twice is fine.

    Modules stay until the end: looking through them took a tenth of a sync. The usual pace took another tenth of a
    first read, and found nothing by it: peak memory is the same.
    """
    gc.freeze()
    young, *older = gc.get_threshold()
    gc.set_threshold(max(young, YOUNG), *older)
