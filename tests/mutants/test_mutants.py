"""Every wrong engine is noticed, by a promise that it breaks, in stories that the true engine survives."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.mutants.engines import MUTANTS

LONGEST_S = 900


def outcome(name: str) -> dict[str, Any]:
    """Return what became of an engine that was set loose in a process of its own."""
    command = [sys.executable, "-m", "tests.mutants.run", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.deep
@pytest.mark.timeout(LONGEST_S + 60)
def test_the_true_engine_survives_every_story() -> None:
    found = outcome("true")
    assert (found["killed_by"], found.get("errors")) == (None, {}), found


@pytest.mark.deep
@pytest.mark.timeout(LONGEST_S + 60)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_engine_breaks_a_promise(name: str) -> None:
    found = outcome(name)
    assert found["killed_by"], f"{name} survived {found['stories']} stories; errors on the way: {found['errors']}"
