"""Lists in pages: opaque links with the host of the caller, and pages that may be empty (contract A2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.emulators.microsoft import errors, odata
from tests.emulators.microsoft import world as worlds
from tests.emulators.microsoft.access import Call
from tests.emulators.microsoft.model import DeltaMark, PageMark, Resource
from tests.emulators.microsoft.wire import Reply

Show = Callable[[Any], Resource]


def answer(call: Call, found: list[Any], show: Show, kind: str) -> Reply:
    """Return the first page of what was found, or the page that the caller's nextLink stands for."""
    if call.query.skip_token:
        return page(call, rest(call), show, kind)
    mark = PageMark(worlds.opaque(), found[call.query.skip :], query=call.query)
    return page(call, mark, show, kind)


def rest(call: Call) -> PageMark:
    """Return what a nextLink stands for. Raises 400 for a link that nobody gave."""
    mark = call.world.pages.get(call.query.skip_token or "")
    if mark is None:
        raise errors.bad("The skip token is invalid.", "ErrorInvalidParameter")
    return mark


def page(call: Call, mark: PageMark, show: Show, kind: str) -> Reply:
    """Return one page, with a nextLink if more is to come, else with the delta link where there is one."""
    settings = call.world.settings
    asked = mark.query.top if call.query.top == odata.DEFAULT_PAGE and mark.query else call.query.top
    size = min(asked, settings.page_cap or asked)
    if "odata.maxpagesize" in call.preferences:
        call.applied.append(f"odata.maxpagesize={call.preferences['odata.maxpagesize']}")
    is_empty = settings.empty_pages and bool(mark.items) and not mark.was_empty
    now, later = ([], mark.items) if is_empty else (mark.items[:size], mark.items[size:])
    body: Resource = {"@odata.context": _context(call, kind), "value": [show(one) for one in now]}
    if later:
        following = PageMark(worlds.opaque(), later, mark.mark, was_empty=is_empty, query=mark.query)
        call.world.pages[following.token] = following
        body["@odata.nextLink"] = f"{call.base_url}{call.request.path}?%24skiptoken={following.token}"
    elif mark.mark is not None:
        body["@odata.deltaLink"] = _delta_link(call, mark.mark)
    return Reply(200, body)


def _delta_link(call: Call, mark: DeltaMark) -> str:
    call.world.marks[mark.token] = mark
    return f"{call.base_url}{call.request.path}?%24deltatoken={mark.token}"


def _context(call: Call, kind: str) -> str:
    return f"{call.base_url}/v1.0/$metadata#{kind}"
