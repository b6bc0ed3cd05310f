"""No page asks the database more than a dozen questions: the table of routes, opened by an admin, who sees most."""

import re

import pytest
from flask.testing import FlaskClient

from calsync.engine.rules import Rules
from calsync.runtime import CLI, Runtime
from calsync.services import settings
from tests import factories
from tests.web.queries import count_queries
from tests.web.routes import OK, ROUTES, Route
from tests.web.test_permissions import made_for
from tests.web.world import World, make_world

MOST = 12
DOWNLOADS = re.compile(r"\.(csv|json)(\?|$)")
"""Downloads read in batches, for as long as there is something to read."""

PAGES = [r for r in ROUTES if r.method == "GET" and r.verdicts[4] == OK and not DOWNLOADS.search(r.path)]


@pytest.fixture
def world(rt: Runtime, cast: factories.Cast) -> World:
    """An installation in use, where an admin has saved the settings once."""
    settings.save_rules(rt, Rules(), 0, by=CLI)
    settings.save_switches(rt, settings.Switches(), 0, by=CLI)
    return make_world(rt, cast)


@pytest.mark.parametrize("route", PAGES, ids=str)
def test_page_makes_few_queries(route: Route, ada: FlaskClient, world: World, rt: Runtime) -> None:
    ids = {**world.ids, **made_for(route.path, rt, world)}
    path = route.path.format(**ids)
    ada.get(path)  # what only a first request asks does not count
    with count_queries(rt) as queries:
        response = ada.get(path)
    assert response.status_code < 500 or route.endpoint == "health.readyz"
    assert len(queries) <= MOST, "\n\n".join(queries)


def test_the_count_sees_queries(ada: FlaskClient, world: World, rt: Runtime) -> None:
    with count_queries(rt) as queries:
        ada.get("/people/")
    assert len(queries) > 3
