"""What all models share: unknown names are refused, moments are read as ISO 8601."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

from calsync.engine import event as events
from calsync.engine import mapping
from calsync.engine.event import Moment


class Sent(BaseModel):
    """What a program sends. A name that we do not know is a mistake, not something to be dropped in silence."""

    model_config = ConfigDict(extra="forbid")


class Told(BaseModel):
    """What a program is told."""

    model_config = ConfigDict(extra="forbid")


def _check_moment(text: str) -> str:
    try:
        mapping.read_moment(text)
    except (ValueError, OverflowError) as error:
        raise ValueError("give a date, or a time in ISO 8601") from error
    return text


MomentText = Annotated[
    str,
    Field(
        max_length=40,
        description="A date (all-day), or a time in ISO 8601; without an offset by the clock of `time_zone`",
        examples=["2030-01-09T10:00:00Z"],
    ),
    AfterValidator(_check_moment),
]


def read_moment(text: str, tz: str | None) -> Moment:
    """Return what a program sent as a moment. Raises ValueError."""
    return mapping.read_moment(text, tz)


def told_moment(value: Moment) -> str:
    return events.moment_text(value)


def _told_time(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


Time = Annotated[datetime, PlainSerializer(_told_time, return_type=str, when_used="json")]
"""A moment of ours, in UTC."""


def changed(body: BaseModel) -> dict[str, Any]:
    """Return the fields that a program sent, whatever their value: what it left out stays as it is."""
    return {name: getattr(body, name) for name in body.model_fields_set}
