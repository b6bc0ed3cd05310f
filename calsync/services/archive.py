"""Archive: what failed and is not worth another try. Both sides stay as they are until one of them changes."""

from __future__ import annotations

from collections.abc import Collection

from calsync.engine.vocabulary import RunState, StepState
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import held, retry
from calsync.store import audit, runs


def archive(rt: Runtime, run_id: int, *, step_ids: Collection[int] | None = None, by: Actor) -> int:
    """Try failed steps of a run no more and return how many that concerns; `step_ids` limits it to some of them.

    A write in doubt cannot be archived: nobody knows yet what became of it. Raises NotFound; Refused with code
    `nothing_failed`.
    """
    with rt.writing() as session:
        run = runs.get(session, run_id)
        failed = [s for s in retry.failed_steps(session, run_id, step_ids) if s.state == StepState.FAILED]
        if not failed:
            raise Refused("Nothing of this is failed any more.", code="nothing_failed")
        for step in failed:
            step.state, step.finished_at, step.next_attempt_at = StepState.SKIPPED, rt.now(), None
            held.forget(session, step)
        run.failed, run.skipped = max(0, run.failed - len(failed)), run.skipped + len(failed)
        if run.state == RunState.PARTIAL and not run.failed and not run.error_class:
            run.state = RunState.SUCCEEDED
        audit.record(session, by, "run.archived", run, after={"steps": len(failed)}, at=rt.now())
    return len(failed)
