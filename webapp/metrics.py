"""Numbers for Prometheus and answers for readiness probes.

Counts that live in the database are read when asked for; what only this process knows (latency of its answers) is
counted as it happens.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from calsync.engine.vocabulary import OPEN_STEP_STATES, AccountState
from calsync.runtime import Runtime
from calsync.services import traffic
from calsync.store import schema
from calsync.store import tables as t

CONTENT_TYPE = CONTENT_TYPE_LATEST
STALE_TICK = timedelta(minutes=5)
LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
RECENT = timedelta(days=1)


def install(app: Flask) -> None:
    """Time every answer, by endpoint and status class."""
    registry = CollectorRegistry()
    latency = Histogram(
        "calsync_http_request_seconds",
        "Time to answer a request",
        ["endpoint", "status"],
        registry=registry,
        buckets=LATENCY_BUCKETS,
    )
    app.extensions["calsync.metrics"] = registry

    @app.before_request
    def _start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def _stop(response: Response) -> Response:
        if "started" in g:
            spent = time.perf_counter() - g.started
            latency.labels(request.endpoint or "none", f"{response.status_code // 100}xx").observe(spent)
        return response


def expose(rt: Runtime, registry: CollectorRegistry) -> bytes:
    """Return everything in Prometheus' text format."""
    stored = CollectorRegistry()
    stored.register(_Stored(rt))
    return generate_latest(registry) + generate_latest(stored)


def readiness(rt: Runtime) -> dict[str, dict[str, Any]]:
    """Return each check with `ok` and, where it fails, `problem`."""
    try:
        with rt.reading() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return {"database": {"ok": False, "problem": "the database does not answer"}}
    return {"database": {"ok": True}, "schema": _schema(rt), "scheduler": _scheduler(rt)}


def _schema(rt: Runtime) -> dict[str, Any]:
    try:
        schema.check(rt.db)
    except schema.UnknownSchema as error:
        return {"ok": False, "problem": str(error)}
    return {"ok": True}


def _scheduler(rt: Runtime) -> dict[str, Any]:
    with rt.reading() as session:
        tick = _last_tick(session)
    if tick is None:
        return {"ok": False, "problem": "the scheduler has never run"}
    age = rt.now() - tick
    facts: dict[str, Any] = {"ok": age <= STALE_TICK, "age_s": round(age.total_seconds())}
    return facts if facts["ok"] else {**facts, "problem": "the scheduler stands still"}


def _last_tick(session: Session) -> datetime | None:
    return session.scalars(select(col(t.Instance.scheduler_tick_at))).first()


class _Stored:
    """The numbers that stand in the database, read when they are asked for."""

    def __init__(self, rt: Runtime) -> None:
        self.rt = rt

    def collect(self) -> Iterable[Metric]:
        now = self.rt.now()
        with self.rt.reading() as session:
            yield _grouped(session, "calsync_accounts", "Accounts by stored state", t.Account.state)
            yield _runs(session, now)
            yield _open_steps(session)
            yield _single("calsync_due_lag_seconds", "Age of the longest waiting due account", _lag(session, now))
            tick = _last_tick(session)
            age = (now - tick).total_seconds() if tick else float("nan")
            yield _single("calsync_scheduler_tick_age_seconds", "Time since the scheduler's last tick", age)
            yield _requests(session, now)
        yield _answers()

    def describe(self) -> Iterable[Metric]:
        return ()


def _grouped(session: Session, name: str, about: str, column: Any, *where: Any) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, about, labels=["state"])
    for state, count in session.execute(select(column, func.count()).where(*where).group_by(column)):
        family.add_metric([state], count)
    return family


def _runs(session: Session, now: datetime) -> GaugeMetricFamily:
    recent = col(t.Run.started_at) > now - RECENT
    return _grouped(session, "calsync_runs_24h", "Runs begun in the last 24 hours by state", t.Run.state, recent)


def _open_steps(session: Session) -> GaugeMetricFamily:
    is_open = col(t.Step.state).in_(OPEN_STEP_STATES)
    return _grouped(session, "calsync_open_steps", "Steps that wait for something, by state", t.Step.state, is_open)


def _lag(session: Session, now: datetime) -> float:
    active = col(t.Account.state) == AccountState.ACTIVE
    query = select(func.min(t.Account.next_sync_at)).where(active, col(t.Account.grant_ok))
    oldest = session.scalars(query).first()
    return max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


def _requests(session: Session, now: datetime) -> GaugeMetricFamily:
    name, about = "calsync_provider_requests_24h", "Requests to providers by runs of the last 24 hours"
    family = GaugeMetricFamily(name, about, labels=["provider"])
    query = (
        select(col(t.Account.provider), func.coalesce(func.sum(t.Run.requests), 0))
        .join(t.Run, col(t.Run.account_id) == col(t.Account.id))
        .where(col(t.Run.started_at) > now - RECENT)
        .group_by(col(t.Account.provider))
    )
    for provider, count in session.execute(query):
        family.add_metric([provider], count)
    return family


def _answers() -> CounterMetricFamily:
    about = "Requests of this process to providers by the status of the answer"
    family = CounterMetricFamily("calsync_provider_requests", about, labels=["status"])
    for status, count in sorted(traffic.requests_by_status().items()):
        family.add_metric([status], count)
    return family


def _single(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, value=value)
