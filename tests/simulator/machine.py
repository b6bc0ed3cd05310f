"""Machine: chance decides what people do, when the account runs, and what goes wrong meanwhile.

One example is one world. It ends with healing, and with it every check there is.
"""

from __future__ import annotations

from tests.simulator.halting_rules import HaltingRules
from tests.simulator.meeting_rules import MeetingRules
from tests.simulator.our_rules import OurRules
from tests.simulator.run_rules import FAULTS, RunRules
from tests.simulator.settings_rules import SettingsRules
from tests.simulator.stage import PROFILES, TALLY
from tests.simulator.their_rules import TheirRules

__all__ = ["ACTIONS", "FAULTS", "PROFILES", "TALLY", "Simulator"]


class Simulator(TheirRules, OurRules, MeetingRules, SettingsRules, RunRules, HaltingRules):
    """Two sides, one account, and everything that can happen to them."""


ACTIONS = (
    *(f"they create {shape}" for shape in ("single", "all_day", "series", "guests")),
    *(f"we create {shape}" for shape in ("single", "all_day", "series", "guests", "task")),
    "they edit",
    "they move to another day",
    "they change sets",
    "they cancel",
    "they delete",
    "they drag to another calendar",
    "they change an occurrence",
    "they remove an occurrence",
    "they write nonsense",
    "they delete many",
    "the server touches",
    "we edit",
    "we move to another day",
    "we cancel",
    "we revive",
    "we change an occurrence",
    "we remove an occurrence",
    "both edit one field",
    "one ends what the other edits",
    "a series moves under a changed occurrence",
    "twins meet",
    "we write down what they have",
    "window changes",
    "privacy changes",
    "calendar deselected",
    "calendar selected",
    "disconnected",
    "reconnected",
    "a person decides",
    "run in peace",
    "crash",
    "we edit during a run",
    "they edit during a run",
    "a run overtakes a stalled one",
    "the account is paused during a run",
    "all writing is paused during a run",
    "a run is halted",
    "what was halted goes on",
    "cursors expire",
    "healed",
)
"""Everything that has to be reached besides faults, settings and conflicts."""
