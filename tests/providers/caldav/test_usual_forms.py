"""What most texts look like is read by a shorter way; it gives what the general one gives."""

import re
from datetime import UTC
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from calsync.providers.caldav import lines, values
from calsync.providers.caldav.lines import Broken

ZONES = st.sampled_from([None, UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")])
DIGITS = st.text("0123456789", min_size=2, max_size=2)
TIMES = st.builds(
    "{}{:02}{:02}T{:02}{:02}{:02}{}".format,
    st.sampled_from(["0001", "2026", "1996", "9999"]),
    st.integers(0, 13),
    st.integers(0, 32),
    st.integers(0, 25),
    st.integers(0, 61),
    st.integers(0, 61),
    st.sampled_from(["", "Z"]),
)


def outcome(read, *given_values):
    """Return what comes of reading, or that nothing does."""
    try:
        return read(*given_values)
    except Broken:
        return Broken


@given(
    st.one_of(TIMES, st.lists(DIGITS, min_size=7, max_size=7).map(lambda d: "".join(d[:4]) + "T" + "".join(d[4:]))),
    ZONES,
)
def test_a_time_as_the_standard_writes_it_is_what_any_form_of_it_is(written, zone):
    assert outcome(values.stamp, written, zone) == outcome(values._stamp, written, zone)


@given(st.text(st.one_of(st.characters(), st.sampled_from("\\nN;,\r\n\t\x00\x7f\ud800\ufffe\uffff\u200d"))))
def test_a_text_is_stored_without_what_cannot_be_stored(written):
    assert values.clean_text(written) == values.clean(values.text(written))


@given(
    st.lists(st.text("aBü\r:;\x0b\u2028", max_size=4), min_size=1, max_size=5),
    st.lists(st.sampled_from(["\r\n ", "\n ", "\n\t", "\r\n\t", "\r\r\n "]), min_size=5, max_size=5),
)
def test_a_line_is_unfolded_wherever_and_however_it_was_folded(pieces, folds):
    raw = "SUMMARY:" + "".join(piece + fold for piece, fold in zip(pieces, folds, strict=False)) + "end"
    [line] = lines.parse(raw).items
    assert line.raw == raw
    assert line.text == re.sub(r"\r?\n[ \t]", "", raw)


@given(st.sampled_from(["", "\ufeff", "\n ", "\r\n\t"]), st.integers(0, 7))
def test_a_name_is_known_with_a_mark_before_it_and_folds_inside(mark, cut):
    name = "SUMMARY"
    written = f"{mark}{name}:title" if mark in ("", "\ufeff") else f"{name[:cut]}{mark}{name[cut:]}:title"
    [line] = lines.parse(written).items
    assert (line.raw, line.name, line.value) == (written, name, "title")
