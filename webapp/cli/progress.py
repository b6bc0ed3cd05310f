"""A progress line on a terminal while an account runs: phase, and how much of the plan is done."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import click

from calsync.runtime import Runtime
from calsync.store import recent

LOOK_EVERY_S = 0.3
WIDTH = 30


@contextlib.contextmanager
def of_account(rt: Runtime, account_id: int, *, wanted: bool) -> Iterator[None]:
    """Show the progress of the account's running run on standard error; nothing when not `wanted`."""
    if not wanted:
        yield
        return
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(rt, account_id, over), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        click.echo("\r\033[K", err=True, nl=False)


def _watch(rt: Runtime, account_id: int, over: threading.Event) -> None:
    while not over.wait(LOOK_EVERY_S):
        with rt.reading() as session:
            found = recent.list_runs(session, account_id, 1)
        if found and found[0].finished_at is None:
            run = found[0]
            click.echo(
                f"\r\033[K{line(account_id, run.phase, run.progress_done, run.progress_total)}", err=True, nl=False
            )


def line(account_id: int, phase: str, done: int, total: int | None) -> str:
    """Return `account 7  apply  [######......]  12/40`, without a bar while the plan is not known."""
    start = f"account {account_id}  {phase or 'start':<6}"
    if not total:
        return start
    full = min(WIDTH, WIDTH * done // total)
    return f"{start}  [{'#' * full}{'.' * (WIDTH - full)}]  {done}/{total}"
