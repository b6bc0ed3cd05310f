"""An answer of Explain as its page shows it: the verdict, the questions, and what the next run does, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from calsync.engine.vocabulary import Action, Reason, StepState
from calsync.services.answers import Answer
from webapp import moments, words
from webapp.words import explain as explain_words


@dataclass(frozen=True, slots=True)
class Finding:
    """One question with its answer. `mark` is yes, no or unasked."""

    question: str
    text: str
    mark: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One answer in words. `colour` and `icon` are those of the verdict; `trace` tells how a clash was decided."""

    answer: Answer
    place: str
    verdict: str
    colour: str
    icon: str
    findings: list[Finding]
    next_run: str
    due_at: Any
    local: list[str]
    remote: list[str]
    trace: list[str]
    window: str


def shown(answers: Sequence[Answer]) -> list[Shown]:
    return [_shown(each) for each in answers]


def _shown(answer: Answer) -> Shown:
    place = (answer.calendar.name if answer.calendar else "") or answer.account.label
    verdict, colour, icon = _verdict(answer, place)
    works = not explain_words.account_trouble(answer.account)
    return Shown(
        answer=answer,
        place=place,
        verdict=verdict,
        colour=colour,
        icon=icon,
        findings=[_finding(check, answer) for check in answer.checks],
        next_run=_next_run(answer, place),
        due_at=answer.account.next_sync_at if works else None,
        local=[words.field(name) for name in answer.local],
        remote=[words.field(name) for name in answer.remote],
        trace=list(answer.trace),
        window=f"{moments.day(answer.window[0])} to {moments.day(answer.window[1])}",
    )


def _verdict(answer: Answer, place: str) -> tuple[str, str, str]:
    """Return the one sentence on top, with its colour and icon."""
    trouble = explain_words.account_trouble(answer.account)
    if answer.conflict is not None and answer.conflict.state == "open":
        return "It waits for a person: both sides changed.", "amber", "arrows-left-right"
    if answer.waiting is not None and answer.waiting.state == StepState.FAILED:
        failure = words.error_class(answer.waiting.error_class)
        return f"The last try failed. {failure.title}: {failure.cause}", "red", "x"
    if answer.waiting is not None and answer.waiting.state == StepState.HELD:
        return f"It waits for approval. {words.reason(answer.waiting.reason)}", "violet", "shield"
    if answer.is_discarded:
        return (
            "A person decided against this change; it is planned again when one side changes.",
            "grey",
            "circle-minus",
        )
    if trouble:
        return f"Nothing happens now. {trouble}", "red", "key"
    if answer.steps:
        return f"In sync soon. {words.reason(answer.reason)}", "blue", "clock"
    if answer.link is not None and answer.reason is Reason.BOTH_EQUAL:
        return f"In sync: it stands on {place} as it stands here.", "green", "check"
    return f"Not synced. {words.reason(answer.reason)}", "grey", "circle-minus"


def _finding(check: Any, answer: Answer) -> Finding:
    mark = {True: "yes", False: "no", None: "unasked"}[check.is_ok]
    return Finding(explain_words.question(check.code), explain_words.finding(check, answer), mark)


def _next_run(answer: Answer, place: str) -> str:
    """Return what the next run does about it, as a sentence."""
    done = [text for step in answer.steps if (text := explain_words.would(step, place))]
    if done:
        return f"The next run {words.joined(done)}."
    waiting = answer.waiting
    if waiting is not None and waiting.state == StepState.FAILED and waiting.action != Action.NONE:
        return "It is tried again later, or at once when you press Retry in the run."
    return "The next run leaves it as it is."
