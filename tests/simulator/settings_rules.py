"""What admins and owners change: settings, calendars, access, and what waits for a person."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from calsync.engine.vocabulary import AccountState, Direction, MailRule, Policy, StepState
from calsync.runtime import SYSTEM
from calsync.services import accounts, disconnect
from calsync.store import tables as t
from tests.simulator import healing
from tests.simulator.stage import CHOICES, Stage
from tests.simulator.world import HOME, WORK


class SettingsRules(Stage):
    """Settings, access, and a person who decides."""

    @rule(policy=st.sampled_from(list(Policy)))
    def choose_policy(self, policy: Policy) -> None:
        self.w.change_rules(policy=policy)
        self.ledger.doubt()
        self.did(f"policy {policy.value}")

    @rule(days=st.sampled_from([50, 365]))
    def choose_window(self, days: int) -> None:
        self.w.change_rules(window_future_days=days)
        self.ledger.doubt()
        self.did("window changes")

    @rule(direction=st.sampled_from([Direction.INBOUND, Direction.OUTBOUND, Direction.BOTH, Direction.BOTH]))
    def choose_direction(self, direction: Direction) -> None:
        self.w.change_rules(direction=direction)
        self.ledger.doubt()
        self.did(f"direction {direction.value}")

    @rule(rule_=st.sampled_from(list(MailRule)))
    def choose_mail(self, rule_: MailRule) -> None:
        self.w.change_rules(mail_new=rule_, mail_changed=rule_, mail_cancelled=rule_)
        self.did(f"mail {rule_.value}")

    @rule(shown=st.booleans())
    def choose_privacy(self, shown: bool) -> None:
        self.w.change_rules(show_description=shown, show_location=shown)
        self.ledger.doubt()
        self.did("privacy changes")

    @rule(syncs=st.booleans(), home=st.booleans())
    def choose_calendar(self, syncs: bool, home: bool) -> None:
        calendar = self.w.calendar(HOME if home else WORK)
        if self.w.account().state != AccountState.DISCONNECTED:
            accounts.set_calendar(self.w.rt, t.pk(calendar), syncs=syncs, by=SYSTEM)
            self.ledger.doubt()
            self.did("calendar selected" if syncs else "calendar deselected")

    @rule(choice=CHOICES, is_brief=st.booleans())
    def disconnect_and_reconnect(self, choice: int, is_brief: bool) -> None:
        """Disconnect, go on working on both sides, and connect again; unless it is brief, some other time."""
        if self.w.account().state != AccountState.DISCONNECTED:
            disconnect.disconnect(self.w.rt, self.w.account_id, "keep", by=SYSTEM)
            self.did("disconnected")
            self.ledger.doubt()
            self.ledger.part()
        if is_brief or choice % 2:
            self.we_edit("location", choice)
            self.they_edit("location", choice // 2)
            healing.reconnect(self.w)
            self.did("reconnected")
            self.ledger.doubt()

    @rule(choice=CHOICES)
    def approve_and_resolve(self, choice: int) -> None:
        """A person looks at what waits; where nothing does, some clash is brought about first."""
        if not self._waits():
            self.both_edit("summary", choice, ours_first=bool(choice % 2), policy=Policy.MANUAL)
        if healing.approve(self.w) + healing.resolve(self.w, self.ledger):
            self.ledger.doubt()
            self.run(is_approved=True)
            self.did("a person decides")

    def _waits(self) -> bool:
        held = self.w.rows(t.Step, t.Step.state == StepState.HELD)
        return bool(held or self.w.rows(t.Conflict, t.Conflict.state == "open"))
