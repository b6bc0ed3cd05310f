"""What a guest is asked when booking, and whether the answers will do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KINDS = ("text", "paragraph", "choice", "yes_no")
LONGEST = {"text": 300, "paragraph": 5_000}
MOST_QUESTIONS = 20


class BadAnswer(ValueError):
    """An answer that will not do; `name` is the question's."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        super().__init__(problem)


@dataclass(frozen=True, slots=True)
class Question:
    """`name` stands for the question in answers; `choices` are the answers to a choice."""

    name: str
    label: str
    kind: str = "text"
    is_required: bool = False
    choices: tuple[str, ...] = ()


def to_json(questions: Iterable[Question]) -> list[dict[str, Any]]:
    return [
        {"name": q.name, "label": q.label, "kind": q.kind, "is_required": q.is_required, "choices": list(q.choices)}
        for q in questions
    ]


def from_json(value: Iterable[Mapping[str, Any]]) -> tuple[Question, ...]:
    """Read what to_json wrote. Raises ValueError for questions that nobody could answer."""
    found = tuple(Question(**{**q, "choices": tuple(q["choices"])}) for q in value)
    check(found)
    return found


def check(questions: Sequence[Question]) -> None:
    """Return when the questions can be asked. Raises ValueError saying what is wrong."""
    if len(questions) > MOST_QUESTIONS:
        raise ValueError(f"at most {MOST_QUESTIONS} questions can be asked")
    if len({q.name for q in questions}) < len(questions):
        raise ValueError("two questions have the same name")
    for question in questions:
        if not question.name or not question.label.strip():
            raise ValueError("a question needs a name and a text")
        if question.kind not in KINDS:
            raise ValueError(f"a question is one of {', '.join(KINDS)}")
        if question.kind == "choice" and not question.choices:
            raise ValueError(f"the question {question.label} needs answers to choose from")


def checked(questions: Sequence[Question], answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers to the questions, ready to be stored; others are dropped. Raises BadAnswer."""
    return {q.name: _checked(q, answers.get(q.name)) for q in questions}


def _checked(question: Question, answer: Any) -> Any:
    if question.kind == "yes_no":
        if question.is_required and not answer:
            raise BadAnswer(question.name, "This has to be agreed to.")
        return bool(answer)
    text = str(answer or "").replace("\0", "").strip()
    if question.is_required and not text:
        raise BadAnswer(question.name, "Please answer this.")
    if question.kind == "choice" and text and text not in question.choices:
        raise BadAnswer(question.name, f"Choose one of {', '.join(question.choices)}.")
    if len(text) > LONGEST.get(question.kind, 5_000):
        raise BadAnswer(question.name, f"At most {LONGEST[question.kind]} characters fit here.")
    return text
