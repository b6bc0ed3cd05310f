"""Free/busy: a provider's own answer to when others are busy, as values and a protocol.

For people and rooms whose calendars are not connected here. An answer says when, never what. Somebody of whom nothing
is told is unknown, not free: each address has either its busy time or the reason why there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

NOT_FOUND, NOT_ALLOWED, TOO_MUCH, NO_ANSWER = "not_found", "not_allowed", "too_much", "no_answer"
"""Why nothing is known of an address: the provider knows nobody under it, or does not tell who asks (providers do not
always say which of these it is); the grant does not reach as far; it stands for more than the provider takes together;
the provider could not say just now."""

Window = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of one address: busy time in order, apart and inside the window; or `why` there is nothing."""

    busy: tuple[Window, ...] = ()
    why: str = ""


@runtime_checkable
class FreeBusy(Protocol):
    """A client whose provider tells when others are busy (Capabilities.tells_free_busy)."""

    def free_busy(self, addresses: Sequence[str], window: Window) -> dict[str, Told]:
        """Return what is known of each address, by the address as it was given: each is in the answer.

        Any number of addresses and any window; splitting is the client's. May raise any ProviderError, but what the
        grant does not allow is told per address (`not_allowed`): an account that syncs is not broken by it.
        """


def asked_in_parts(
    addresses: Sequence[str],
    window: Window,
    *,
    longest: timedelta,
    most: int,
    ask: Callable[[Sequence[str], Window], dict[str, Told]],
) -> dict[str, Told]:
    """Return what is known of each address: `most` of them are asked about together, for `longest` at a time."""
    found: list[dict[str, Told]] = []
    for part in _parts(window, longest):
        told: dict[str, Told] = {}
        for at in range(0, len(addresses), most):
            told |= ask(addresses[at : at + most], part)
        found.append(told)
    return {address: _together(each[address] for each in found) for address in addresses}


def not_allowed(addresses: Sequence[str]) -> dict[str, Told]:
    """Return that the grant lets nobody be asked about."""
    return {address: Told(why=NOT_ALLOWED) for address in addresses}


def _parts(window: Window, longest: timedelta) -> Iterator[Window]:
    """Yield a window in pieces of which none is longer than a provider takes."""
    start, end = window
    while start < end:
        yield start, min(start + longest, end)
        start += longest


def joined(spans: Iterable[Window]) -> tuple[Window, ...]:
    """Return busy time in order, with what touches made one; times without a length are left out."""
    found: list[Window] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def without(spans: Iterable[Window], others: Iterable[Window]) -> tuple[Window, ...]:
    """Return busy time in order without what lies in `others`, which may cut it in pieces."""
    left = list(joined(spans))
    for start, end in others:
        left = [
            piece
            for begin, finish in left
            for piece in ((begin, min(finish, start)), (max(begin, end), finish))
            if piece[0] < piece[1]
        ]
    return tuple(left)


def _together(answers: Iterable[Told]) -> Told:
    """Return what the answers for pieces of a window say as one: unknown in one piece is unknown."""
    known = list(answers)
    why = next((each.why for each in known if each.why), "")
    return Told(why=why) if why else Told(joined(span for each in known for span in each.busy))
