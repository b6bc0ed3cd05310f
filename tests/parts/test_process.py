"""Children are ours, die with us, and say why they could not start."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.parts import process


class Listener(process.Server):
    """A program that only listens."""

    def command(self) -> list[str]:
        program = f"import socket,time; s=socket.create_server(('127.0.0.1',{self.port})); time.sleep(60)"
        return [sys.executable, "-c", program]


def test_a_listener_that_is_not_our_child_is_not_taken_for_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        child = process.spawn([sys.executable, "-c", "import time; time.sleep(60)"], log=tmp_path / "log")
        assert not process.listens(child, port)
        process.end(child)


def test_a_taken_port_is_reported_with_the_words_of_the_program(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        listener = Listener(tmp_path)
        listener.port = stranger.getsockname()[1]
        with pytest.raises(process.PortTaken, match="in use"):
            listener.start()


def test_another_port_is_chosen_when_the_first_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        free = process.free_port()
        choices = iter([stranger.getsockname()[1], free])
        monkeypatch.setattr(process, "free_port", lambda: next(choices))
        listener = Listener(tmp_path)
        listener.start()
        assert listener.running
        assert listener.port == free
        listener.stop()


def test_a_program_that_ends_at_once_is_a_failure(tmp_path: Path) -> None:
    class Broken(process.Server):
        def command(self) -> list[str]:
            return [sys.executable, "-c", "raise SystemExit('no such setting')"]

    with pytest.raises(process.PartFailed, match="no such setting"):
        Broken(tmp_path).start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a child to its parent")
def test_a_child_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.parts import process\n"
        f"child = process.spawn([sys.executable, '-c', 'import time; time.sleep(60)'],"
        f" log=Path({str(tmp_path / 'log')!r}))\n"
        "print(child.pid)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    grandchild = int(done.stdout)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(grandchild) and psutil.Process(grandchild).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.02)
