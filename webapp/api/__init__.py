"""The REST API below `/api/v1`: one file per resource, over the same services as the pages.

`operations.py` is the frame around every route, `openapi.py` the document made of it. Nothing here decides anything:
a rule that is missing belongs into a service.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import Any

from flask import Flask, Response, jsonify

from webapp import errors, security
from webapp.api import openapi, problems, reference
from webapp.api.operations import PREFIX, bp, name_request, sign
from webapp.fragments import page

for _module in pkgutil.iter_modules(__path__):  # each declares its routes
    importlib.import_module(f"{__name__}.{_module.name}")


@bp.get("/openapi.json")
def openapi_document() -> Response:
    """The document. It names no secrets, and whoever writes a program needs it before there is a token."""
    return jsonify(openapi.document())


def install(app: Flask) -> None:
    """Register every route, and have errors below the prefix told as problems. Cookies mean nothing here."""
    security.csrf.exempt(bp)
    app.before_request(name_request)
    app.after_request(sign)
    app.register_blueprint(bp)
    app.add_url_rule("/api/docs", endpoint="api_docs", view_func=docs)
    errors.RENDERERS[PREFIX + "/"] = problems.of_trouble


def docs() -> Response:
    """The document as a page for people, made here: nothing is loaded from elsewhere."""
    return page("api/docs.html", **_reference())


@functools.cache
def _reference() -> dict[str, Any]:
    """Return what that page shows. Like the document it stays the same for as long as the process lives."""
    document = openapi.document()
    return {
        "document": document,
        "sections": reference.sections(document),
        "models": reference.models(document),
    }
