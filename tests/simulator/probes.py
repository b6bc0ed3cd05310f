"""Probes: short stories of what a run could get wrong and chance seldom reaches; the true engine never failed them.

Each is there for a wrong engine that survived without it. `stories.py` has them before its own.
"""

PROBES: dict[str, tuple[str, ...]] = {
    # Leaving the window is no end.
    "everything edited after the window has become short": (
        "start(profile='plain', choice=3)",
        "choose_window(days=50)",
        *(f"we_edit(name='summary', choice={n})" for n in range(10)),
        "sync()",
    ),
    # A create whose answer nobody heard, and of which by now neither title nor our mark tells.
    "killed after an event was written, which is then retitled there": (
        "start(profile='paged', choice=840)",
        "we_create(shape='single')",
        "sync_and_die(place='after write')",
        "they_edit(name='summary', choice=7)",
        "sync()",
    ),
    # An activity is edited again while its first edit is on its way.
    "edited here between a write and its answer": (
        "start(profile='plain', choice=3)",
        "we_edit(name='summary', choice=0)",
        "sync_while_somebody_edits(place='after write', choice=0, ours=True)",
    ),
    # An activity is edited between the plan and what the plan would write into it.
    "edited here between the plan and its carrying out": (
        "start(profile='plain', choice=3)",
        "they_edit(name='summary', choice=0)",
        "sync_while_somebody_edits(place='plan.saved', choice=0, ours=True)",
    ),
    # A write never set out.
    "killed before an edit was sent": (
        "start(profile='plain', choice=3)",
        "we_edit(name='summary', choice=0)",
        "sync_and_die(place='before write')",
    ),
    # A cursor stands for pages that are in the mirror, so it comes after the last of them.
    "killed at the first transaction after the last page came": (
        "start(profile='paged', choice=3)",
        "they_edit(name='summary', choice=0)",
        "sync_and_die(place='committed 3')",
    ),
    # Mail: a meeting with guests, and nobody is to be told.
    "a meeting with guests on a server that could mail them": (
        "start(profile='google-like', choice=3)",
        "we_create(shape='guests')",
        "sync()",
        "we_cancel(choice=10)",
        "sync()",
    ),
    # The direction: edits on both sides of an account that only reads, or only writes.
    "edits on both sides of an account that only reads": (
        "start(profile='plain', choice=3)",
        "choose_direction(direction=Direction.INBOUND)",
        "we_edit(name='summary', choice=1)",
        "we_create(shape='single')",
        "sync()",
    ),
    # The brake: most of a calendar deleted at once is held.
    "most of a calendar deleted at once": (
        "start(profile='plain', choice=3)",
        *["they_create(shape='single', home=False)"] * 3,
        "sync()",
        "they_delete_many()",
        "sync()",
    ),
    # Who says stop means now: no other write follows, and what was left waits for no clock once they say go on.
    "all writing paused after the first of several writes": (
        "start(profile='plain', choice=3)",
        *(f"we_edit(name='summary', choice={n})" for n in range(4)),
        "sync_and_halt(place='after write', choice=1, whole=False, is_brief=True)",
    ),
    # The same where a write got no answer and was to be tried again: it is not under way any more.
    "the account paused while a write waits to be tried again": (
        "start(profile='plain', choice=3)",
        "we_edit(name='summary', choice=0)",
        "sync_and_halt(place='apply.written', choice=0, whole=True, is_brief=False, fault=FaultKind.LOST_BEFORE)",
    ),
}
