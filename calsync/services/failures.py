"""What an error of a provider does to the step that met it."""

from __future__ import annotations

from datetime import datetime, timedelta

from calsync.engine.vocabulary import ErrorClass, StepState
from calsync.errors import (
    ProviderError,
    RateLimited,
    Rejected,
    SignInNeeded,
    Unavailable,
    VersionMismatch,
)
from calsync.store import tables as t

TRIES = 5
"""Tries of one write inside a run, while the provider is unavailable."""

ATTEMPTS = 10
"""Runs in which a failed step is tried again; then once a day, and a person is asked."""

STOP_AFTER = 3
"""Records in a row that found the provider unavailable: the run stops, the rest waits."""


class Fault(ProviderError):
    """A fault of ours ended a run. It counts like what stops a run elsewhere: the account waits before the next one."""

    def __init__(self) -> None:
        super().__init__("An unexpected fault in the program; the log has the details.")


_REJECTED = {
    "permission": ErrorClass.PERMISSION,
    "not_found": ErrorClass.NOT_FOUND,
    "duplicate": ErrorClass.DUPLICATE,
    "quota": ErrorClass.STORAGE,
}

FULL_WAIT = timedelta(hours=1)
"""When to look again whether somebody made room at a provider that was full."""


def error_class(error: BaseException) -> ErrorClass:
    """Return the class people see."""
    match error:
        case Fault():
            return ErrorClass.BUG
        case SignInNeeded():
            return ErrorClass.AUTH
        case RateLimited():
            return ErrorClass.RATE_LIMIT
        case Unavailable():
            return ErrorClass.NETWORK
        case VersionMismatch():
            return ErrorClass.CONFLICT
        case Rejected(code=code):
            return _REJECTED.get(code, ErrorClass.INVALID_DATA)
        case ProviderError():
            return ErrorClass.PROVIDER
        case _:
            return ErrorClass.BUG


def record(step: t.Step, error: ProviderError, now: datetime) -> None:
    """Write a failure on a step. A rejected write is not tried again by itself: nothing would change; but room there
    may be made any time.
    """
    is_full = is_no_room(error)
    step.attempts = min(step.attempts + 1, ATTEMPTS - 1) if is_full else step.attempts + 1
    step.error_class, step.error = error_class(error), str(error)[:1000]
    step.finished_at = now
    if isinstance(error, Unavailable) and error.is_in_doubt:
        step.state = StepState.IN_DOUBT
        return
    step.state = StepState.FAILED
    if is_full:
        step.next_attempt_at = now + FULL_WAIT
    elif isinstance(error, Rejected):
        step.next_attempt_at = t.NEVER
    else:
        step.next_attempt_at = None if step.attempts < ATTEMPTS else now + timedelta(days=1)


def is_no_room(error: object) -> bool:
    """Return whether a provider refused a write because its storage is full: all others would be refused as well."""
    return isinstance(error, Rejected) and error.code == "quota"
