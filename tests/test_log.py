"""No secret reaches the log, whichever way it tries."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from calsync import log

SECRET = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(params=["text", "json"])
def stream(request: pytest.FixtureRequest) -> io.StringIO:
    written = io.StringIO()
    log.set_up("debug", request.param, written)
    return written


@pytest.mark.parametrize(
    "facts",
    [
        {"password": SECRET},
        {"client_secret": SECRET},
        {"headers": {"Authorization": f"Basic {SECRET}"}},
        {"answer": {"tokens": [{"refresh_token": SECRET}]}},
        {"url": f"https://ada:{SECRET}@dav.example.com/"},
        {"url": f"https://calendar.example.com/oauth/back?state=x&code={SECRET}&scope=a"},
        {"error": f'server said {{"access_token": "{SECRET}"}}'},
        {"error": ValueError(f"password={SECRET}")},
        {"raw": SECRET.encode()},
        {"sealed": "gAAAAABn" + "A" * 60 + SECRET},
        {"line": f"authorization: bearer {SECRET}"},
    ],
)
def test_secrets_in_facts_are_hidden(stream: io.StringIO, facts: dict) -> None:
    structlog.get_logger("calsync.test").warning("something.happened", **facts)
    assert "something.happened" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_secrets_in_messages_and_tracebacks_of_libraries_are_hidden(stream: io.StringIO) -> None:
    try:
        raise RuntimeError(f"connection to postgresql://calsync:{SECRET}@db/calsync failed")
    except RuntimeError:
        logging.getLogger("library").exception("could not use token=%s", SECRET)
    assert "connection to" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_facts_stay_facts(stream: io.StringIO) -> None:
    structlog.get_logger("calsync.test").info("run.finished", run_id=7, state="succeeded", ok=True, error=None)
    text = stream.getvalue()
    assert "succeeded" in text
    if text.startswith("{"):
        line = json.loads(text)
        assert (line["run_id"], line["state"], line["ok"], line["error"]) == (7, "succeeded", True, None)
        assert (line["event"], line["level"], line["logger"]) == ("run.finished", "info", "calsync.test")


def test_a_lower_level_is_not_written() -> None:
    written = io.StringIO()
    log.set_up("warning", "text", written)
    structlog.get_logger("calsync.test").info("quiet")
    structlog.get_logger("calsync.test").warning("loud")
    assert "quiet" not in written.getvalue()
    assert "loud" in written.getvalue()


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = log.clean_text(text)
    assert log.clean_text(once) == once
