"""Files of a run stand in memory only where there is room."""

import os
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from tests.parts import memory


def free(monkeypatch: pytest.MonkeyPatch, on_it: int, in_all: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=on_it))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=in_all))


def test_a_folder_with_room_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, memory.ROOM, memory.AVAILABLE)
    assert memory.folder(tmp_path) == tmp_path


@pytest.mark.parametrize(
    ("on_it", "in_all"), [(memory.ROOM - 1, memory.AVAILABLE), (memory.ROOM, memory.AVAILABLE - 1)]
)
def test_a_folder_without_room_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_it: int, in_all: int
) -> None:
    free(monkeypatch, on_it, in_all)
    assert memory.folder(tmp_path) is None


def test_no_folder_is_no_place(tmp_path: Path) -> None:
    assert memory.folder(tmp_path / "shm") is None


def test_this_run_stands_where_it_was_told() -> None:
    assert Path(os.environ["CALSYNC_TEST_RUN"]).parent == Path(tempfile.gettempdir())
