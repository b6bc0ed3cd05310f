"""The program as a process: it starts, says where it is, stops when asked, and loads no more than it needs."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.parts import process

ROOT = Path(__file__).parents[2]


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CALSYNC_", "DATABASE_URL"))}
    return {**kept, "CALSYNC_INSTANCE_DIR": str(folder / "instance"), "PYTHONPATH": str(ROOT)}


def start(folder: Path) -> subprocess.Popen[str]:
    """Start a server on a free port, in a folder without a .env."""
    command = [sys.executable, "-m", "wsgi", "serve", "--port", str(process.free_port())]
    pipes = {"stdout": subprocess.PIPE, "stderr": (folder / "log.txt").open("a")}
    return subprocess.Popen(command, cwd=folder, env=environment(folder), text=True, **pipes)  # type: ignore[call-overload]


def greeting(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline()


def stop(child: subprocess.Popen[str]) -> tuple[int, float]:
    """Ask a process to stop and return its exit code and how long it took."""
    began = time.monotonic()
    child.send_signal(signal.SIGTERM)
    return child.wait(15), time.monotonic() - began


def test_a_server_starts_answers_and_stops(tmp_path: Path) -> None:
    first = start(tmp_path)
    said = greeting(first)
    assert "Setup waits" in said, (tmp_path / "log.txt").read_text()
    address = re.search(r"http://[\d.:]+", said)
    assert address is not None
    with urllib.request.urlopen(f"{address[0]}/healthz") as answer:
        assert answer.status == 200
    code, took_s = stop(first)
    assert (code, took_s < 10) == (0, True)

    again = start(tmp_path)
    assert "http://127.0.0.1:" in greeting(again)
    spent = psutil.Process(again.pid).cpu_times()
    assert stop(again)[0] == 0
    # On a quiet machine this is well under 3 s of wall time; processor time does not depend on the neighbours.
    assert spent.user + spent.system < 6


def test_two_servers_of_one_installation_live_side_by_side(tmp_path: Path) -> None:
    children = [start(tmp_path), start(tmp_path)]
    assert all("http://127.0.0.1:" in greeting(child) for child in children), (tmp_path / "log.txt").read_text()
    assert [stop(child)[0] for child in children] == [0, 0]


@pytest.mark.parametrize("command", [["sync"], ["account", "list"]])
def test_a_command_loads_neither_pages_nor_scheduler(tmp_path: Path, command: list[str]) -> None:
    run(tmp_path, "db", "upgrade")
    program = (
        f"import sys, wsgi; sys.argv = ['calsync', *{command!r}]\n"
        "try: wsgi.main()\nexcept SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True
    )
    loaded = set(done.stderr.split())
    assert "calsync.runtime" in loaded
    assert loaded & {"flask", "werkzeug", "jinja2", "apscheduler", "waitress", "alembic"} == set()


def test_an_empty_database_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    refused = run(tmp_path, "account", "list")
    assert refused.returncode == 2
    assert "calsync db upgrade" in refused.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("CALSYNC_PORT", "x"), ("CALSYNC_LOG_LEVEL", "loud"), ("DATABASE_URL", "mysql://x/y")]
)
def test_a_bad_setting_stops_the_start_and_says_which(tmp_path: Path, name: str, value: str) -> None:
    refused = run(tmp_path, "account", "list", **{name: value})
    assert refused.returncode == 2
    assert name in refused.stderr
    assert "Example" in refused.stderr


def run(folder: Path, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {**environment(folder), **environ}
    return subprocess.run([sys.executable, "-m", "wsgi", *args], cwd=folder, env=env, capture_output=True, text=True)


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((process.HOST, 0))
        taken.listen()
        refused = run(tmp_path, "serve", "--port", str(taken.getsockname()[1]))
    assert refused.returncode == 2
    assert "--port" in refused.stderr.splitlines()[-1]
