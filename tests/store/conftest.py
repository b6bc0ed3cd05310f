"""Databases for store tests."""

from pathlib import Path

import pytest


@pytest.fixture
def empty_database_url(tmp_path: Path) -> str:
    """The address of a database without tables."""
    return f"sqlite:///{tmp_path}/empty.db"
