"""Every operation times every kind of caller, held against the table in `routes.py`."""

import json

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from calsync.runtime import SYSTEM, Runtime
from calsync.services import tokens
from tests import factories
from tests.api.conftest import Program
from tests.api.routes import CALLERS, HIDDEN, NO, NOBODY, OK, ROUTES, Route
from webapp.api import openapi
from webapp.api.operations import OPERATIONS, PREFIX

SERVICES = {"reads": "read", "writes": "write", "administers": "admin"}


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_route_lets_in_whom_the_table_says(
    route: Route, app: Flask, rt: Runtime, cast: factories.Cast, ids: dict[str, object]
) -> None:
    """Refused ones first: whoever is let in may change what the others would see."""
    pairs = sorted(zip(CALLERS, route.verdicts, strict=True), key=lambda pair: pair[1] == OK)
    found = {caller: verdict(send(caller, route, app, rt, cast, ids), route) for caller, _ in pairs}
    assert found == dict(pairs)


def send(
    caller: str, route: Route, app: Flask, rt: Runtime, cast: factories.Cast, ids: dict[str, object]
) -> TestResponse:
    body = None if route.body is None else json.loads(_filled(json.dumps(route.body), ids))
    given = {} if body is None else {"json": body}
    program = Program(app, secret_of(caller, rt, cast))
    return program.send(route.method, route.path.format(**ids), headers=route.headers, **given)


def _filled(text: str, ids: dict[str, object]) -> str:
    for name, value in ids.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def secret_of(caller: str, rt: Runtime, cast: factories.Cast) -> str:
    if caller == "nobody":
        return "cal_nobodys"
    if caller in SERVICES:
        return tokens.create(rt, caller, SERVICES[caller], is_service=True, by=SYSTEM).secret
    user = getattr(cast, caller.removesuffix("_reads"))
    scope = "read" if caller.endswith("_reads") else "admin" if user.role == "admin" else "write"
    return tokens.create(rt, caller, scope, by=factories.acting(user)).secret


def verdict(response: TestResponse, route: Route) -> str:
    assert response.status_code not in (405, 415, 428, 500), response.text
    status = str(response.status_code)
    declared = openapi.document()["paths"][documented(route)][route.method.lower()]["responses"]
    assert status in declared, f"{status} is not documented: {response.text}"
    return status if status in (NOBODY, NO, HIDDEN) else OK


def documented(route: Route) -> str:
    op = next(op for op in OPERATIONS if op.id == route.operation)
    return openapi._PARAMETER.sub(r"{\2}", op.rule)


def test_the_table_has_every_operation() -> None:
    assert sorted(op.id for op in OPERATIONS) == sorted(route.operation for route in ROUTES)


def test_every_route_of_the_api_is_an_operation_that_is_documented(app: Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith(PREFIX + "/")]
    served = {
        (method, openapi._PARAMETER.sub(r"{\2}", rule.rule.removeprefix(PREFIX)))
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    paths = openapi.document()["paths"]
    told = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert served - told == {("GET", "/openapi.json")}
    assert told - served == set()
