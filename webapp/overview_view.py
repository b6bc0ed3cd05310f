"""The overview: is anything wrong, and whose turn is it? Made of stored facts; nothing here is decided.

found = overview_view.find(session)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import url_for
from flask_login import current_user
from sqlmodel import Session

from calsync.engine.status import State
from calsync.engine.vocabulary import AccountState
from calsync.services import account_states, wanted_notices
from calsync.store import account_pages, credentials, overview
from calsync.store import tables as t
from calsync.store.account_pages import AccountFilters, AccountLine
from calsync.store.keyset import Cut
from calsync.store.overview import Day, Issue
from webapp import costs, moments, overview_tasks, run_list, shell, words
from webapp.access import Role, provider_info, viewer_id
from webapp.costs import Cost

MOST_ACCOUNTS = 500
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
LATE_TICK = timedelta(minutes=5)
EXPIRY_SHOWN, EXPIRY_URGENT = timedelta(days=60), timedelta(days=14)
_COLOURS = {"failed": "red", "partial": "amber", "held": "violet"}


@dataclass(frozen=True, slots=True)
class Turn:
    """Something that waits for somebody. `whose` says for whom."""

    text: str
    whose: str
    url: str
    button: str
    colour: str
    icon: str


@dataclass(frozen=True, slots=True)
class Freshness:
    """How many of the active accounts had a success within `age`."""

    age: timedelta
    count: int
    total: int

    @property
    def text(self) -> str:
        long_ago = words.roughly(self.age)
        if self.total == 1:
            return f"Synced within the last {long_ago}"
        who = f"All {self.total}" if self.count == self.total else f"{self.count} of {self.total}"
        return f"{who} accounts synced within the last {long_ago}"


@dataclass(frozen=True, slots=True)
class Hour:
    """What one hour did, as a bar: its height from 0 to 1, a colour, the same in words, and where its runs are."""

    height: float
    colour: str
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Found:
    turns: list[Turn]
    states: list[tuple[State, int]]
    accounts: int
    freshness: Freshness | None
    day: Day
    hours: list[Hour]
    issues: list[Issue]
    coming: list[tuple[str, datetime | None, str]]
    budgets: list[Cost]
    tasks: list[overview_tasks.Task]
    is_active: bool

    @property
    def is_set_up(self) -> bool:
        return all(task.is_done for task in self.tasks)


def find(session: Session) -> Found:
    """Return everything the page shows, for the accounts that this person may see."""
    now = moments.now()
    lines = account_pages.list_lines(session, AccountFilters(viewer_id=viewer_id()), Cut(MOST_ACCOUNTS)).rows
    states = account_states.states(session, lines, now)
    found_day = overview.day(session, now - DAY, viewer_id())
    issues = overview.issues(session, viewer_id())
    counted = Counter(states.values())
    pairs = credentials.list_current(session) if current_user.is_admin else []
    return Found(
        turns=_turns(lines, states, issues, pairs),
        states=[(state, counted[state]) for state in State if counted[state]],
        accounts=len(lines),
        freshness=_freshness(lines, now),
        day=found_day,
        hours=_hours(found_day, now),
        issues=issues,
        coming=_coming(session, lines, pairs, now),
        budgets=[cost for cost in costs.today(session).values() if cost.budget] if current_user.is_admin else [],
        tasks=overview_tasks.find(lines, pairs, found_day),
        is_active=State.SYNCING in counted,
    )


# --- whose turn it is


def _turns(
    lines: Sequence[AccountLine],
    states: dict[int, State],
    issues: list[Issue],
    pairs: Sequence[t.ProviderCredential],
) -> list[Turn]:
    """Return what waits for a person, worst first."""
    waiting = shell.frame().waiting
    found = []
    lost = [line for line in lines if states[t.pk(line.account)] is State.NEEDS_RECONNECT]
    if lost:
        who = words.joined(dict.fromkeys(line.owner for line in lost[:3])) + (" and others" if len(lost) > 3 else "")
        text = f"{words.count(len(lost), 'account needs', 'accounts need')} to be reconnected"
        found.append(Turn(text, who, _accounts_url(State.NEEDS_RECONNECT), "Reconnect", "red", "key"))
    found += [_refused(row) for row in pairs if row.refused_at is not None]
    if waiting.failing:
        text = f"{words.count(waiting.failing, 'account keeps', 'accounts keep')} failing"
        found.append(Turn(text, "Admin", url_for("history.index", tab="errors"), "See why", "red", "flag"))
    records = sum(issue.records for issue in issues)
    if records:
        text = f"{words.count(records, 'record')} could not be written"
        url = url_for("history.show", run_id=issues[0].run_id)
        found.append(Turn(text, _owner(), url, "See why", "red", "alert-triangle"))
    found += _ending([line for line in lines if _ends_soon(line.account)])
    if waiting.conflicts:
        text = f"{words.count(waiting.conflicts, 'conflict waits', 'conflicts wait')} for a decision"
        whose = "Admin" if current_user.role == Role.CLIENT else _owner()
        found.append(Turn(text, whose, url_for("conflicts.index"), "Decide", "amber", "arrows-left-right"))
    if waiting.held:
        text = f"{words.count(waiting.held, 'run is', 'runs are')} held for approval"
        found.append(Turn(text, "Admin", url_for("history.index", tab="held"), "Review", "violet", "shield"))
    return found


def _ends_soon(account: t.Account) -> bool:
    """Return whether the authorisation of an account that works ends by itself in the next days."""
    ends, is_live = account.grant_ends_at, account.grant_ok and account.state != AccountState.DISCONNECTED
    return is_live and ends is not None and ends <= moments.now() + wanted_notices.ENDING_WITHIN


def _ending(lines: Sequence[AccountLine]) -> list[Turn]:
    if not lines:
        return []
    who = words.joined(dict.fromkeys(line.owner for line in lines[:3])) + (" and others" if len(lines) > 3 else "")
    text = f"{words.count(len(lines), 'authorisation ends', 'authorisations end')} within two days"
    is_one = len(lines) == 1
    url = url_for("accounts.show", account_id=lines[0].account.id) if is_one else url_for("accounts.index")
    return [Turn(text, who, url, "Reconnect" if is_one else "Open Accounts", "amber", "clock")]


def _refused(row: t.ProviderCredential) -> Turn:
    text = f"{provider_info(row.provider).label} refuses our credentials"
    url = url_for("integrations.credentials", provider=row.provider)
    return Turn(text, "Admin", url, "Mend them", "red", "key")


def _owner() -> str:
    """Return whose turn it is where owners act: those who see only their own are the owners."""
    return "Owner of the account" if viewer_id() is None else "You"


def _accounts_url(state: State) -> str:
    return url_for("accounts.index", state=state.value)


# --- how it goes


def _freshness(lines: Sequence[AccountLine], now: datetime) -> Freshness | None:
    """Return how old the last success is for all but the worst twentieth of the active accounts."""
    active = [line.account for line in lines if line.account.state == AccountState.ACTIVE]
    ages = sorted(now - a.last_success_at for a in active if a.last_success_at is not None)
    if not ages:
        return None
    age = ages[min(len(ages) - 1, int(len(ages) * 0.95))]
    return Freshness(age, sum(each <= age for each in ages), len(active))


def _hours(found: Day, now: datetime) -> list[Hour]:
    """Return the last 24 hours, oldest first."""
    hours: list[list[overview.Moment]] = [[] for _ in range(24)]
    for run in found.runs:
        ago = int((now - run.started_at) / HOUR)
        if 0 <= ago < 24:
            hours[23 - ago].append(run)
    highest = max((sum(run.changes for run in runs) for runs in hours), default=0)
    return [_hour(runs, highest, 23 - place, now) for place, runs in enumerate(hours)]


def _hour(runs: list[overview.Moment], highest: int, ago: int, now: datetime) -> Hour:
    changes = sum(run.changes for run in runs)
    worst = next((_COLOURS[state] for state in _COLOURS if any(run.state == state for run in runs)), "")
    failed = sum(run.failed for run in runs)
    said = f"{ago} h ago: " if ago else "This hour: "
    text = f"{said}{words.count(changes, 'change')}{f', {failed} failed' if failed else ''}"
    ends = now - ago * HOUR
    url = url_for("history.index", hour=run_list.hour_text(ends - HOUR))
    return Hour(changes / highest if highest else 0.0, worst or ("green" if changes else "grey"), text, url)


def _coming(
    session: Session, lines: Sequence[AccountLine], pairs: Sequence[t.ProviderCredential], now: datetime
) -> list[tuple[str, datetime | None, str]]:
    """Return what to expect or look after: a text, when, and a colour."""
    found: list[tuple[str, datetime | None, str]] = [
        (f"{account.label} goes on by itself", account.paused_until, "") for account in overview.rested(lines, now)[:3]
    ]
    limited: dict[str, datetime] = {}
    for account in overview.limited(lines, now):
        until = account.rate_limited_until or now
        limited[account.provider] = max(until, limited.get(account.provider, until))
    found += [(f"{provider_info(name).short} asks to wait until", until, "amber") for name, until in limited.items()]
    due = min((line.account.next_sync_at for line in lines if line.account.next_sync_at), default=None)
    if due is not None:
        found.append(("Next sync", max(due, now), ""))
    if current_user.role == Role.ADMIN:
        row = session.get(t.Instance, 1)
        ticked, saved = (row.scheduler_tick_at, row.backed_up_at) if row else (None, None)
        if ticked is None or now - ticked > LATE_TICK:
            found.append(("The scheduler last worked", ticked, "red"))
        found.append(("Last backup", saved, "" if saved else "amber"))
        found += _expiring(pairs, now)
    return found


def _expiring(pairs: Sequence[t.ProviderCredential], now: datetime) -> list[tuple[str, datetime | None, str]]:
    """Return client secrets that end soon, the soonest first."""
    ends = [(row.secret_expires_at, row.provider) for row in pairs if row.secret_expires_at is not None]
    return [
        (f"{provider_info(name).short} client secret expires", at, "red" if at < now + EXPIRY_URGENT else "amber")
        for at, name in sorted(ends)
        if at < now + EXPIRY_SHOWN
    ]
