"""`calsync resources`: what can be booked, from the command line."""

from tests.cli.conftest import Shell


def test_a_room_is_created_mapped_and_listed(office: Shell) -> None:
    made = office.done("resources", "create", "Room 1", "--tz", "Europe/Berlin", "--capacity", "6", "--json").json
    assert (made["name"], made["kind"], made["calendar"], made["active"]) == ("Room 1", "room", None, True)
    office.done("resources", "map", str(made["id"]), "1")
    [listed] = office.done("resources", "list", "--json").json
    assert listed == made | {"calendar": "Work", "calendar_id": 1}
    assert "Room 1" in office.done("resources", "list").out
    office.done("resources", "unmap", str(made["id"]))
    assert office.done("resources", "list", "--json").json == [made]


def test_a_person_is_created_by_address_with_their_zone(office: Shell) -> None:
    made = office.done("resources", "create", "Eli", "--user", "eli@example.com", "--json").json
    assert (made["kind"], made["user"]) == ("person", "eli@example.com")


def test_a_resource_is_disabled_and_enabled(office: Shell) -> None:
    office.done("resources", "create", "Room 1")
    for command, active in (("disable", False), ("disable", False), ("enable", True)):
        office.done("resources", command, "1")
        assert [r["active"] for r in office.done("resources", "list", "--json").json] == [active]


def test_a_calendar_that_is_taken_is_refused_with_one_line(office: Shell) -> None:
    for number in ("1", "2"):
        office.done("resources", "create", f"Room {number}")
    office.done("resources", "map", "1", "1")
    refused = office("resources", "map", "2", "1")
    assert refused.code == 2
    assert "Work is already the calendar of Room 1" in refused.err
    assert refused.err.count("\n") == 1


def test_an_unknown_resource_is_refused(office: Shell) -> None:
    assert office("resources", "map", "9", "1").code == 2


def test_an_empty_list_says_how_to_begin(office: Shell) -> None:
    assert "calsync resources create" in office.done("resources", "list").out


def test_a_provider_that_tells_nothing_of_others_is_not_asked(office: Shell) -> None:
    office.done("resources", "create", "Room 1")
    refused = office("resources", "ask", "1", "1", "room@example.com")
    assert refused.code == 2
    assert "does not tell when others are busy" in refused.err
    assert "any more" in office.done("resources", "ask", "1").out
