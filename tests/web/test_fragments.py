"""Pages, parts and redirects: which is answered to whom."""

import pytest
from flask import Blueprint, Flask, flash
from flask.testing import FlaskClient
from jinja2 import ChoiceLoader, DictLoader

from calsync.runtime import Runtime
from tests import factories
from tests.web.conftest import HTMX, signed_in
from webapp import create_app, fragments
from webapp.access import login_required

PAGE = """{% extends "layout.html" %}
{% block title %}Runs{% endblock %}
{% block content %}<ul>
{% for run in runs %}
{% block run scoped %}<li id="run-{{ run }}">{{ ui.tag("No " ~ run) }}</li>{% endblock %}
{% endfor %}
</ul>{% endblock %}"""


@pytest.fixture
def eli(rt: Runtime, cast: factories.Cast) -> FlaskClient:
    """A staff member's browser on an application with a small list and a button."""
    app = create_app(rt)
    app.config["WTF_CSRF_ENABLED"] = False
    app.jinja_loader = ChoiceLoader([app.jinja_loader, DictLoader({"runs.html": PAGE})])
    _add_views(app)
    return signed_in(app, rt, cast.eli)


def _add_views(app: Flask) -> None:
    bp = Blueprint("runs", __name__)

    @bp.get("/runs")
    @login_required
    def index():
        return fragments.page("runs.html", "run", runs=[1, 2], run=2)

    @bp.post("/runs")
    @login_required
    def retry():
        flash("Retried.")
        return fragments.swap("runs.html", "run", "/runs", run=2)

    app.register_blueprint(bp)


def test_browser_gets_the_page(eli: FlaskClient) -> None:
    page = eli.get("/runs")
    assert "<html" in page.text
    assert 'id="run-1"' in page.text
    assert "HX-Request" in page.headers["Vary"]


def test_htmx_gets_the_part(eli: FlaskClient) -> None:
    part = eli.get("/runs", headers=HTMX).text
    assert part.startswith('<li id="run-2">')
    assert 'id="run-1"' not in part
    assert "No 2" in part, "macros work in a part"


@pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request"])
def test_boosted_and_restored_pages_are_whole(eli: FlaskClient, header: str) -> None:
    assert "<html" in eli.get("/runs", headers={**HTMX, header: "true"}).text


def test_post_without_htmx_leads_on_and_says_it_there(eli: FlaskClient) -> None:
    answer = eli.post("/runs")
    assert (answer.status_code, answer.location) == (303, "/runs")
    assert "Retried." in eli.get("/runs").text


def test_post_with_htmx_brings_its_message_along(eli: FlaskClient) -> None:
    part = eli.post("/runs", headers=HTMX).text
    assert '<li id="run-2">' in part
    assert 'hx-swap-oob="beforeend:#toasts"' in part
    assert "Retried." in part
    assert "Retried." not in eli.get("/runs").text, "said once"
