"""The organisation's style sheet, icon and logo, as files that browsers keep. Open to all: the login shows them."""

from __future__ import annotations

from flask import Blueprint, Response, abort, make_response, request

from calsync.services import logos
from webapp import brand
from webapp.access import runtime
from webapp.assets import FOR_EVER

bp = Blueprint("brand", __name__, url_prefix="/brand")


@bp.get("/style.css")
def style() -> Response:
    return _kept(brand.stylesheet(brand.organisation().accent), "text/css; charset=utf-8")


@bp.get("/icon.svg")
def icon() -> Response:
    return _kept(brand.icon(brand.organisation()), "image/svg+xml")


@bp.get("/logo")
def logo() -> Response:
    found = logos.get(runtime())
    if found is None:
        abort(404)
    return _kept(found.data, found.media_type)


def _kept(body: str | bytes, content_type: str) -> Response:
    response = make_response(body)
    response.content_type = content_type
    response.headers["Cache-Control"] = FOR_EVER if request.args.get("v") else "no-cache"
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response
