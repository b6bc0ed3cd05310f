"""Lists whose pages disagree: of what comes twice, the last counts."""

from typing import Any

from calsync.providers.batching import Reply
from calsync.providers.google.reading import Reader
from calsync.providers.google.wire import Call
from tests.emulators.google.cast import timed

SERIES = {**timed(), "id": "s", "iCalUID": "s@google.com", "etag": '"1"', "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}
SLOT = {"recurringEventId": "s", "originalStartTime": {"dateTime": "2030-01-09T10:00:00Z"}}
GONE = {"id": "s_20300109T100000Z", "etag": '"2"', "status": "cancelled", **SLOT}
BACK = {**timed(day=9), **SLOT, "id": "s_20300109T100000Z", "iCalUID": "s@google.com", "etag": '"3"'}


class Pages:
    """A wire that gives prepared pages, and knows no single event."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.pages = list(pages)

    def send(self, call: Call, silence_s: float | None = None) -> Reply:
        items = self.pages.pop(0)
        more = {"nextPageToken": "p"} if self.pages else {"nextSyncToken": "t"}
        return Reply(200, {"items": items, **more})

    def send_all(self, calls: list[Call]) -> list[Reply]:
        return [Reply(404, {}) for _ in calls]


def read(*pages: list[dict[str, Any]]) -> dict[str, bool]:
    """Return the handles of a full read and whether each is cancelled, as they stand at its end."""
    found = {}
    for page in Reader(Pages(*pages)).read("c", None, dict):
        found |= {resource.handle: resource.events[0].is_cancelled for resource in page.resources}
    return found


def test_an_occurrence_that_comes_back_on_a_later_page_is_there() -> None:
    assert read([SERIES, GONE], [BACK]) == {"s": False, BACK["id"]: False}


def test_an_occurrence_that_goes_on_a_later_page_is_gone() -> None:
    assert read([SERIES, BACK], [GONE]) == {"s": False, BACK["id"]: True}


def test_a_series_may_come_after_its_occurrences() -> None:
    assert read([GONE], [SERIES]) == {"s": False, GONE["id"]: True}


def test_a_removed_occurrence_of_no_series_is_nothing() -> None:
    assert read([GONE]) == {}


def test_a_series_that_goes_on_a_later_page_takes_its_occurrences_along() -> None:
    assert read([SERIES, GONE], [{"id": "s", "status": "cancelled"}]) == {"s": False}
