"""Commands run in this process, on a database of the test's own and the memory provider."""

import dataclasses
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog

from calsync.config import Settings
from calsync.providers.memory import MemoryProvider, MemoryServer
from calsync.runtime import Runtime
from tests import factories
from webapp import cli
from webapp.cli.tools import Tools


@dataclasses.dataclass
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclasses.dataclass
class Shell:
    """Runs commands; the clock and the provider stand in the test's hand."""

    folder: Path
    clock: factories.Clock
    server: MemoryServer
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    served: list[tuple[str, int]] = dataclasses.field(default_factory=list)

    def __call__(self, *args: str, stdin: str = "") -> Answer:
        self.monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        tools = Tools(load_settings=self._settings, runtime=self._runtime, serve=self._serve)
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main(tools, list(args))
        printed = self.capsys.readouterr()
        return Answer(int(ended.value.code or 0), printed.out, printed.err)

    def done(self, *args: str, stdin: str = "") -> Answer:
        """Run a command that must succeed."""
        answer = self(*args, stdin=stdin)
        assert answer.code == 0, answer.err
        return answer

    @property
    def rt(self) -> Runtime:
        """A runtime beside the commands', for looking and arranging."""
        return self._runtime(self._settings())

    def _settings(self, environ: Mapping[str, str] | None = None) -> Settings:
        return factories.make_settings(self.folder)

    def _runtime(self, settings: Settings) -> Runtime:
        providers = {"memory": MemoryProvider(self.server)}
        return factories.make_runtime(self.folder, self.clock, settings=settings, providers=providers)

    def _serve(self, rt: Runtime, host: str, port: int, greeting: str = "") -> None:
        self.served.append((host, port))


@pytest.fixture
def calsync(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """The command line, with nobody in the database yet."""
    clock = factories.Clock()
    with structlog.testing.capture_logs():  # the log goes to standard error; here nobody has set it up
        yield Shell(tmp_path, clock, MemoryServer(clock), capsys, monkeypatch)


@pytest.fixture
def office(calsync: Shell) -> Shell:
    """Eli with one connected account (number 1) and one calendar (number 1), nothing in it."""
    calsync.server.add_calendar("work", owner="eli")
    rt = calsync.rt
    eli = factories.make_user(rt, "Eli")
    account = factories.make_account(rt, eli, provider="memory", username="eli", next_sync_at=None)
    factories.make_calendar(rt, account, remote_id="work")
    rt.db.close()
    return calsync
