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
    # A deletion that arrived within two minutes of our own write was never asked for again.
    "events deleted right after we wrote them": (
        "start(choice=300, profile='restless')",
        "they_delete_many()",
        "sync()",
    ),
}
