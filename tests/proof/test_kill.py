"""The kill test: a sync that is killed at any moment and started again loses nothing and doubles nothing.

SIGKILL gives the process no chance to tidy up.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.radicale import Radicale
from tests.proof.street import Street, found_street

EACH_SIDE = 250
KILLS = 20


@pytest.fixture
def street(tmp_path: Path, radicale: Radicale) -> Iterator[Street]:
    made = found_street(tmp_path, radicale, EACH_SIDE)
    yield made
    made.rt.db.close()


@pytest.mark.deep
@pytest.mark.timeout(300)
def test_killed_twenty_times_nothing_is_lost_or_doubled(street: Street) -> None:
    killed, begun = 0, 0
    while killed < KILLS:
        begun += 1
        assert begun < 3 * KILLS, f"only {killed} of {begun} syncs were still running when their moment came"
        killed += street.kill_one()
        street.edit()
    street.settle()
    street.check()
    assert {"fetch", "apply"} <= street.phases, "no kill fell into the writing: the moments are badly chosen"
