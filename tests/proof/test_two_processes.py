"""Processes that share a database: none of them ever runs an account that another is running."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlmodel import col, select

from calsync.store import tables as t
from tests.parts.radicale import Radicale
from tests.proof.street import Street, found_street

EACH_SIDE = 60
PROCESSES = 3


@pytest.fixture
def street(tmp_path: Path, radicale: Radicale) -> Iterator[Street]:
    made = found_street(tmp_path, radicale, EACH_SIDE)
    yield made
    made.rt.db.close()


def test_processes_that_start_together_do_the_work_once(street: Street) -> None:
    children = [street.start() for _ in range(PROCESSES)]
    said = [child.communicate(timeout=100)[0].decode() for child in children]
    refused = [text for text in said if "being synced right now" in text]
    assert refused, f"no two of them met: {said}"
    assert {child.returncode for child in children} == {0, 2}
    street.settle()
    street.check()
    for earlier, later in pairwise(runs(street)):
        assert earlier.finished_at is not None
        assert earlier.finished_at <= later.started_at


def runs(street: Street) -> list[t.Run]:
    with street.rt.reading() as session:
        return list(session.exec(select(t.Run).order_by(col(t.Run.id))))
