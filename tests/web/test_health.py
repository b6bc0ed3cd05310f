"""What machines are told about the installation, and who may read the metrics."""

import contextlib
import re
from dataclasses import replace

import pytest
from flask import Flask
from pydantic import SecretStr
from pytest_httpserver import HTTPServer

from calsync.errors import ProviderError
from calsync.providers.http import Http
from calsync.runtime import Runtime
from calsync.store import tables as t
from tests import factories
from tests.web.world import make_world


def tick(rt: Runtime) -> None:
    with rt.writing() as session:
        session.merge(t.Instance(id=1, scheduler_tick_at=rt.now()))


def test_the_process_answers_before_anyone_is_there(app: Flask) -> None:
    assert app.test_client().get("/healthz").json == {"status": "ok"}


def test_ready_needs_a_scheduler_that_ticks(app: Flask, rt: Runtime, clock: factories.Clock) -> None:
    client = app.test_client()
    assert client.get("/readyz").status_code == 503
    tick(rt)
    assert client.get("/readyz").status_code == 200
    clock.advance(minutes=6)
    late = client.get("/readyz")
    assert late.status_code == 503
    assert late.json["checks"]["scheduler"]["problem"] == "the scheduler stands still"


def test_ready_needs_the_right_schema(app: Flask, rt: Runtime) -> None:
    tick(rt)
    with rt.writing() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert "9999" in answer.json["checks"]["schema"]["problem"]


def test_metrics_count_what_is_there(app: Flask, rt: Runtime, cast: factories.Cast) -> None:
    make_world(rt, cast)
    client = app.test_client()
    client.get("/healthz")
    text = client.get("/metrics").text
    assert 'calsync_accounts{state="active"} 1.0' in text
    assert 'calsync_runs_24h{state="failed"} 1.0' in text
    assert 'calsync_open_steps{state="failed"} 1.0' in text
    assert 'calsync_http_request_seconds_count{endpoint="health.healthz",status="2xx"}' in text


def test_due_lag_grows_with_time(app: Flask, rt: Runtime, cast: factories.Cast, clock: factories.Clock) -> None:
    factories.make_account(rt, cast.eli)
    clock.advance(minutes=10)
    assert "calsync_due_lag_seconds 600.0" in app.test_client().get("/metrics").text


@pytest.mark.parametrize(
    ("access", "address", "headers", "status"),
    [
        ("off", "127.0.0.1", {}, 404),
        ("local", "127.0.0.1", {}, 200),
        ("local", "::1", {}, 200),
        ("local", "203.0.113.9", {}, 404),
        ("local", "203.0.113.9", {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("token", "203.0.113.9", {"Authorization": "Bearer t0ken"}, 200),
        ("token", "127.0.0.1", {"Authorization": "Bearer other"}, 404),
        ("token", "127.0.0.1", {}, 404),
        ("anyone", "203.0.113.9", {}, 200),
    ],
)
def test_metrics_are_shown_to_whom_the_setting_says(
    app: Flask, rt: Runtime, access: str, address: str, headers: dict[str, str], status: int
) -> None:
    values = {"metrics_access": access, "metrics_token": SecretStr("t0ken")}
    app.extensions["calsync"] = replace(rt, settings=factories.make_settings(rt.settings.instance_dir, **values))
    answer = app.test_client().get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status


def test_answers_of_providers_are_counted_by_status(app: Flask, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/there").respond_with_data("fine")
    before = counted(app)
    with contextlib.closing(Http(allow_private_network=True)) as http:
        http.request("GET", httpserver.url_for("/there"))
        with contextlib.suppress(ProviderError):
            http.request("GET", httpserver.url_for("/not-there"))
        with contextlib.suppress(ProviderError):
            http.request("GET", "http://127.0.0.1:9/")
    after = counted(app)
    assert after.get("200", 0) - before.get("200", 0) == 1
    assert after.get("500", 0) - before.get("500", 0) == 1
    assert after.get("none", 0) - before.get("none", 0) == 1


def counted(app: Flask) -> dict[str, float]:
    text = app.test_client().get("/metrics").text
    found = re.findall(r'calsync_provider_requests_total\{status="(\w+)"\} ([\d.]+)', text)
    return {status: float(count) for status, count in found}
