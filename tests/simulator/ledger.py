"""Ledger: what was done on either side, and what must therefore be true in the end. It asks the engine nothing.

Every text that anybody writes is unique, so that it can be looked for later: `r4 v17` is the seventeenth value, written
to record 4. A record is an activity and an event that belong together; a changed occurrence is a record of its own.

An edit is *fresh* until a run without any trouble has carried it over, and *doubtful* when a run in trouble may have
done so. What must come out is expected only of what was fresh when a run began: there the rules leave no choice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from calsync.engine.vocabulary import Policy
from calsync.engine.winner import TIE

LOCAL, REMOTE = "local", "remote"
ALIVE = "alive"
OTHER = "other"
"""Stands for fields whose values are not followed one by one: sets, and what hangs on occurrences."""
TOKEN = re.compile(r"\br(\d+)\b")

Key = tuple[int, str]
"""A record's number and the name of a field."""


def token_of(text: str) -> int | None:
    """Return the number of the record that a title belongs to."""
    found = TOKEN.search(text)
    return int(found.group(1)) if found else None


@dataclass
class Record:
    """What the simulator knows of one record. `shape` is single, all_day, series, override, task or twin."""

    number: int
    shape: str
    side: str  # where it was made
    series: int | None = None  # of an override
    moment: Any = None  # the occurrence that an override replaces
    is_over: bool = False  # cancelled or deleted somewhere
    was_over: bool = False  # and perhaps brought back since
    is_parted: bool = False  # of a twin: the question which of the two the event is was dropped once


@dataclass
class Edit:
    """One value that somebody wrote to a field on a side."""

    key: Key
    side: str
    value: Any
    at: datetime
    is_replaced: bool = False  # overwritten on the same side, by someone who could see it
    is_doubtful: bool = False


@dataclass
class Expected:
    value: Any
    why: str
    loser: Any = None  # the value that lost a clash, which has to be kept
    is_settled: bool = False  # a run without trouble has passed since


@dataclass
class Ledger:
    """Records, edits and expectations of one example."""

    records: dict[int, Record] = field(default_factory=dict)
    edits: list[Edit] = field(default_factory=list)
    fresh: dict[Key, dict[str, Edit]] = field(default_factory=dict)
    expected: dict[Key, Expected] = field(default_factory=dict)
    asked: dict[Key, tuple[Edit, Edit]] = field(default_factory=dict)  # clashes that the run now on may not decide
    reached: Counter[str] = field(default_factory=Counter)
    _values: int = 0

    # --- what happens ----------------------------------------------------------------------------------------

    def new(self, shape: str, side: str, **facts: Any) -> Record:
        """Return a new record."""
        record = Record(len(self.records) + 1, shape, side, **facts)
        self.records[record.number] = record
        return record

    def text(self, record: Record) -> str:
        """Return a value that nobody wrote before."""
        self._values += 1
        return f"r{record.number} v{self._values}."

    def serial(self) -> int:
        """Return a number that nobody used before."""
        self._values += 1
        return self._values

    def wrote(self, record: Record, name: str, side: str, value: Any, at: datetime, *, doubtful: bool = False) -> None:
        """Note that somebody wrote a value to a field on a side."""
        key = (record.number, name)
        for edit in self.edits:
            if edit.key == key and edit.side == side:
                edit.is_replaced = True
        edit = Edit(key, side, value, at, is_doubtful=doubtful)
        self.edits.append(edit)
        before = self.fresh.setdefault(key, {}).get(side)
        edit.is_doubtful = doubtful or (before is not None and before.is_doubtful)
        self.fresh[key][side] = edit
        self.expected.pop(key, None)
        if name != ALIVE:
            self.expected.pop((record.number, ALIVE), None)
        if name == OTHER:
            self.doubt([record.number])

    def stirred(self, record: Record, side: str, at: datetime) -> None:
        """Note that something of a record changed on a side whose value is not followed."""
        self.wrote(record, OTHER, side, None, at, doubtful=True)

    def ended(self, record: Record, side: str, at: datetime, *, doubtful: bool = False) -> None:
        """Note that somebody cancelled or deleted a record, who could see every value that stood on that side."""
        record.is_over = record.was_over = True
        for edit in self.edits:
            if edit.key[0] == record.number and edit.side == side:
                edit.is_replaced = True
        self.wrote(record, ALIVE, side, False, at, doubtful=doubtful)
        self.forget(record)

    def revived(self, record: Record) -> None:
        """Note that an end was taken back: from here on everything about it is open."""
        record.is_over = False
        self.fresh.pop((record.number, ALIVE), None)
        self.forget(record)
        self.doubt([record.number])

    def part(self) -> None:
        """Note that nobody is asked any more which of two activities an event is."""
        for record in self.records.values():
            record.is_parted = record.shape == "twin"

    def looks_new(self, record: Record) -> bool:
        """Return whether the event of twins was edited, so that it may look like neither when nobody is asked."""
        is_edited = any(edit.key[0] == record.number and edit.side == REMOTE for edit in self.edits)
        return record.is_parted and is_edited

    def forget(self, record: Record) -> None:
        """Expect nothing more of a record's fields."""
        for key in [k for k in self.expected if k[0] == record.number]:
            del self.expected[key]

    def doubt(self, numbers: Iterable[int] | None = None) -> None:
        """Make all fresh edits doubtful, or those of some records, and drop what no quiet run has confirmed."""
        wanted = set(self.records if numbers is None else numbers)
        for key, sides in self.fresh.items():
            if key[0] in wanted:
                for edit in sides.values():
                    edit.is_doubtful = True
        for key in [k for k, e in self.expected.items() if k[0] in wanted and not e.is_settled]:
            del self.expected[key]

    # --- runs ------------------------------------------------------------------------------------------------

    def before_run(self, policy: Policy, hidden: Collection[str] = ()) -> None:
        """Derive what must come out of everything fresh, but for fields that are not shown there."""
        self.asked.clear()
        for key, sides in self.fresh.items():
            if key in self.expected or key[1] in hidden or any(edit.is_doubtful for edit in sides.values()):
                continue
            if key[1] == ALIVE:
                self._expect_end(key, sides, policy)
            elif not self._ends(key[0]):
                self._expect_value(key, sides, policy)

    def after_run(self, *, clean: bool, settled: set[int]) -> None:
        """Note that a run is over. `settled` are the records whose link is in force: a clean run carried them over."""
        for key in list(self.fresh):
            if clean and key[0] in settled:
                del self.fresh[key]
                if key in self.expected:
                    self.expected[key].is_settled = True
            else:
                for edit in self.fresh[key].values():
                    edit.is_doubtful = True

    def _ends(self, number: int) -> bool:
        return (number, ALIVE) in self.fresh or self.records[number].is_over

    def _expect_value(self, key: Key, sides: dict[str, Edit], policy: Policy) -> None:
        ours, theirs = sides.get(LOCAL), sides.get(REMOTE)
        if ours is None or theirs is None:
            (edit,) = sides.values()
            self.expected[key] = Expected(edit.value, f"changed on the {edit.side} side alone")
            return
        winner = self._winner(ours, self._last_remote(key[0], theirs), policy)
        if policy is Policy.MANUAL:
            self.asked[key] = (ours, theirs)
        if winner is not None:
            won, lost = (ours, theirs) if winner == LOCAL else (theirs, ours)
            self.expected[key] = Expected(won.value, f"a clash under {policy.value}", lost.value)
            self.reached[f"clash {policy.value}"] += 1

    def _expect_end(self, key: Key, sides: dict[str, Edit], policy: Policy) -> None:
        if len(sides) == 2:
            return
        (end,) = sides.values()
        other = REMOTE if end.side == LOCAL else LOCAL
        edits = [s[other] for k, s in self.fresh.items() if k[0] == key[0] and k[1] != ALIVE and other in s]
        if any(edit.is_doubtful for edit in edits):
            return
        if not edits:
            self.expected[key] = Expected(False, f"ended on the {end.side} side alone")
            return
        last = max(edits, key=lambda edit: edit.at)
        ours, theirs = (end, last) if end.side == LOCAL else (last, end)
        winner = self._winner(ours, theirs, policy)
        if winner is not None and end.side == LOCAL:
            self.expected[key] = Expected(winner != LOCAL, f"ended here, edited there, under {policy.value}")
        elif winner is not None and policy is not Policy.LAST_MODIFIED:
            # Where a deletion has no time, the time we learned of it counts, which is not ours to know.
            self.expected[key] = Expected(winner == LOCAL, f"edited here, ended there, under {policy.value}")
        self.reached[f"end against edit {policy.value}"] += 1

    def _last_remote(self, number: int, edit: Edit) -> Edit:
        """Return the last fresh edit of the record over there: a provider has one time for the whole event."""
        edits = [s[REMOTE] for k, s in self.fresh.items() if k[0] == number and REMOTE in s]
        return max([edit, *edits], key=lambda e: e.at)

    @staticmethod
    def _winner(ours: Edit, theirs: Edit, policy: Policy) -> str | None:
        match policy:
            case Policy.CRM:
                return LOCAL
            case Policy.EXTERNAL:
                return REMOTE
            case Policy.LAST_MODIFIED:
                return LOCAL if ours.at > theirs.at or abs(ours.at - theirs.at) <= TIE else REMOTE
            case _:
                return None
