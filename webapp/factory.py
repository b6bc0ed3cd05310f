"""Putting the application together. Everyone else calls `webapp.create_app(rt)`."""

from __future__ import annotations

import importlib
import json
import pkgutil
from typing import Any

from flask import Flask, request
from flask_login import current_user
from werkzeug.local import LocalProxy

from calsync.runtime import Runtime
from webapp import (
    access,
    api,
    assets,
    auth,
    brand,
    errors,
    fragments,
    metrics,
    moments,
    security,
    shell,
    views,
    words,
)
from webapp.forms import fields
from webapp.views import setup as setup_view

# htmx 2.0, https://htmx.org/reference/#config: no eval and no inline styles under our content policy; pages gone back
# to are loaded anew, so that a fragment is never shown as a page; 422 swaps, other errors become toasts.
HTMX_CONFIG = {
    "includeIndicatorStyles": False,
    "allowEval": False,
    "selfRequestsOnly": True,
    "historyCacheSize": 0,
    "refreshOnHistoryMiss": True,
    "historyRestoreAsHxRequest": False,
    "responseHandling": [
        {"code": "204", "swap": False},
        {"code": "[23]..", "swap": True},
        {"code": "422", "swap": True},
        {"code": "[45]..", "swap": True, "error": True, "target": "#toasts", "swapOverride": "beforeend"},
    ],
}


def create_app(rt: Runtime) -> Flask:
    """Return the application. It starts nothing: jobs and servers are composed elsewhere."""
    app = Flask("webapp", static_folder=None)
    app.extensions["calsync"] = rt
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    metrics.install(app)
    security.install(app, rt)
    assets.install(app)
    auth.install(app)
    errors.install(app)
    fragments.htmx.init_app(app)
    setup_view.install(app)
    for blueprint in _blueprints():
        app.register_blueprint(blueprint)
    api.install(app)
    _install_globals(app)
    return app


def _blueprints() -> list[Any]:
    """Return the blueprint of every module in webapp/views."""
    names = sorted(module.name for module in pkgutil.iter_modules(views.__path__))
    modules = [importlib.import_module(f"{views.__name__}.{name}") for name in names]
    return [module.bp for module in modules if hasattr(module, "bp")]


def _install_globals(app: Flask) -> None:
    app.context_processor(_context)
    app.jinja_env.globals.update(
        words=words,
        moments=moments,
        home_url=access.home_url,
        provider_info=access.provider_info,
        control=fields.control,
        has_endpoint=lambda name: name in app.view_functions,
        htmx_config=json.dumps(HTMX_CONFIG),
    )
    app.jinja_env.filters["spelled"] = words.spelled
    app.jinja_env.globals["ui"] = app.jinja_env.get_template("ui.html").module


def _context() -> dict[str, Any]:
    """Return what every template may use beside the globals."""
    organisation = brand.organisation()
    return {
        "organisation": organisation,
        "brand_version": brand.version(organisation),
        "frame": LocalProxy(shell.frame),  # asked for by whole pages only: a part costs no counters
        "framed": current_user.is_authenticated,
        "theme": theme if (theme := request.cookies.get("theme")) in ("light", "dark") else "",
    }
