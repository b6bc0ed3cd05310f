"""Stories: what the simulator once found, shortened to what matters (`python -m tests.simulator.shorten`).

Each is the list of steps that broke a promise, and a sentence saying what happened. They stay as they are. Where
something happens in the middle of a run, the boundary has its name: its number moves with every transaction more or
less. A place that no run comes by fails the story: by then it tells something else.
"""

from tests.simulator.probes import PROBES

STORIES: dict[str, tuple[str, ...]] = {
    **PROBES,
    # A tombstone that we do not trust yet hides that the event lives on elsewhere: the activity was cancelled.
    "a series dragged to another calendar right after we wrote it": (
        "start(profile='listing', choice=378)",
        "they_drag_to_another_calendar(choice=678)",
        "they_change_an_occurrence(choice=371)",
        "sync_while_somebody_edits(choice=656, ours=True, place='committed 8')",
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
        "sync_while_somebody_edits(choice=666, ours=False, place='before list 2')",
    ),
    # The same, the other way round: what was edited there after the move never came in.
    "a series dragged to another calendar and then changed there": (
        "start(choice=58, profile='lagging')",
        "they_drag_to_another_calendar(choice=334)",
        "they_remove_an_occurrence(choice=206)",
        "sync()",
        "the_server_clock_is_wrong(minutes=7)",
    ),
    # Taking an override out of its series closed the step with the series' own event: two links on one event.
    "a series with a changed occurrence cancelled here": (
        "start(profile='listing', choice=280)",
        "we_create(shape='all_day')",
        "sync()",
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
    # Erasing a series took along an occurrence that somebody had just changed there: its values were nowhere.
    "a series cancelled here after an occurrence was changed there": (
        "start(profile='graph-like', choice=515)",
        "choose_direction(direction=Direction.OUTBOUND)",
        "they_create(shape='guests', home=False)",
        "we_create(shape='guests')",
        "they_create(shape='single', home=True)",
        "sync()",
        "they_cancel(choice=918)",
        "we_cancel(choice=445)",
        "they_create(shape='series', home=False)",
        "they_change_an_occurrence(choice=268)",
        "one_ends_what_the_other_edits(ours_ends=True, choice=725, ours_first=True, policy=Policy.LAST_MODIFIED)",
    ),
    # The answer came when nothing was read in any more: the event was left out, and both activities were written.
    "a person says which activity an event is, and the account only writes": (
        "start(profile='restless', choice=32)",
        "twins_meet()",
        "choose_direction(direction=Direction.OUTBOUND)",
        "approve_and_resolve(choice=372)",
    ),
    # It was known here by the uid of the activity alone: as long as it stood in both calendars, it became a second one.
    "an event found to be an activity of ours, then dragged to another calendar": (
        "start(profile='late', choice=801)",
        "we_write_down_what_they_have()",
        "they_drag_to_another_calendar(choice=935)",
        "sync()",
    ),
    # Retitled before the answer, the event looked like neither any more: it became a third, and both were written.
    "an event retitled there while a person is asked which activity it is": (
        "start(profile='graph-like', choice=27)",
        "a_series_moves_under_a_changed_occurrence(choice=643)",
        "they_create(shape='single', home=True)",
        "we_change_an_occurrence(choice=816)",
        "twins_meet()",
        "a_series_moves_under_a_changed_occurrence(choice=848)",
        "they_edit(name='summary', choice=283)",
    ),
    # What had been removed there came in; that one was removed here as well counted as agreed, and never went out.
    "occurrences removed on both sides of an account that only reads": (
        "start(profile='listing', choice=256)",
        "choose_direction(direction=Direction.INBOUND)",
        "we_remove_an_occurrence(choice=821)",
        "they_remove_an_occurrence(choice=839)",
        "sync_with_faults(kinds=[(FaultKind.LOST_BEFORE, 0), (FaultKind.CURSOR_EXPIRED, 0), (FaultKind.HOLLOW, 0)])",
    ),
    # The ledger was wrong: outside the window nothing is decided yet, so the policy of the day when it is counts.
    "a clash outside the window, decided under a later policy": (
        "start(profile='paged', choice=651)",
        "one_ends_what_the_other_edits(ours_ends=True, choice=227, ours_first=False, policy=Policy.CRM)",
        "they_delete(choice=571)",
        "choose_window(days=50)",
        "they_cancel(choice=400)",
        "one_ends_what_the_other_edits(ours_ends=True, choice=866, ours_first=False, policy=Policy.CRM)",
        "both_edit(name='description', choice=559, ours_first=True, policy=Policy.EXTERNAL)",
    ),
    # The link that had been parked for the move stayed so when the event came back: the activity was cancelled.
    "an event dragged to another calendar and back": (
        "start(profile='late', choice=489)",
        "they_drag_to_another_calendar(choice=291)",
        "sync_with_faults(kinds=[(FaultKind.VERSION_MISMATCH, 0), (FaultKind.LOST_BEFORE, 0),"
        " (FaultKind.VERSION_MISMATCH, 0)])",
        "one_ends_what_the_other_edits(ours_ends=False, choice=416, ours_first=True, policy=None)",
        "sync()",
        "they_drag_to_another_calendar(choice=597)",
    ),
    # The answer was used up by a step that was then held for its mail; approved, it was asked for again, and so on.
    "a person's answer that mails, and is held until somebody approves it": (
        "start(profile='graph-like', choice=216)",
        "we_create(shape='series')",
        "they_create(shape='series', home=False)",
        "we_create(shape='guests')",
        "choose_mail(rule_=MailRule.ALL)",
        "twins_meet()",
        "both_edit(name='time', choice=449, ours_first=True, policy=Policy.MANUAL)",
    ),
    # The server was wrong: its cursor went past what its listing did not show yet.
    "a full listing of a server that lags behind": (
        "start(profile='lagging', choice=373)",
        "sync_with_faults(kinds=[(FaultKind.DUPLICATE, 0), (FaultKind.RATE_LIMITED, 2),"
        " (FaultKind.CURSOR_EXPIRED, 1)])",
        "they_cancel(choice=333)",
        "sync_with_faults(kinds=[(FaultKind.EMPTY, 0), (FaultKind.HOLLOW, 2), (FaultKind.LOST_BEFORE, 0)])",
    ),
    # What was on its way had the mark of a record that stood on the calendar: it was taken for a copy of it.
    "a series put back by a process that is overtaken before it hears the answer": (
        "start(profile='paged', choice=986)",
        "they_delete(choice=133)",
        "calm_down()",
        "we_revive(choice=695)",
        "sync_and_stall(place='after get')",
    ),
    # What had drifted before was forgotten when the next field did, and counted as agreed ever after.
    "two fields changed there, one after the other, of an account that only writes": (
        "start(profile='paged', choice=840)",
        "disconnect_and_reconnect(choice=20, is_brief=True)",
        "choose_direction(direction=Direction.OUTBOUND)",
        "sync()",
        "they_retime(choice=787)",
        "sync_with_faults(kinds=[(FaultKind.LOST_AFTER, 0), (FaultKind.CURSOR_EXPIRED, 2),"
        " (FaultKind.LOST_BEFORE, 0)])",
    ),
    # Google dropped what nobody here had seen: an occurrence that was changed after the calendar was read.
    "a series moves over a changed occurrence that a lying list kept back": (
        "start(choice=440, profile='google-paged')",
        "a_series_moves_under_a_changed_occurrence(choice=181)",
        "sync_with_faults(kinds=[(FaultKind.VERSION_MISMATCH, 0), (FaultKind.HOLLOW, 0), (FaultKind.EMPTY, 1)])",
        "sync_with_faults(kinds=[(FaultKind.LOST_BEFORE, 1), (FaultKind.VERSION_MISMATCH, 1),"
        " (FaultKind.LOST_AFTER, 4)])",
    ),
    # The same where it may not come in: what it said is kept on the step that moves the series.
    "a series moves over a changed occurrence, of an account that only writes": (
        "start(choice=440, profile='google-paged')",
        "choose_direction(direction=Direction.OUTBOUND)",
        "a_series_moves_under_a_changed_occurrence(choice=181)",
        "sync_and_stall(place='before write')",
    ),
    # A tombstone of what we had just written was not believed at once: by then the copy stood in a calendar that rests.
    "dragged a moment after it was written, into a calendar that stops syncing": (
        "start(choice=362, profile='google')",
        "they_drag_to_another_calendar(choice=519)",
        "the_server_clock_is_wrong(minutes=-7)",
        "choose_calendar(home=True, syncs=False)",
        "approve_and_resolve(choice=38)",
    ),
    # The series had moved here alone, and waited for a person: its new slot was refused there, and never tried again.
    "an occurrence of a series that moved and waits for a choice is changed": (
        "start(choice=518, profile='google-paged')",
        "choose_calendar(home=False, syncs=False)",
        "we_change_an_occurrence(choice=183)",
        "one_ends_what_the_other_edits(choice=95, ours_ends=True, ours_first=False, policy=Policy.EXTERNAL)",
        "they_delete(choice=14)",
        "a_series_moves_under_a_changed_occurrence(choice=512)",
        "one_ends_what_the_other_edits(choice=1, ours_ends=True, ours_first=False, policy=Policy.CRM)",
        "one_ends_what_the_other_edits(choice=380, ours_ends=True, ours_first=False, policy=Policy.LAST_MODIFIED)",
        "both_edit(choice=68, name='summary', ours_first=True, policy=Policy.MANUAL)",
    ),
    # The rules went back to what they were, and what had been asked under them once counted as looked at already.
    "a question is decided by other rules, held by the brake, and the rules go back": (
        "start(profile='paged', choice=544)",
        "they_delete_many()",
        "they_create(shape='guests', home=False)",
        "we_cancel(choice=712)",
        "sync_and_stall(place='fetch.request 2')",
        "one_ends_what_the_other_edits(ours_ends=True, choice=31, ours_first=True, policy=Policy.MANUAL)",
        "choose_direction(direction=Direction.OUTBOUND)",
        "sync()",
    ),
    # The ledger was wrong: what a person is asked about is carried over by no run, so the next edit clashes as well.
    "edited there while a person is asked about that very field": (
        "start(profile='plain', choice=3)",
        "both_edit(name='description', choice=0, ours_first=False, policy=Policy.MANUAL)",
        "they_edit(name='description', choice=0)",
        "sync()",
    ),
    # "UTC" here and no zone there is one and the same time, and yet somebody was asked which of them it should be.
    "two that are the same, in UTC, and the event is deleted": (
        "start(profile='google-paged', choice=423)",
        "choose_policy(policy=Policy.MANUAL)",
        "we_write_down_what_they_have()",
        "they_delete_many()",
        "we_write_down_what_they_have()",
    ),
}
