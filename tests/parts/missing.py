"""What happens when a part is not on this machine: on a person's it is said loudly, in CI it is a failure."""

import os
from collections.abc import Iterable
from typing import TypeVar

import pytest

T = TypeVar("T")
SIGN = "MISSING PART"


def require(part: T | None, name: str, hint: str) -> T:
    """Return `part`; without it, end the test: as a failure when CI is set, else for the closing report."""
    if part is not None:
        return part
    reason = f"{SIGN}: {name}. {hint}"
    if in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def in_ci() -> bool:
    """Whether this is a run that nobody watches: CI is set, and not to false."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no")


def report(reasons: Iterable[str]) -> list[str]:
    """Return lines for the end of a run: each missing part once, with the number of tests it cost."""
    lost = [reason[reason.index(SIGN) + len(SIGN) + 2 :] for reason in reasons if SIGN in reason]
    return [f"{lost.count(line)} tests did NOT run: {line}" for line in sorted(set(lost))]
