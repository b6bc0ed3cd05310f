"""Stories: what the simulator once found, shortened to what matters (`python -m tests.simulator.shorten`).

Each is the list of steps that broke a promise, and a sentence saying what happened. They stay as they are.
"""

STORIES: dict[str, tuple[str, ...]] = {
    # A tombstone that we do not trust yet hides that the event lives on elsewhere: the activity was cancelled.
    "a series dragged to another calendar right after we wrote it": (
        "start(profile='listing', choice=378)",
        "they_drag_to_another_calendar(choice=678)",
        "they_change_an_occurrence(choice=371)",
        "sync_while_somebody_edits(choice=656, ours=True, place=24)",
    ),
    # The late tombstone leaves one event in two calendars for a while: it became two activities.
    "a new event dragged to another calendar before its first sync": (
        "start(profile='late', choice=0)",
        "they_create(home=False, shape='single')",
        "they_drag_to_another_calendar(choice=6)",
        "sync()",
    ),
    # Cancelling what is gone already failed with not_found; the tombstone came later, the step stayed open for ever.
    "an event deleted there and cancelled here, with a late tombstone": (
        "start(profile='late', choice=152)",
        "they_delete(choice=0)",
        "we_cancel(choice=0)",
        "sync()",
    ),
    # Two links of one record: when the older one's event was confirmed gone, the edit waiting on it was forgotten.
    "an event moved here and dragged to another calendar there": (
        "start(profile='lagging', choice=425)",
        "we_retime(choice=17)",
        "they_drag_to_another_calendar(choice=139)",
        "sync_while_somebody_edits(choice=666, ours=False, place=20)",
    ),
    # The same, the other way round: what was edited there after the move never came in.
    "a series dragged to another calendar and then changed there": (
        "start(choice=58, profile='lagging')",
        "they_drag_to_another_calendar(choice=334)",
        "they_remove_an_occurrence(choice=206)",
        "sync_and_die(place=58)",
        "the_server_clock_is_wrong(minutes=7)",
    ),
    # Taking an override out of its series closed the step with the series' own event: two links on one event.
    "a series with a changed occurrence cancelled here": (
        "start(profile='listing', choice=280)",
        "we_create(shape='all_day')",
        "sync_and_stall(place=33)",
        "a_series_moves_under_a_changed_occurrence(choice=750)",
        "they_cancel(choice=42)",
        "calm_down()",
        "we_cancel(choice=435)",
    ),
    # Creating the override met the cancelled instance, was superseded and planned again, four times in every run.
    "an occurrence removed there and changed here, as resources of their own": (
        "start(profile='graph-like', choice=193)",
        "they_remove_an_occurrence(choice=194)",
        "we_change_an_occurrence(choice=814)",
    ),
    # While a person was asked which of two activities an event is, both were written to the calendar as well.
    "two activities that look like one event": (
        "start(profile='plain', choice=280)",
        "twins_meet()",
    ),
    # An account that only writes never looked whether the event was there already, and wrote a second one.
    "an outbound account meets an event that we have as well": (
        "start(profile='plain', choice=0)",
        "choose_direction(direction=Direction.OUTBOUND)",
        "we_write_down_what_they_have()",
    ),
    # Disconnecting closed the question which of the two it is, and nobody asked again.
    "disconnected while a person is asked which activity an event is": (
        "start(profile='listing', choice=886)",
        "twins_meet()",
        "disconnect_and_reconnect(choice=0, is_brief=True)",
    ),
    # A deletion that arrived within two minutes of our own write was never asked for again.
    "events deleted right after we wrote them": (
        "start(choice=300, profile='restless')",
        "they_delete_many()",
        "sync()",
    ),
}
