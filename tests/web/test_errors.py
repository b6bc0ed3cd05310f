"""Errors as pages, as parts and as JSON, and refusals on forms."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_wtf import FlaskForm
from wtforms import StringField

from calsync.errors import (
    CalsyncError,
    NotAllowed,
    NotFound,
    RateLimited,
    Refused,
    Rejected,
    SignInNeeded,
    Unavailable,
)
from calsync.runtime import Runtime
from tests import factories
from tests.web.conftest import HTMX, text_of
from webapp import create_app, errors

JSON = {"Accept": "application/json"}
CASES = [
    (NotFound("account", 7), 404),
    (NotAllowed("anything"), 403),
    (Refused("A rule says no.", code="some_rule"), 409),
    (RateLimited(factories.START), 503),
    (SignInNeeded("invalid_grant"), 409),
    (Unavailable("no answer from 10.0.0.7"), 502),
    (Rejected("invalid", "start after end"), 502),
]


@pytest.fixture
def broken(rt: Runtime, cast: factories.Cast) -> Flask:
    """An application with a page that raises what the test puts into its config."""
    app = create_app(rt)
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/broken")
    def _broken() -> str:
        raise app.config["ERROR"]

    return app


def ask(app: Flask, error: Exception, headers: dict[str, str] | None = None):
    app.config["ERROR"] = error
    return app.test_client().get("/broken", headers=headers)


@pytest.mark.parametrize(("error", "status"), CASES, ids=lambda each: type(each).__name__)
def test_our_errors_have_a_page_a_toast_and_json(broken: Flask, error: CalsyncError, status: int) -> None:
    page, part, data = ask(broken, error), ask(broken, error, HTMX), ask(broken, error, JSON)
    assert page.status_code == part.status_code == data.status_code == status
    assert "<html" in page.text
    assert "<html" not in part.text
    assert 'role="alert"' in part.text
    assert part.headers["X-Toast"] == "1"
    assert data.json["title"] in page.text
    assert data.json["title"] in part.text


def test_refusal_says_its_own_reason_and_code(broken: Flask) -> None:
    refused = Refused("A rule says no.", code="some_rule")
    assert "A rule says no." in ask(broken, refused).text
    assert ask(broken, refused, JSON).json["error"] == "some_rule"


def test_no_internals_reach_a_page(broken: Flask) -> None:
    assert "10.0.0.7" not in ask(broken, Unavailable("no answer from 10.0.0.7")).text


def test_surprise_has_a_reference_and_no_details(broken: Flask, caplog: pytest.LogCaptureFixture) -> None:
    page = ask(broken, ZeroDivisionError("secret detail"), JSON)
    assert page.status_code == 500
    assert "secret detail" not in page.text
    assert page.json["reference"] in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_someone_without_a_login_gets_an_error_without_the_frame(anonymous: FlaskClient) -> None:
    page = anonymous.get("/nowhere")
    assert page.status_code == 404
    assert "There is nothing here" in text_of(page.text)
    assert "side-link" not in page.text


def test_wrong_method_says_so(eli: FlaskClient) -> None:
    answer = eli.get("/logout")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_part_asked_for_without_a_login_reloads_the_page(anonymous: FlaskClient) -> None:
    answer = anonymous.get("/profile/logins", headers=HTMX)
    assert answer.status_code == 401
    assert answer.headers["HX-Refresh"] == "true"


class Form(FlaskForm):
    name = StringField()


def test_refusal_stands_on_its_field_or_on_the_form(app: Flask) -> None:
    with app.test_request_context():
        form = Form()
        form.validate()
        with errors.shown_on(form):
            raise Refused("Too long.", field="name")
        assert form.errors == {"name": ["Too long."]}
        form = Form()
        form.validate()
        with errors.shown_on(form):
            raise Refused("Not now.", field="unknown")
        assert form.form_errors == ["Not now."]
        assert form.errors


def test_only_refusals_are_shown_on_forms(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(NotFound), errors.shown_on(Form()):
        raise NotFound("account", 7)
