"""Answers that are JSON: objects, what is missing or cut off, and texts that nothing can keep."""

import json

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsync.errors import Unavailable
from calsync.providers import json_answers
from calsync.providers.http import Answer


def answer(body: bytes, status: int = 200) -> Answer:
    return Answer(status, httpx2.Headers(), body, "https://calendar.example.com/")


def item(body: bytes, status: int = 200) -> dict[str, object]:
    return json_answers.item_of(answer(body, status), is_write=False, empty_at=(204,))


@pytest.mark.parametrize("is_write", [True, False])
def test_an_answer_that_is_cut_off_says_whether_a_write_is_in_doubt(is_write: bool) -> None:
    with pytest.raises(Unavailable) as caught:
        json_answers.item_of(answer(b'{"id": "1'), is_write=is_write, empty_at=())
    assert caught.value.is_in_doubt is is_write


def test_nothing_is_an_answer_only_where_it_may_be() -> None:
    assert item(b"  ", 204) == {}
    with pytest.raises(Unavailable):
        item(b"", 200)


@pytest.mark.parametrize("body", [b"[1]", b"null", b"<html>", b"[" * 100_000])
def test_what_is_no_object_is_no_answer(body: bytes) -> None:
    with pytest.raises(Unavailable):
        item(body)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (rb'"Tea \ud83d"', "Tea \ufffd"),
        (rb'"Tea \uDE00 \uD83D"', "Tea \ufffd \ufffd"),
        (rb'"\ud83c\udf75 Tea\u0000"', "\U0001f375 Tea"),
        (b'"Tea\x00 at two\x01"', "Tea at two\x01"),
        (rb'"\\ud83d is half of it"', r"\ud83d is half of it"),
        ('"Tëa 🍵"'.encode(), "Tëa 🍵"),
    ],
)
def test_what_nothing_can_keep_is_left_out(sent: bytes, kept: str) -> None:
    assert item(b'{"subject": %s, "in": [{"a": %s}], "n": 1}' % (sent, sent)) == {
        "subject": kept,
        "in": [{"a": kept}],
        "n": 1,
    }


@given(st.dictionaries(st.text(st.characters()), st.lists(st.text(st.characters()) | st.integers() | st.none())))
def test_every_text_can_be_written_down(value: dict[str, list[str | int | None]]) -> None:
    for body in (json.dumps(value).encode(), json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")):
        found = json.dumps(item(body), ensure_ascii=False)
        assert "\\u0000" not in found
        found.encode()


@given(st.recursive(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")), st.lists))
def test_what_can_be_kept_stays_as_it_is(value: object) -> None:
    assert item(json.dumps({"value": value}).encode()) == {"value": value}
