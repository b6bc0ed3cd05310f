"""Wrong engines that do not do as they are told: by the settings, or by who says stop in the middle of a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlmodel import Session

from calsync.engine import brake
from calsync.engine.vocabulary import MailRule
from calsync.services import apply_remote, clients, halting, sync, writes
from calsync.services.context import Context
from calsync.services.frame import Ended, Opened

# --- the settings -------------------------------------------------------------------------------------------


def skips_the_brake() -> None:
    brake.brake = lambda *given, **more: {}


def ignores_the_direction() -> None:
    clients.may_write = lambda *given: True
    Context.push_refused = lambda *given: None  # type: ignore[method-assign, assignment]
    Context.may_pull = True  # type: ignore[method-assign, assignment]


def mails_everybody() -> None:
    writes._mail = lambda *given: MailRule.ALL


# --- stop! --------------------------------------------------------------------------------------------------


def writes_on_when_told_to_stop() -> None:
    halting.check = lambda *given, **more: None


def leaves_a_halted_write_begun() -> None:
    """A write that was to be tried again stays under way when the run ends instead."""
    apply_remote._check_again = lambda ctx, again: halting.check(ctx)


def forgets_what_a_halted_run_left() -> None:
    """A run that was halted counts as one that went through: the account is due again when its clock says so."""
    true = sync._end

    def wrong(session: Session, opened: Opened, owner: str, now: Any, ended: Ended, **more: Any) -> None:
        true(session, opened, owner, now, replace(ended, halted=""), **more)

    sync._end = wrong
