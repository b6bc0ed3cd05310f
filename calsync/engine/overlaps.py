"""Overlaps: two things at the same time for the same person or resource."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...


T = TypeVar("T", bound=Timed)


@dataclass(frozen=True, slots=True)
class Overlap(Generic[T]):
    """`starts_at` to before `ends_at` is what both take; `first` began no later than `second`."""

    starts_at: datetime
    ends_at: datetime
    first: T
    second: T


def find(things: Iterable[T]) -> list[Overlap[T]]:
    """Return every pair that shares time, in order. What has no length overlaps with nothing."""
    found: list[Overlap[T]] = []
    open_: list[T] = []
    for thing in sorted(things, key=lambda each: (each.starts_at, each.ends_at)):
        if thing.starts_at >= thing.ends_at:
            continue
        open_ = [other for other in open_ if other.ends_at > thing.starts_at]
        found += [Overlap(thing.starts_at, min(thing.ends_at, o.ends_at), o, thing) for o in open_]
        open_.append(thing)
    return found
