"""The emulator's own clock, so that tests can move time for it without touching the machine's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the emulator's time: fixed at a moment, or running at some distance from real time."""

    def __init__(self, fixed: datetime | None = None) -> None:
        self._fixed = fixed
        self._offset = timedelta()

    @property
    def is_running(self) -> bool:
        return self._fixed is None

    def now(self) -> datetime:
        """Return the current moment, aware, in UTC."""
        if self._fixed is not None:
            return self._fixed
        return datetime.now(UTC) + self._offset

    def fix(self, moment: datetime) -> None:
        """Stand still at `moment` until told otherwise."""
        self._fixed = moment.astimezone(UTC)

    def run_from(self, moment: datetime) -> None:
        """Let time pass as it does outside, starting at `moment`."""
        self._fixed = None
        self._offset = moment.astimezone(UTC) - datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        """Move forward; negative moves back."""
        if self._fixed is not None:
            self._fixed += timedelta(seconds=seconds)
        self._offset += timedelta(seconds=seconds)
