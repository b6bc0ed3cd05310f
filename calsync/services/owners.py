"""Names of lease owners: which process runs an account, so that a dead one's claim can be told from a
living one's.

A name is `<machine>.<pid>.<start>.<random>`. The machine part covers host, boot and process namespace, so
that a pid is only ever compared with pids that it can be compared with; elsewhere a claim simply has to
expire.
"""

from __future__ import annotations

import functools
import hashlib
import os
import secrets
import socket
from pathlib import Path


def new_owner() -> str:
    """Return a name nobody else uses, for one run or one pool of threads of this process."""
    return f"{_machine()}.{os.getpid()}.{_started(os.getpid())}.{secrets.token_hex(4)}"


def is_dead(owner: str) -> bool:
    """Return whether the process with this name has certainly ended. False when that cannot be known from
    here.
    """
    parts = owner.split(".")
    if len(parts) != 4 or parts[0] != _machine() or not parts[1].isdigit():
        return False
    pid = int(parts[1])
    return not _exists(pid) or _started(pid) != parts[2]


def is_alive(owner: str) -> bool:
    """Return whether the process with this name certainly runs on this machine."""
    return owner.partition(".")[0] == _machine() and not is_dead(owner)


def is_mine(owner: str) -> bool:
    """Return whether this very process made the name."""
    return owner.split(".")[:3] == [_machine(), str(os.getpid()), _started(os.getpid())]


@functools.cache
def _machine() -> str:
    facts = [socket.gethostname(), _read("/proc/sys/kernel/random/boot_id"), _link("/proc/self/ns/pid")]
    return hashlib.blake2b("|".join(facts).encode(), digest_size=6).hexdigest()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _started(pid: int) -> str:
    """Return when a process started, in ticks since boot; "0" where the system does not tell (then pids are
    trusted).
    """
    text = _read(f"/proc/{pid}/stat")
    # The second field is the program's name in parentheses and may hold spaces; starttime is field 22
    # (proc(5)).
    fields = text.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else "0"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
