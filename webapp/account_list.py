"""The list of accounts as the address asks for it: filters, derived states, bars of the last runs.

found = account_list.find(session)       .rows, .pager
account_list.row(session, account_id)    one row, for the part of the page that follows a run
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from sqlmodel import Session

from calsync.engine.status import State
from calsync.engine.vocabulary import AccountState, RunState
from calsync.services import account_states
from calsync.store import account_pages
from calsync.store import tables as t
from calsync.store.account_pages import AccountFilters, AccountLine, Bar
from calsync.store.keyset import Cut, Slice
from webapp import moments, paging, words
from webapp.access import provider_info, viewer_id
from webapp.paging import Pager

PAGE = 25
"""Rows of a page: each has a chart of its own."""
BATCH = 200
_BAR_COLOURS = {
    RunState.SUCCEEDED: "green",
    RunState.PARTIAL: "amber",
    RunState.FAILED: "red",
    RunState.HELD: "violet",
    RunState.RUNNING: "blue",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One account of the list. `bars` are (height 0 to 1, colour, text), oldest first."""

    line: AccountLine
    state: State
    info: Any
    bars: list[tuple[float, str, str]]
    run: t.Run | None
    is_moving: bool

    @property
    def account(self) -> t.Account:
        return self.line.account

    @property
    def may_sync(self) -> bool:
        return self.account.state == AccountState.ACTIVE and self.account.grant_ok


@dataclass(frozen=True, slots=True)
class Found:
    rows: list[Row]
    pager: Pager


def find(session: Session) -> Found:
    """Return the asked page of the list."""
    wanted, state = filters(), request.args.get("state", "")
    cut = paging.asked(PAGE)
    lines = account_pages.list_lines(session, wanted, cut)
    if state and state != State.DISCONNECTED:
        lines = _in_state(session, wanted, state, cut)
    return Found(_rows(session, lines.rows), paging.pager(lines, key=lambda line: (line.account.id,)))


def filters() -> AccountFilters:
    """Return what the address asks for, limited to what this person may see."""
    args = request.args
    return AccountFilters(
        viewer_id=viewer_id(),
        owner_id=args.get("owner", type=int),
        provider=args.get("provider", ""),
        access=args.get("access", "") if args.get("access") in ("read", "write") else "",
        disconnected=args.get("state") == State.DISCONNECTED,
    )


def row(session: Session, account_id: int) -> Row:
    """Return one account's row. Raises NotFound."""
    return _rows(session, [account_pages.get_line(session, account_id)])[0]


def _in_state(session: Session, wanted: AccountFilters, state: str, cut: Cut) -> Slice:
    """Return a slice of accounts in a state: it is derived, so lines are looked at until enough have it."""
    backwards = cut.before is not None
    fitting: list[AccountLine] = []
    for batch in _walk(session, wanted, cut):
        states = account_states.states(session, batch, moments.now())
        ordered = batch[::-1] if backwards else batch
        fitting += [line for line in ordered if states[t.pk(line.account)] == state]
        if len(fitting) > cut.limit:
            break
    more, fitting = len(fitting) > cut.limit, fitting[: cut.limit]
    if backwards:
        return Slice(fitting[::-1], has_next=True, has_previous=more)
    return Slice(fitting, has_next=more, has_previous=cut.after is not None)


def _walk(session: Session, wanted: AccountFilters, cut: Cut) -> Iterator[list[AccountLine]]:
    here = Cut(BATCH, cut.after, cut.before)
    while True:
        found = account_pages.list_lines(session, wanted, here)
        yield found.rows
        if cut.before is not None:
            if not found.has_previous:
                return
            here = Cut(BATCH, before=(t.pk(found.rows[0].account),))
        elif found.has_next:
            here = Cut(BATCH, after=(t.pk(found.rows[-1].account),))
        else:
            return


def _rows(session: Session, lines: Sequence[AccountLine]) -> list[Row]:
    ids = [t.pk(line.account) for line in lines]
    states = account_states.states(session, lines, moments.now())
    bars, runs = account_pages.bars(session, ids), account_pages.active_runs(session, ids)
    return [_row(line, states[i], bars.get(i, []), runs.get(i)) for i, line in zip(ids, lines, strict=True)]


def _row(line: AccountLine, state: State, bars: list[Bar], run: t.Run | None) -> Row:
    now, account = moments.now(), line.account
    is_moving = run is not None or account_states.is_running(account, now) or account_states.is_asked(account, now)
    return Row(line, state, provider_info(account.provider), shown_bars(bars), run, is_moving)


def shown_bars(bars: Sequence[Bar]) -> list[tuple[float, str, str]]:
    """Return bars for the small chart: the run that changed most is as high as the chart."""
    most = max((bar.changes for bar in bars), default=0) or 1
    return [(bar.changes / most, _BAR_COLOURS.get(RunState(bar.state), "grey"), _told(bar)) for bar in bars]


def _told(bar: Bar) -> str:
    return f"{words.run_state(bar.state).label}, {words.count(bar.changes, 'change')}"
