"""What browsers see and send of activities."""

import re
from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from sqlmodel import select

from calsync.runtime import Runtime
from calsync.store import tables as t

Plan = Callable[..., t.Activity]


def stored(rt: Runtime, activity_id: int | None) -> t.Activity:
    with rt.reading() as session:
        return session.get_one(t.Activity, activity_id)


def rows(rt: Runtime) -> list[t.Activity]:
    with rt.reading() as session:
        return list(session.exec(select(t.Activity).order_by(t.Activity.id)))


def titles(page: str) -> list[str]:
    return re.findall(r'<a class="row-link" href="/activities/\d+">([^<]+)</a>', page)


def fields(**values: Any) -> dict[str, Any]:
    """Return what a browser sends for a new meeting."""
    given = {
        "kind": "meeting",
        "title": "Review",
        "timing": "span",
        "start": "2030-01-07",
        "start_at": "10:00",
        "end": "2030-01-07",
        "end_at": "11:00",
        "tz": "Europe/Berlin",
        "repeats": "none",
        "location_kind": "",
        "visibility": "public",
        "show_as": "busy",
        "status": "confirmed",
    }
    return {**given, **values}


def form_of(client: FlaskClient, url: str) -> dict[str, Any]:
    """Return what a browser would send back of the form on a page, unchanged."""
    html = client.get(url).text
    html = html[html.index("data-conditions") :]
    sent: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", html):
        facts = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        is_choice = facts.get("type") in ("checkbox", "radio")
        if facts.get("name") and (not is_choice or re.search(r"\bchecked\b", tag)):
            sent.setdefault(facts["name"], []).append(facts.get("value", ""))
    for name, body in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\r?\n?(.*?)</textarea>', html, re.DOTALL):
        sent[name] = body
    for name, body in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', html, re.DOTALL):
        chosen = re.search(r'<option selected value="([^"]*)"', body) or re.search(r'<option value="([^"]*)"', body)
        sent[name] = chosen.group(1) if chosen else ""
    return {name: unescaped(value) for name, value in sent.items() if name != "csrf_token"}


def unescaped(value: Any) -> Any:
    if isinstance(value, list):
        return [unescaped(each) for each in value]
    return value.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&#34;", '"')
