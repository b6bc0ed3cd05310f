"""Cursors in addresses."""

from datetime import UTC, date, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import NotFound

from calsync.store.keyset import Slice
from webapp import paging

VALUES = st.one_of(
    st.integers(),
    st.text(),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
)


@given(st.lists(VALUES, min_size=1, max_size=3))
def test_a_cursor_says_what_it_was_made_of(values: list[object]) -> None:
    assert paging.decode(paging.encode(tuple(values))) == tuple(values)


@pytest.mark.parametrize("text", ["x", "%%%", "bnVsbA", "W3t9XQ", "eyJhIjoxfQ", "A" * 401])
def test_a_mangled_cursor_is_no_such_page(app: Flask, text: str) -> None:
    with app.test_request_context(query_string={"after": text}), pytest.raises(NotFound):
        paging.asked()


def test_nothing_asked_means_the_beginning(app: Flask) -> None:
    with app.test_request_context("/people/"):
        cut = paging.asked(20)
    assert (cut.limit, cut.after, cut.before) == (20, None, None)


def test_addresses_keep_filters_and_drop_the_old_cursor(app: Flask) -> None:
    rows = [(date(2030, 1, 7), 1), (date(2030, 1, 8), 2)]
    with app.test_request_context("/people/?role=staff&role=client&after=W10"):
        pager = paging.pager(Slice(rows, has_next=True, has_previous=True), key=lambda row: row)
    assert pager.next_url == f"/people/?role=staff&role=client&after={paging.encode(rows[1])}"
    assert pager.previous_url == f"/people/?role=staff&role=client&before={paging.encode(rows[0])}"


def test_an_empty_page_has_no_neighbours(app: Flask) -> None:
    with app.test_request_context("/people/"):
        assert paging.pager(Slice(), key=lambda row: row) == paging.Pager(None, None)


def test_a_moment_keeps_its_instant(app: Flask) -> None:
    moment = datetime(2030, 1, 7, 9, 0, 0, 123456, tzinfo=UTC)
    assert paging.decode(paging.encode((moment, 7))) == (moment, 7)


@pytest.mark.parametrize("values", [(), ("text",), (1, 2), (date(2030, 1, 7),), (10**30,)])
def test_a_cursor_of_another_list_is_no_such_page(ada: FlaskClient, values: tuple[object, ...]) -> None:
    assert ada.get("/audit/", query_string={"after": paging.encode(values)}).status_code == 404
