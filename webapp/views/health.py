"""For machines: is the process there, can it work, and what is it doing."""

from __future__ import annotations

import hmac
import ipaddress
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, request

from webapp import metrics
from webapp.access import runtime

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> Any:
    """The process answers."""
    return jsonify(status="ok")


@bp.get("/readyz")
def readyz() -> Any:
    """Database, schema and scheduler are as they should be; 503 with the reason otherwise."""
    checks = metrics.readiness(runtime())
    ready = all(check["ok"] for check in checks.values())
    return jsonify(status="ready" if ready else "not ready", checks=checks), 200 if ready else 503


@bp.get("/metrics")
def prometheus() -> Response:
    """Prometheus text format; who may read it is a setting of the process."""
    if not _may_read_metrics():
        abort(404)
    return Response(
        metrics.expose(runtime(), current_app.extensions["calsync.metrics"]), content_type=metrics.CONTENT_TYPE
    )


def _may_read_metrics() -> bool:
    settings = runtime().settings
    match settings.metrics_access:
        case "anyone":
            return True
        case "local":
            return _is_this_machine(request.remote_addr)
        case "token":
            wanted = f"Bearer {settings.metrics_token.get_secret_value()}"
            return hmac.compare_digest(request.headers.get("Authorization", "").encode(), wanted.encode())
    return False


def _is_this_machine(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False
