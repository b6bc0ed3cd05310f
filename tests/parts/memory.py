"""Where the files of a test run stand: in memory where there is room.

Tests make and remove many thousand small files. On ext4, looking for a free place among what has just been removed was
a tenth of all their time.
"""

import os
import shutil
from pathlib import Path

import psutil

GIB = 1024**3
ROOM = 4 * GIB
AVAILABLE = 8 * GIB


def folder(mounted: Path = Path("/dev/shm")) -> Path | None:
    """Return a folder in memory; None without one, or with too little room on it or in memory altogether."""
    if not mounted.is_dir() or not os.access(mounted, os.W_OK | os.X_OK):
        return None
    has_room = shutil.disk_usage(mounted).free >= ROOM and psutil.virtual_memory().available >= AVAILABLE
    return mounted if has_room else None
