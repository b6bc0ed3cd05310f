"""The audit log's page and its download."""

import csv
import io
import re

from flask.testing import FlaskClient

from calsync.runtime import SYSTEM, Runtime
from calsync.store import audit
from tests import factories
from tests.web.conftest import HTMX


def note(rt: Runtime, action: str, label: str = "", who=SYSTEM, **facts) -> None:
    with rt.writing() as session:
        audit.record(session, who, action, ("account", 7, label), at=rt.now(), **facts)


def test_log_shows_who_did_what_and_the_change(ada: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    by = factories.acting(cast.eli)
    note(rt, "account.renamed", "Work", by, before={"name": "Old"}, after={"name": "New"})
    page = ada.get("/audit/").text
    assert "Account renamed" in page
    assert "eli@example.com" in page
    assert '<span class="diff-old">Old</span>' in page
    assert '<span class="diff-new">New</span>' in page


def test_filters_narrow_the_log(ada: FlaskClient, rt: Runtime, cast: factories.Cast, clock: factories.Clock) -> None:
    note(rt, "account.paused", "Alpha", factories.acting(cast.eli))
    clock.advance(days=2)
    note(rt, "settings.changed", "Beta")
    assert "Beta" not in ada.get("/audit/?action=account.").text
    assert "Alpha" not in ada.get("/audit/?actor=system").text
    assert "Alpha" not in ada.get("/audit/?since=2030-01-09").text
    assert "Beta" not in ada.get("/audit/?until=2030-01-08").text
    assert "Alpha" in ada.get("/audit/?since=nonsense&action=account.").text
    assert "Nothing matches" in ada.get("/audit/?actor=nobody").text


def test_days_of_the_filter_are_the_viewers(ada: FlaskClient, rt: Runtime, clock: factories.Clock) -> None:
    ada.post("/profile/", data={"name": "Ada", "tz": "Asia/Tokyo"})
    clock.advance(hours=7)  # 16:00 UTC on the 7th is 01:00 on the 8th in Tokyo
    note(rt, "account.paused", "Night")
    assert "Night" in ada.get("/audit/?since=2030-01-08").text
    assert "Night" not in ada.get("/audit/?until=2030-01-07").text


def test_log_is_paged_without_gaps(ada: FlaskClient, rt: Runtime) -> None:
    for number in range(120):
        note(rt, "account.touched", f"row-{number:03}")
    seen, url = [], "/audit/?action=account."
    while url:
        page = ada.get(url).text
        seen += re.findall(r"row-\d{3}", page)
        following = re.search(r'href="([^"]*after=[^"]*)"', page)
        url = following.group(1).replace("&amp;", "&") if following else ""
    assert seen == [f"row-{number:03}" for number in reversed(range(120))]


def test_going_back_shows_the_page_before(ada: FlaskClient, rt: Runtime) -> None:
    for number in range(120):
        note(rt, "account.touched", f"row-{number:03}")
    first = ada.get("/audit/?action=account.").text
    second = ada.get(re.search(r'href="([^"]*after=[^"]*)"', first).group(1).replace("&amp;", "&")).text
    back = ada.get(re.search(r'href="([^"]*before=[^"]*)"', second).group(1).replace("&amp;", "&")).text
    assert re.findall(r"row-\d{3}", back) == re.findall(r"row-\d{3}", first)


def test_download_holds_every_row_and_no_formula(ada: FlaskClient, rt: Runtime) -> None:
    for number in range(501):
        note(rt, "account.touched", f"=cmd|' /C calc'!A{number}")
    answer = ada.get("/audit/export.csv?action=account.")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == 502
    assert rows[1][6].startswith("'=cmd")


def test_part_alone_is_answered_to_htmx(ada: FlaskClient, rt: Runtime) -> None:
    note(rt, "account.paused", "Alpha")
    part = ada.get("/audit/", headers=HTMX).text
    assert part.strip().startswith('<div class="card" id="entries">')
    assert "<html" not in part


def test_a_long_log_is_checked_in_parts(ada: FlaskClient, rt: Runtime) -> None:
    for number in range(600):
        note(rt, "account.touched", f"row-{number}")
    first = ada.get("/audit/check").text
    assert "Right so far" in first
    assert "The chain is whole" in ada.get(re.search(r'href="([^"]*after=[^"]*)"', first).group(1)).text
    with rt.writing() as session:
        session.connection().exec_driver_sql("UPDATE audit SET actor = 'nobody' WHERE object_label = 'row-590'")
    assert "Right so far" in ada.get("/audit/check").text
    assert "The chain is broken at entry" in ada.get(re.search(r'href="([^"]*after=[^"]*)"', first).group(1)).text


def test_names_are_shown_as_words(ada: FlaskClient, rt: Runtime) -> None:
    note(rt, "account.overrides_changed", before={"sync_frequency": 15}, after={"sync_frequency": 60})
    page = ada.get("/audit/").text
    assert "Account overrides changed" in page
    assert "Sync frequency" in page


def test_a_changed_row_breaks_the_chain(ada: FlaskClient, rt: Runtime) -> None:
    note(rt, "account.paused", "Alpha")
    note(rt, "account.resumed", "Alpha")
    assert "The chain is whole" in ada.get("/audit/check").text
    with rt.writing() as session:
        session.connection().exec_driver_sql("UPDATE audit SET actor = 'nobody' WHERE action = 'account.paused'")
    assert "The chain is broken at entry" in ada.get("/audit/check").text
