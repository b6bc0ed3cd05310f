"""What one run of one account carries through fetch, plan and apply."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import Session

from calsync.engine import projection, scope
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Direction, Reason
from calsync.providers.base import CalendarClient, CalendarReader, Capabilities
from calsync.runtime import Runtime
from calsync.services import claims
from calsync.store import changes
from calsync.store import tables as t

LEASE_CHECK = timedelta(seconds=20)

LONG_ANSWER = timedelta(minutes=10)
"""How long a lease lasts while a provider lists a whole calendar: some servers take minutes for the first time."""


@dataclass(slots=True)
class Context:
    """`account` is the row as it was when the run began; rules do not change during a run.

    `client` is None where nothing may be written: a run without write access holds no object that could.
    """

    rt: Runtime
    account: t.Account
    run_id: int
    owner: str
    rules: Rules
    capabilities: Capabilities
    reader: CalendarReader
    client: CalendarClient | None
    own_addresses: frozenset[str]
    is_first: bool = False
    is_dry: bool = False
    is_full: bool = False
    is_restored: bool = False
    writes_paused: bool = False
    has_news: bool = False  # reading has changed the mirror
    faults: list[int] = field(default_factory=list)
    cursors: dict[str, list[str | None]] = field(default_factory=dict)  # calendar id -> [before, after], where it moved
    only_subjects: frozenset[str] | None = None  # a retry plans and applies these alone
    calendars: tuple[t.Calendar, ...] = ()  # all of the account, by id, as they were when the run began
    has_open_steps: bool = True  # False while it is certain that none is
    wrote_blocks: bool = False  # the run has steps about busy blocks
    has_rechecks: bool = True  # False: no earlier run left a resource to ask for again
    lease_checked_at: datetime | None = None
    asked_by: changes.By | None = None  # who chose what this run does; None: it follows from the two sides
    booked: dict[int, Any] = field(default_factory=dict, repr=False)  # activity id -> booked_rules.Terms
    _digests: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def account_id(self) -> int:
        return t.pk(self.account)

    def now(self) -> datetime:
        return self.rt.now()

    def holding(self, session: Session) -> None:
        """Prove that the run still holds its lease; what it changes here is the provider's doing. Raises LeaseLost."""
        theirs = changes.By("provider", self.account.provider, self.account_id)
        changes.made_by(session, self.asked_by or theirs)
        claims.check(session, self.account_id, self.owner, self.rt.now())

    def keep_lease(self) -> None:
        """Prolong the lease if that was not done in the last LEASE_CHECK. Raises LeaseLost when it is gone."""
        now = self.rt.now()
        if self.lease_checked_at is not None and now - self.lease_checked_at < LEASE_CHECK:
            return
        self.lease_checked_at = now
        if not claims.renew_lease(self.rt, self.account_id, self.owner):
            raise claims.LeaseLost(self.account_id)

    def hold_long(self) -> None:
        """Prolong the lease for a question that may take minutes. Raises LeaseLost when it is gone."""
        self._hold_for(LONG_ANSWER)

    def hold_briefly(self) -> None:
        """Shorten it again, so that whoever waits for a killed process waits no longer than usual. Raises LeaseLost."""
        self._hold_for(claims.LEASE)

    def _hold_for(self, span: timedelta) -> None:
        if not claims.prolong(self.rt, self.account_id, self.owner, span):
            raise claims.LeaseLost(self.account_id)

    def offset(self) -> timedelta:
        """Return provider time minus our time, as last seen."""
        return self.reader.clock_offset() or timedelta(seconds=self.account.clock_offset_s)

    def rules_digest(self) -> str:
        """Return what changes when the scope of this account changes: its rules, the day of the window, or where it may
        write. What waited for the end of a pause, or for write access, is looked at again then.
        """
        day = str(self.rt.now().astimezone(UTC).date())
        if day not in self._digests:
            writable = [t.pk(calendar) for calendar in self.calendars if self.push_refused(calendar) is None]
            self._digests[day] = scope.digest(self.rules, self.rt.now(), writable)
        return self._digests[day]

    def projection_digest(self) -> str:
        if "projection" not in self._digests:
            self._digests["projection"] = projection.digest(self.rules, self.capabilities)
        return self._digests["projection"]

    def push_refused(self, calendar: t.Calendar) -> Reason | None:
        """Return why nothing may be written to a calendar, or None."""
        if self.rules.direction is Direction.INBOUND:
            return Reason.ONE_WAY
        if not self.account.can_write or not calendar.is_writable:
            return Reason.READ_ONLY_CALENDAR
        return Reason.WRITES_PAUSED if self.writes_paused else None

    @property
    def may_pull(self) -> bool:
        """Read-only together with outbound still reads nothing in; read-only with both acts as inbound."""
        return self.rules.direction is not Direction.OUTBOUND
