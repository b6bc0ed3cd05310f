"""Calls of which several travel in one batch: their answers, and what a batch that is lost means for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from calsync.errors import ProviderError, SignInNeeded, Unavailable, VersionMismatch


class Call(Protocol):
    """What is known of a call, whoever the provider is. `handle` is what it is about, for VersionMismatch."""

    @property
    def handle(self) -> str: ...
    @property
    def is_write(self) -> bool: ...


C = TypeVar("C", bound=Call)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one call. `item` is empty where the body is."""

    status: int
    item: dict[str, Any]


Outcome = Reply | ProviderError


def send_all(
    calls: Sequence[C],
    most: int,
    *,
    send: Callable[[C], Reply],
    batch: Callable[[Sequence[C]], list[Outcome]],
    renew: Callable[[], object],
) -> list[Outcome]:
    """Make calls, up to `most` in one `batch` and a single one by `send`; return the outcome of each, in order."""
    outcomes: list[Outcome] = []
    for start in range(0, len(calls), most):
        some = calls[start : start + most]
        try:
            outcomes += [send(some[0])] if len(some) == 1 else _renewed(some, batch, renew)
        except ProviderError as error:
            outcomes += [of_call(error, call) for call in some]
    return outcomes


def _renewed(
    calls: Sequence[C], batch: Callable[[Sequence[C]], list[Outcome]], renew: Callable[[], object]
) -> list[Outcome]:
    """Repeat what an old token was refused for: inside a batch nobody else notices."""
    outcomes = batch(calls)
    refused = [i for i, outcome in enumerate(outcomes) if _is_refused(outcome)]
    if refused:
        renew()
        for i, outcome in zip(refused, batch([calls[i] for i in refused]), strict=True):
            outcomes[i] = outcome
    return outcomes


def _is_refused(outcome: Outcome) -> bool:
    return isinstance(outcome, SignInNeeded) and outcome.why == "invalid_grant"


def of_call(error: ProviderError, call: Call) -> ProviderError:
    """Return what an error means for one call: a lost batch leaves reads undone and writes in doubt."""
    if isinstance(error, VersionMismatch):
        return VersionMismatch(call.handle)
    if isinstance(error, Unavailable) and error.is_in_doubt and not call.is_write:
        return Unavailable(error.detail, error.after_s, is_timeout=error.is_timeout)
    return error


def demand(outcome: Outcome) -> Reply:
    """Return a reply. Raises the error that the outcome is."""
    if isinstance(outcome, ProviderError):
        raise outcome
    return outcome
