"""Three-way merge: each side against its own snapshot, field by field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsync.engine import merge as merging
from calsync.engine.event import Content
from tests.engine.pairs import content


def merged(local: Content, remote: Content, base: Content, **options: Any) -> merging.Merge:
    return merging.merge(agreed_local=base, local=local, agreed_remote=base, remote=remote, **options)


def test_silence_on_both_sides_asks_for_nothing():
    base = content()
    result = merged(base, base, base)
    assert (result.inward, result.outward, result.clashes) == ({}, {}, {})


def test_a_change_on_one_side_goes_to_the_other():
    base = content()
    result = merged({**base, "summary": "New"}, {**base, "location": "Room 2"}, base)
    assert result.outward == {"summary": "New"}
    assert result.inward == {"location": "Room 2"}
    assert result.is_mixed


def test_the_same_change_on_both_sides_is_agreement():
    base = content()
    result = merged({**base, "summary": "New"}, {**base, "summary": "New"}, base)
    assert (result.inward, result.outward, result.clashes) == ({}, {}, {})


def test_different_values_in_one_field_clash_and_are_in_neither_direction():
    base = content()
    result = merged({**base, "summary": "Ours"}, {**base, "summary": "Theirs", "location": "R"}, base)
    assert result.clashes == {"summary": merging.Clash(base["summary"], "Ours", "Theirs")}
    assert result.inward == {"location": "R"}
    assert result.outward == {}


def test_whole_records_clash_in_every_changed_field_when_fields_are_not_merged():
    base = content()
    result = merged({**base, "summary": "Ours"}, {**base, "location": "R"}, base, per_field=False)
    assert set(result.clashes) == {"summary", "location"}


@pytest.mark.parametrize("per_field", [True, False])
@pytest.mark.parametrize(
    ("here", "there", "rrule", "is_the_same"),
    [
        ("UTC", None, None, True),
        ("UTC", None, "FREQ=DAILY", True),
        ("Europe/Berlin", None, None, True),
        ("Europe/Berlin", "UTC", None, True),
        ("Europe/Berlin", None, "FREQ=DAILY", False),  # an hour apart from March on
        ("Europe/Berlin", "Asia/Tokyo", None, False),  # each of them chose one
    ],
)
def test_one_time_under_two_names_of_zones_is_no_clash(here, there, rrule, is_the_same, per_field):
    base = content()
    now = base["time"] | {"start": "2030-02-01T09:00:00Z", "end": "2030-02-01T10:00:00Z", "rrule": rrule}
    ours, theirs = base | {"time": now | {"tz": here}}, base | {"time": now | {"tz": there}}
    result = merged(ours, theirs, base, per_field=per_field)
    assert (set(result.clashes), result.inward, result.outward) == (set() if is_the_same else {"time"}, {}, {})


GUEST = {"name": "", "role": "req-participant", "kind": "individual"}


@pytest.mark.parametrize(
    ("field", "base", "ours", "theirs", "expected"),
    [
        ("reminders", [[10, "popup"]], [[10, "popup"], [30, "email"]], [], [[30, "email"]]),  # add here, remove there
        ("exdates", [], ["2030-01-08"], ["2030-01-09"], ["2030-01-08", "2030-01-09"]),  # each removed one occurrence
        ("responses", {"a@x": "needs-action"}, {"a@x": "needs-action", "b@x": "accepted"}, {"a@x": "declined"},
         {"a@x": "declined", "b@x": "accepted"}),
        ("attendees", {"a@x": GUEST}, {"a@x": GUEST, "b@x": GUEST}, {"c@x": GUEST}, {"b@x": GUEST, "c@x": GUEST}),
    ],
)  # fmt: skip
def test_sets_merge_element_by_element(field: str, base: Any, ours: Any, theirs: Any, expected: Any):
    start = {**content(), field: base}
    result = merged({**start, field: ours}, {**start, field: theirs}, start)
    assert result.clashes == {}
    assert result.inward[field] == expected
    assert result.outward[field] == expected


def test_one_element_changed_to_different_values_clashes():
    base = {**content(), "responses": {"a@x": "needs-action"}}
    result = merged({**base, "responses": {"a@x": "accepted"}}, {**base, "responses": {"a@x": "declined"}}, base)
    assert "responses" in result.clashes


def test_hidden_fields_are_never_read_inward_nor_a_clash():
    base = content()
    hide = {"summary": "Busy"}
    result = merging.merge(
        agreed_local=base,
        local={**base, "summary": "Secret two"},
        agreed_remote={**base, **hide},
        remote={**base, "summary": "Edited there"},
        hidden=frozenset({"summary"}),
        project=lambda values: {**values, **hide},
    )
    assert (result.inward, result.outward, result.clashes) == ({}, {}, {})


def test_snapshots_are_compared_with_their_own_side_only():
    """What a provider normalised at the last write is no change of its."""
    base = content()
    result = merging.merge(
        agreed_local={**base, "summary": " Title "},
        local={**base, "summary": " Title "},
        agreed_remote={**base, "summary": "Title"},
        remote={**base, "summary": "Title"},
    )
    assert (result.inward, result.outward, result.clashes) == ({}, {}, {})


VALUES = st.sampled_from(["a", "b", "c"])
SETS = st.lists(st.sampled_from([[5, "popup"], [10, "popup"], [30, "email"]]), unique_by=tuple).map(sorted)
CHANGES = st.fixed_dictionaries({}, optional={"summary": VALUES, "location": VALUES, "reminders": SETS})


@given(CHANGES, CHANGES, CHANGES)
def test_applying_a_merge_without_clashes_makes_both_sides_equal(start: Content, ours: Content, theirs: Content):
    base = {**content(), **start}
    local, remote = {**base, **ours}, {**base, **theirs}
    result = merged(local, remote, base)
    left, right = {**local, **result.inward}, {**remote, **result.outward}
    for name in set(left) - set(result.clashes):
        assert left[name] == right[name]
