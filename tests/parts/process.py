"""Starting and ending child processes that listen on a port of this machine."""

import ctypes
import functools
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

HOST = "127.0.0.1"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
PORT_TRIES = 5
PR_SET_PDEATHSIG = 1


class PartFailed(RuntimeError):
    """A part did not start, or somebody else listens where it should."""


class PortTaken(PartFailed):
    """The port was free when chosen, and is not ours now."""


def free_port() -> int:
    """Return a port on which nobody listens at this moment. It may be taken a moment later."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def spawn(command: Sequence[str | Path], *, log: Path, user: tuple[int, int] | None = None) -> subprocess.Popen[bytes]:
    """Start `command` with its output in `log`, as another `user` (uid, gid) where root may not.

    On Linux it dies with the thread that started it.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            user=user and user[0],
            group=user and user[1],
            extra_groups=user and [],
            preexec_fn=_die_with_parent(),
        )


@functools.cache
def _die_with_parent() -> Callable[[], object] | None:
    """Return what asks Linux to end the child with its parent; None elsewhere."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded before the fork: loading is not safe after it
    return lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def listens(child: subprocess.Popen[bytes], port: int) -> bool:
    """Whether `child`, or a process that it started, is the one listening on `port`."""
    try:
        parent = psutil.Process(child.pid)
        family = [parent, *parent.children(recursive=True)]
        return any(_listens_itself(member, port) for member in family)
    except psutil.Error:  # it is just ending
        return False


def _listens_itself(process: psutil.Process, port: int) -> bool:
    return any(
        connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
        for connection in process.net_connections(kind="tcp")
    )


def wait_until_listening(child: subprocess.Popen[bytes], port: int, *, log: Path) -> None:
    """Return once `child` listens on `port`.

    Raises PortTaken when it ended because it could not have the port, PartFailed when it ended otherwise
    or never listened; both carry the end of its log.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise _ended(child, log)
        if listens(child, port):
            return
        time.sleep(0.02)
    raise PartFailed(f"{child.args!r} did not listen on {port} in {START_TIMEOUT_S:.0f} s\n{tail(log)}")


def _ended(child: subprocess.Popen[bytes], log: Path) -> PartFailed:
    text = tail(log)
    kind = PortTaken if "in use" in text.lower() else PartFailed
    return kind(f"{child.args!r} ended with {child.returncode}\n{text}")


def tail(log: Path, lines: int = 20) -> str:
    """Return the last lines of a log, or nothing when there is none yet."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def end(child: subprocess.Popen[bytes], *, politely: signal.Signals = signal.SIGTERM) -> None:
    """End a child and wait for it: first with the signal `politely`, after 5 s with SIGKILL."""
    if child.poll() is None:
        child.send_signal(politely)
    try:
        child.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class Server(ABC):
    """A program in a folder of its own that can be started, stopped, and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log.txt"
        self.port = 0
        self.child: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that listens on `self.port`."""

    @property
    def running(self) -> bool:
        """Whether our own child is alive and listens on the port."""
        return self.child is not None and self.child.poll() is None and listens(self.child, self.port)

    def start(self) -> None:
        """Start on the port used before, or on a free one the first time. Returns when it listens."""
        if self.port:
            self._start_once()
            return
        for left in reversed(range(PORT_TRIES)):
            self.port = free_port()
            try:
                return self._start_once()
            except PortTaken:
                if not left:
                    raise

    def _start_once(self) -> None:
        self.log.write_bytes(b"")
        self.child = spawn(self.command(), log=self.log)
        try:
            wait_until_listening(self.child, self.port, log=self.log)
        except PartFailed:
            end(self.child)
            raise

    def stop(self) -> None:
        """End the program. Its data stays in the folder; stopping twice is fine."""
        if self.child is not None:
            end(self.child)
            self.child = None

    def kill(self) -> None:
        """End the program as a power cut would."""
        if self.child is not None:
            end(self.child, politely=signal.SIGKILL)
            self.child = None
