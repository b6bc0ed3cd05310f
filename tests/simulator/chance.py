"""Chance with a purpose: stories drawn from a seed that prefer what has been reached too seldom.

Hypothesis draws rules in its own manner, some often and some hardly ever. What it leaves out is told here, until
everything has been reached often enough. A story is the list of its steps, as `shorten.py` reads and tells them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from calsync.engine.vocabulary import Direction, MailRule, Policy
from calsync.providers.memory import FaultKind
from tests.simulator.halting_rules import UNHEARD
from tests.simulator.machine import FAULTS, PROFILES
from tests.simulator.people import TEXTS

Draw = Callable[[Random], dict[str, Any]]

REACHED_BY = {
    "they edit": "they_edit",
    "they move to another day": "they_retime",
    "they change sets": "they_tag",
    "we edit": "we_edit",
    "we move to another day": "we_retime",
    "both edit one field": "both_edit",
    "window changes": "choose_window",
    "privacy changes": "choose_privacy",
    "calendar deselected": "choose_calendar",
    "calendar selected": "choose_calendar",
    "disconnected": "disconnect_and_reconnect",
    "reconnected": "disconnect_and_reconnect",
    "a person decides": "approve_and_resolve",
    "run in peace": "sync",
    "crash": "sync_and_die",
    "we edit during a run": "sync_while_somebody_edits",
    "they edit during a run": "sync_while_somebody_edits",
    "a run overtakes a stalled one": "sync_and_stall",
    "the account is paused during a run": "sync_and_halt",
    "all writing is paused during a run": "sync_and_halt",
    "a run is halted": "sync_and_halt",
    "what was halted goes on": "go_on",
    "healed": "calm_down",
    "fault clock_skew": "the_server_clock_is_wrong",
    "conflict both_changed": "both_edit",
    "conflict changed_deleted": "one_ends_what_the_other_edits",
    "conflict duplicate_match": "twins_meet",
}
"""The step that leads to what is counted under another name than its own."""

PREFIXES = {
    "fault": "sync_with_faults",
    "policy": "choose_policy",
    "direction": "choose_direction",
    "mail": "choose_mail",
    "they create": "they_create",
    "we create": "we_create",
}


def _place(random: Random) -> dict[str, Any]:
    return {"place": random.randrange(60)}


def _choice(random: Random) -> dict[str, Any]:
    return {"choice": random.randrange(1000)}


def _both(random: Random) -> dict[str, Any]:
    policy = random.choice([None, *Policy, Policy.MANUAL])
    return {**_choice(random), "ours_first": random.random() < 0.5, "policy": policy}


def _pause(random: Random) -> dict[str, Any]:
    fault = random.choice([None, *UNHEARD])
    return {**_choice(random), "whole": random.random() < 0.5, "is_brief": random.random() < 0.7, "fault": fault}


STEPS: dict[str, Draw] = {
    "they_create": lambda r: {"shape": r.choice(["single", "all_day", "series", "guests"]), "home": r.random() < 0.3},
    "they_edit": lambda r: {"name": r.choice(TEXTS), **_choice(r)},
    "they_retime": _choice,
    "they_tag": _choice,
    "they_cancel": _choice,
    "they_delete": _choice,
    "they_drag_to_another_calendar": _choice,
    "they_change_an_occurrence": _choice,
    "they_remove_an_occurrence": _choice,
    "they_write_nonsense": lambda r: {},
    "the_server_touches": _choice,
    "they_delete_many": lambda r: {},
    "we_create": lambda r: {"shape": r.choice(["single", "all_day", "series", "guests", "task"])},
    "we_edit": lambda r: {"name": r.choice(TEXTS), **_choice(r)},
    "we_retime": _choice,
    "we_cancel": _choice,
    "we_revive": _choice,
    "we_change_an_occurrence": _choice,
    "we_remove_an_occurrence": _choice,
    "both_edit": lambda r: {"name": r.choice([*TEXTS, "time"]), **_both(r)},
    "one_ends_what_the_other_edits": lambda r: {"ours_ends": r.random() < 0.5, **_both(r)},
    "a_series_moves_under_a_changed_occurrence": _choice,
    "twins_meet": lambda r: {},
    "we_write_down_what_they_have": lambda r: {},
    "choose_policy": lambda r: {"policy": r.choice(list(Policy))},
    "choose_window": lambda r: {"days": r.choice([50, 365])},
    "choose_direction": lambda r: {"direction": r.choice([*Direction, Direction.BOTH])},
    "choose_mail": lambda r: {"rule_": r.choice(list(MailRule))},
    "choose_privacy": lambda r: {"shown": r.random() < 0.5},
    "choose_calendar": lambda r: {"syncs": r.random() < 0.5, "home": r.random() < 0.5},
    "disconnect_and_reconnect": lambda r: {**_choice(r), "is_brief": r.random() < 0.7},
    "approve_and_resolve": _choice,
    "sync": lambda r: {},
    "sync_with_faults": lambda r: {"kinds": [(kind, r.randrange(3)) for kind in r.sample(FAULTS, 2)]},
    "the_server_clock_is_wrong": lambda r: {"minutes": r.choice([-7, 7, 0])},
    "sync_and_die": _place,
    "sync_while_somebody_edits": lambda r: {**_place(r), **_choice(r), "ours": r.random() < 0.5},
    "sync_and_stall": _place,
    "sync_and_halt": lambda r: {**_place(r), **_pause(r)},
    "go_on": lambda r: {},
    "cursors_expire": lambda r: {},
    "calm_down": lambda r: {},
}
"""Every step there is, and how its arguments are drawn."""


def story(random: Random, reached: Counter[str], wanted: dict[str, int], length: int = 30) -> list[str]:
    """Return the steps of a story that prefers what was reached less often than wanted."""
    weights = dict.fromkeys(STEPS, 0.25) | {"sync": 4.0}
    missing = {name: wanted[name] - reached[name] for name in wanted if reached[name] < wanted[name]}
    for name, times in missing.items():
        step = step_for(name)
        if step in weights:
            weights[step] += times / 2
    profiles = [name for name in PROFILES if f"profile {name}" in missing] or sorted(PROFILES)
    told = [_text("start", {"profile": random.choice(profiles), "choice": random.randrange(1000)})]
    rare = [kind for kind in FAULTS if f"fault {kind.value}" in missing]
    for step in random.choices(list(weights), list(weights.values()), k=length):
        arguments = STEPS[step](random)
        if step == "sync_with_faults" and rare:
            arguments["kinds"].insert(0, (random.choice(rare), 0))
        told.append(_text(step, arguments))
    return told


def step_for(name: str) -> str:
    """Return the step that leads to what is counted under a name."""
    if name in REACHED_BY:
        return REACHED_BY[name]
    for prefix, step in PREFIXES.items():
        if name.startswith(f"{prefix} "):
            return step
    return name.replace(" ", "_")


def _text(step: str, arguments: dict[str, Any]) -> str:
    given = ", ".join(f"{name}={_literal(value)}" for name, value in arguments.items())
    return f"{step}({given})"


def _literal(value: Any) -> str:
    if isinstance(value, Direction | FaultKind | MailRule | Policy):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, list | tuple):
        inner = ", ".join(_literal(each) for each in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    return repr(value)
