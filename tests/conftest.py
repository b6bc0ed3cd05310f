"""What every test may ask for: real parts on free ports, a database of its own, and no way off this machine.

Fixtures of one room of the house stand in that room's own conftest.
"""

import gc
import os
import shutil
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.parts import browser, databases, memory, missing, network, postgres
from tests.parts.fault_proxy import FaultProxy
from tests.parts.radicale import Radicale
from tests.parts.receiver import Receiver
from tests.parts.smtp import SmtpSink
from tests.parts.xandikos import Xandikos

BROWSER_HINT = "Install Chromium (apt install chromium), or name one in CALSYNC_TEST_BROWSER."
POSTGRES_HINT = "Install the test extra, or PostgreSQL 15 or newer."

hypothesis.settings.register_profile("quick", deadline=None, derandomize=True, max_examples=100)
# Deep runs look for new examples, but not in CI, where a change is to be judged by what it changed.
hypothesis.settings.register_profile(
    "deep", deadline=None, derandomize=bool(os.environ.get("CI")), max_examples=500, print_blob=True
)
hypothesis.settings.load_profile("deep" if os.environ.get("CALSYNC_TEST_DEEP") else "quick")


# --- the run as a whole -------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Give the run a folder that all of its processes know, and note who has to clean it up."""
    if not hasattr(config, "workerinput"):
        if place := memory.folder():
            os.environ["TMPDIR"] = tempfile.tempdir = str(place)
        os.environ["CALSYNC_TEST_OWNER"] = str(os.getpid())
        os.environ["CALSYNC_TEST_RUN"] = tempfile.mkdtemp(prefix="calsync-test-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what the processes of the run shared."""
    if not hasattr(config, "workerinput"):
        folder = Path(os.environ["CALSYNC_TEST_RUN"])
        postgres.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say loudly which parts were missing, and what tests have to tell of themselves."""
    for report in [r for outcome in ("passed", "failed") for r in terminalreporter.stats.get(outcome, [])]:
        for text in (value for name, value in report.user_properties if name == "told"):
            terminalreporter.write_line("\n".join(textwrap.wrap(text, 120)))
    skipped = terminalreporter.stats.get("skipped", [])
    for line in missing.report(str(report.longrepr) for report in skipped):
        terminalreporter.write_line(f"*** {line}", red=True, bold=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests marked `postgres` on both databases, unless the run names one."""
    wanted = "database_kind" in metafunc.fixturenames
    if wanted and metafunc.definition.get_closest_marker("postgres"):
        named = os.environ.get("CALSYNC_TEST_DATABASE")
        metafunc.parametrize("database_kind", [named] if named else ["sqlite", "postgres"], scope="session")


LONG = (
    "tests/simulator/",
    "tests/mutants/",
    "tests/proof/",
    "tests/providers/caldav/test_round_trips.py",
    "tests/cli/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that drives a page is a browser test, whether it says so or not. What takes long comes first, so that no
    worker sits alone with it at the end.
    """
    for item in items:
        if "page" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish() -> None:
    """Leave everything that was loaded out of the search for garbage, and search less often: a fifth of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(autouse=True)
def _push_request_context() -> None:
    """Shadow pytest-flask's fixture of this name.

    That one shares a request context, and so the login, between all clients of a test: a second one
    without a cookie would be logged in as well.
    """


@pytest.fixture(autouse=True)
def network_attempts() -> Iterator[list[str]]:
    """Fail every test that tries to leave this machine, even if it swallows the error."""
    with network.only_this_machine() as attempts:
        yield attempts
    assert not attempts, f"the test tried to reach {attempts}"


# --- databases ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def worker_name() -> str:
    """Which of the parallel processes this is, as a word."""
    return os.environ.get("PYTEST_XDIST_WORKER", "solo")


@pytest.fixture(scope="session")
def postgres_server() -> postgres.Postgres:
    """The PostgreSQL of this run; `bin_folder` has pg_dump and its kin."""
    missing.require(postgres.find(), "PostgreSQL", POSTGRES_HINT)
    return postgres.shared(Path(os.environ["CALSYNC_TEST_RUN"]))


@pytest.fixture(scope="session")
def database_kind() -> str:
    """Either "sqlite" or "postgres". Mark a test or module `postgres` to run it on both."""
    return databases.default_kind()


@pytest.fixture(scope="session")
def database_maker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_name: str
) -> Iterator[Callable[[str], databases.Databases]]:
    """Yield the maker of databases of a kind; it lives as long as the process, and so do its templates."""
    makers: dict[str, databases.Databases] = {}

    def maker(kind: str) -> databases.Databases:
        if kind not in makers and kind == "postgres":
            server = request.getfixturevalue("postgres_server")
            makers[kind] = databases.PostgresDatabases(server, worker_name)
        elif kind not in makers:
            makers[kind] = databases.SqliteDatabases(tmp_path_factory.mktemp("sqlite"))
        return makers[kind]

    yield maker
    for made in makers.values():
        made.close()


@pytest.fixture
def fresh_database(
    database_kind: str, database_maker: Callable[[str], databases.Databases]
) -> Iterator[Callable[..., str]]:
    """Return a function that makes databases of this test's own: `url = fresh_database(prepare)`.

    `prepare(url)` fills the first one (migrations, say) and must close its connections; each further
    database is a copy. Without it the database is empty.
    """
    maker = database_maker(database_kind)
    made: list[str] = []

    def fresh(prepare: databases.Prepare | None = None) -> str:
        made.append(maker.fresh(prepare))
        return made[-1]

    yield fresh
    for url in made:
        maker.drop(url)


@pytest.fixture
def empty_database_url(fresh_database: Callable[..., str]) -> str:
    """The address of an empty database."""
    return fresh_database()


# --- servers ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def _radicale_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radicale]:
    server = Radicale(tmp_path_factory.mktemp("radicale"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def radicale(_radicale_process: Radicale) -> Radicale:
    """A running Radicale without calendars, with its first person and password."""
    _radicale_process.renew()
    return _radicale_process


@pytest.fixture(scope="session")
def _xandikos_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Xandikos]:
    server = Xandikos(tmp_path_factory.mktemp("xandikos"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def xandikos(_xandikos_process: Xandikos) -> Xandikos:
    """A running Xandikos. Calendars of earlier tests may still be there: choose your own names."""
    if not _xandikos_process.running:
        _xandikos_process.start()
    return _xandikos_process


@pytest.fixture
def radicale_proxy(radicale: Radicale) -> Iterator[FaultProxy]:
    """A proxy in front of Radicale that goes wrong on command; see `tests.parts.faults`."""
    with FaultProxy(radicale.url) as proxy:
        yield proxy


@pytest.fixture
def smtp() -> Iterator[SmtpSink]:
    """A mail server that keeps what it is given."""
    sink = SmtpSink()
    sink.start()
    yield sink
    sink.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A program that takes webhooks."""
    made = Receiver()
    yield made
    made.stop()


# --- the browser (pytest-playwright's `page`, `context` and `browser` use these) ----------------------------


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start the Chromium that is there."""
    path = missing.require(browser.find(), "a browser", BROWSER_HINT)
    return {**browser_type_launch_args, "executable_path": str(path), "args": list(browser.LAUNCH_ARGS)}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A desktop window, English, in a zone with daylight saving."""
    size = {"width": 1280, "height": 900}
    return {**browser_context_args, "viewport": size, "locale": "en-GB", "timezone_id": "Europe/Berlin"}
