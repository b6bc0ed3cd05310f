"""The same for several accounts or runs at once: each in its own transaction, so that one refusal stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import accounts
from calsync.services import retry as retrying


@dataclass(frozen=True, slots=True)
class Done:
    """How many went through, and the different reasons why others did not."""

    count: int
    refusals: tuple[str, ...]


def sync_now(rt: Runtime, account_ids: Iterable[int], *, by: Actor) -> Done:
    """Ask for a run of each account."""
    return _each(account_ids, lambda account_id: accounts.sync_now(rt, account_id, by=by))


def pause(rt: Runtime, account_ids: Iterable[int], *, by: Actor) -> Done:
    """Pause each account until somebody resumes it."""
    return _each(account_ids, lambda account_id: accounts.pause(rt, account_id, by=by))


def resume(rt: Runtime, account_ids: Iterable[int], *, by: Actor) -> Done:
    return _each(account_ids, lambda account_id: accounts.resume(rt, account_id, by=by))


def set_frequency(rt: Runtime, account_ids: Iterable[int], frequency: str | None, *, by: Actor) -> Done:
    """Give each account this frequency; None goes back to the organisation's."""
    return _each(account_ids, lambda i: accounts.set_overrides(rt, i, {"frequency": frequency}, by=by))


def retry(rt: Runtime, run_ids: Iterable[int], *, by: Actor) -> Done:
    """Ask for a retry of what failed in each run."""
    return _each(run_ids, lambda run_id: retrying.ask(rt, run_id, by=by))


def _each(row_ids: Iterable[int], do: Callable[[int], object]) -> Done:
    count, reasons = 0, []
    for row_id in row_ids:
        try:
            do(row_id)
            count += 1
        except Refused as refused:
            reasons.append(refused.reason)
    return Done(count, tuple(dict.fromkeys(reasons)))
