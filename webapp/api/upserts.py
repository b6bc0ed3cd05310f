"""Activities by the CRM's own ids: one, or a thousand at once, created or changed by the same request."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationError

from calsync.engine.vocabulary import Scope
from calsync.errors import CalsyncError, NotFound
from calsync.services import upserts
from calsync.services.upserts import Record, Result
from webapp.api import activities, lookup, problems
from webapp.api.activities import TAG
from webapp.api.operations import Answer, Call, operation
from webapp.api.problems import FieldProblem
from webapp.api.schemas import activities as shapes
from webapp.api.schemas.activities import ActivityOut, ActivityUpsert, Bulk
from webapp.api.schemas.base import Told


class BulkResult(Told):
    """What became of one record."""

    external_id: str
    status: Literal["created", "updated", "unchanged", "refused"]
    id: str | None = None
    code: str | None = None
    detail: str | None = None
    errors: list[FieldProblem] = Field(default_factory=list)


class BulkOut(Told):
    created: int
    updated: int
    unchanged: int
    refused: int
    results: list[BulkResult]


@operation(
    "PUT",
    "/activities/by-external-id/<external_id>",
    Scope.WRITE,
    tag=TAG,
    body=ActivityUpsert,
    answer=ActivityOut,
    also={201: ActivityOut},
    problems=(404, 409),
)
def upsert_activity(call: Call, external_id: str) -> Answer:
    """Create or change an activity by the CRM's own id

    Sending the same again changes nothing. 201 when it is new.
    """
    sent: ActivityUpsert = call.body
    record = Record(external_id, sent.values(), lookup.whose(call, sent.owner) if sent.owner else None)
    (result,) = upserts.upsert(call.rt, [record], by=call.by)
    if result.error is not None:
        raise result.error
    row = result.activity
    if row is None:
        raise NotFound("activity", external_id)
    return Answer(activities.shown(call, row), 201 if result.is_new else 200)


@operation("POST", "/activities/bulk", Scope.WRITE, tag=TAG, body=Bulk, answer=BulkOut)
def upsert_activities(call: Call) -> BulkOut:
    """Create or change up to 1,000 activities

    Every record is answered for itself: one that is refused does not keep the others. Sending all again is harmless.
    """
    found: dict[int, BulkResult] = {}
    records: dict[int, Record] = {}
    owners: dict[str, int] = {}
    for place, sent in enumerate(call.body.activities):
        try:
            records[place] = _record(call, sent, owners)
        except (ValidationError, CalsyncError) as error:
            found[place] = _refused(str(sent.get("external_id", "")), error)
    results = upserts.upsert(call.rt, list(records.values()), by=call.by)
    found |= {place: _told_result(result) for place, result in zip(records, results, strict=True)}
    ordered = [found[place] for place in sorted(found)]
    counts = {
        name: sum(each.status == name for each in ordered) for name in ("created", "updated", "unchanged", "refused")
    }
    return BulkOut(**counts, results=ordered)


def _record(call: Call, sent: dict[str, Any], owners: dict[str, int]) -> Record:
    read = shapes.read_record(sent)
    if read.owner is not None and read.owner not in owners:
        owners[read.owner] = lookup.whose(call, read.owner)
    owner_id = owners[read.owner] if read.owner is not None else None
    return Record(read.external_id, read.values(), owner_id, read.id)


def _told_result(result: Result) -> BulkResult:
    if result.error is not None or result.activity is None:
        return _refused(result.external_id, result.error or NotFound("activity", result.external_id))
    status: Any = "created" if result.is_new else "updated" if result.is_changed else "unchanged"
    return BulkResult(external_id=result.external_id, status=status, id=result.activity.public_id)


def _refused(external_id: str, error: Exception) -> BulkResult:
    problem = problems.describe(error)
    return BulkResult(
        external_id=external_id[:200], status="refused", code=problem.code, detail=problem.detail, errors=problem.errors
    )
