"""What every answer and every session carries for safety: headers, cookie flags, CSRF, request rates.

security.limit("10 per minute")     decorator: request rate of one address for one view
security.allow_form_to(origin)      lets forms of this page lead to another origin (an OAuth provider)
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask, Response, abort, g, request
from flask.sessions import SecureCookieSessionInterface
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from calsync.runtime import Runtime

csrf = CSRFProtect()
limiter = Limiter(get_remote_address, storage_uri="memory://", headers_enabled=False)

LARGEST_REQUEST = 4 * 1024 * 1024
LARGEST_ID = 2**31 - 1
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


class _Id(IntegerConverter):
    """An id in an address. Larger numbers are nobody's, and databases would stumble over them."""

    def __init__(self, map: Map, **given: Any) -> None:
        super().__init__(map, **{"max": LARGEST_ID, **given})


class _Sessions(SecureCookieSessionInterface):
    """Session cookies that are Secure whenever people reach us by https."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure or bool(app.config["SESSION_COOKIE_SECURE"])


def install(app: Flask, rt: Runtime) -> None:
    """Set the cookie flags, the headers, CSRF protection and the request limiter."""
    settings = rt.settings
    app.config.update(
        SECRET_KEY=settings.secret_key.get_secret_value(),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https://"),
        PERMANENT_SESSION_LIFETIME=timedelta(days=settings.session_days),
        WTF_CSRF_TIME_LIMIT=None,  # dashboards stay open for days; the token ends with the session
        WTF_CSRF_SSL_STRICT=False,  # the token decides; behind a proxy the referrer's scheme may differ from ours
        MAX_CONTENT_LENGTH=LARGEST_REQUEST,
    )
    app.session_interface = _Sessions()
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    csrf.init_app(app)
    limiter.init_app(app)
    app.url_map.converters["int"] = _Id
    app.before_request(_refuse_nul)
    app.after_request(_add_headers)


def limit(rate: str) -> Callable[[Any], Any]:
    """Allow one address this many POSTs to the decorated view: "10 per minute"."""
    return limiter.limit(rate, methods=["POST"])


def allow_form_to(origin: str) -> None:
    """Let forms of the page being answered lead to `origin`: browsers apply form-action to redirects too."""
    g.form_origins = (*g.get("form_origins", ()), origin)


def _refuse_nul() -> None:
    """Refuse the one character that PostgreSQL cannot store in a text; no person types it."""
    given = (value for source in (request.args, request.form) for _, values in source.lists() for value in values)
    if any("\0" in value for value in given):
        abort(400)


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", _content_policy())
    response.headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def _content_policy() -> str:
    forms = " ".join(("'self'", *g.get("form_origins", ())))
    return (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {forms}"
    )
