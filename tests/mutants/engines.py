"""The wrong engines. Each replaces a function or two of the true one when it is called."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import event, gone, merge, winner
from calsync.engine.merge import Merge
from calsync.engine.pair import KEEP, Agreed, Decision, Local, Remote, Terms
from calsync.engine.vocabulary import Direction, Policy, StepState
from calsync.errors import ProviderError, Unavailable
from calsync.providers.base import Page, Write, Written
from calsync.providers.memory import MemoryClient
from calsync.services import (
    apply_local,
    apply_remote,
    closing,
    drafts,
    fetch,
    linked,
    plan,
    settle,
    writes,
)
from calsync.services.context import Context
from calsync.services.writes import Group, Target
from calsync.store import links, mirror
from calsync.store import tables as t
from calsync.store.links import Pair
from tests.mutants import orders

Mutant = Callable[[], None]


# --- who wins, and what becomes of the loser ----------------------------------------------------------------


def swaps_the_winner() -> None:
    true = winner.of_clash

    def wrong(*given: Any) -> winner.Verdict:
        verdict = true(*given)
        return verdict._replace(crm_stands=not verdict.crm_stands)

    winner.of_clash = wrong


def drops_the_losing_value() -> None:
    true = drafts.for_pair

    def wrong(ctx: Context, pair: Pair, decision: Decision) -> drafts.Row:
        return true(ctx, pair, replace(decision, losing={}))

    drafts.for_pair = wrong


def forgets_their_half_of_a_merge() -> None:
    """Where both sides changed different fields, only ours go over."""
    true = merge.merge

    def wrong(**given: Any) -> Merge:
        result = true(**given)
        return replace(result, inward={}) if result.is_mixed else result

    merge.merge = wrong


def asks_nobody() -> None:
    """Under the policy that asks a person, the CRM wins."""
    true = Terms.policy_for

    def wrong(terms: Terms, name: str) -> Policy:
        policy = true(terms, name)
        return Policy.CRM if policy is Policy.MANUAL else policy

    Terms.policy_for = wrong  # type: ignore[method-assign]


# --- deletions ----------------------------------------------------------------------------------------------


def never_propagates_deletes() -> None:
    gone.cancel_local = lambda *given: KEEP
    gone.cancel_remote = lambda *given: KEEP


def recreates_what_was_cancelled() -> None:
    def wrong(local: Local, remote: Remote, agreed: Agreed, terms: Terms) -> Decision:
        return gone.push_revival(local, remote, terms)

    gone.remote_gone = wrong


def takes_leaving_scope_for_deletion() -> None:
    true = linked.decision_on

    def wrong(ctx: Context, pair: Pair, around: settle.Surroundings) -> Decision:
        if linked._outside(ctx, pair) is not None:
            return gone.cancel_local(Remote({}, ctx.now(), is_gone=True))
        return true(ctx, pair, around)

    linked.decision_on = wrong


def takes_a_move_for_a_deletion() -> None:
    settle.moved = lambda *given: None


# --- reading ------------------------------------------------------------------------------------------------


def saves_the_cursor_first() -> None:
    true = fetch._save_page

    def wrong(ctx: Context, calendar: t.Calendar, page: Page, read: Any) -> None:
        if page.is_last:
            with ctx.rt.writing() as session:
                session.get_one(t.Calendar, calendar.id).cursor = page.cursor
        true(ctx, calendar, page, read)

    fetch._save_page = wrong


def trusts_an_empty_listing() -> None:
    """What a complete listing does not name is gone; nobody is asked again."""

    def wrong(ctx: Context, calendar: t.Calendar, read: Any) -> None:
        with ctx.rt.reading() as session:
            held = mirror.versions(session, t.pk(calendar))
        fetch._bury(ctx, calendar, sorted(held.keys() - read.present))

    fetch._bury_absent = wrong


def plans_from_the_fetched_list_only() -> None:
    """What a run has not fetched itself it does not plan, unless it changed here."""
    fetched: dict[int, set[str]] = {}
    true_save, true_differences, true_events = fetch._save, plan._differences, plan._unlinked_events

    def save(ctx: Context, calendar: t.Calendar, resources: Sequence[Any], *given: Any, **more: Any) -> None:
        fetched.setdefault(ctx.run_id, set()).update(resource.handle for resource in resources)
        true_save(ctx, calendar, resources, *given, **more)

    def is_seen(ctx: Context, event: t.MirrorEvent, session: Session) -> bool:
        resource = session.get_one(t.MirrorResource, event.resource_id)
        return resource.is_deleted or resource.handle in fetched.get(ctx.run_id, set())

    def differences(ctx: Context, session: Session) -> list[int]:
        pairs = links.pairs(session, true_differences(ctx, session))
        here = {t.pk(p.link) for p in pairs if p.activity.fingerprint != p.link.local_fp}
        return [t.pk(p.link) for p in pairs if t.pk(p.link) in here or is_seen(ctx, p.event, session)]

    def unlinked(ctx: Context) -> list[int]:
        ids = true_events(ctx)
        with ctx.rt.reading() as session:
            return [i for i in ids if is_seen(ctx, session.get_one(t.MirrorEvent, i), session)]

    fetch._save, plan._differences, plan._unlinked_events = save, differences, unlinked


# --- writing ------------------------------------------------------------------------------------------------


def creates_anew_when_in_doubt() -> None:
    """Every try of a create has a key and a uid of its own."""
    drafts.key = lambda *given: uuid.uuid4().hex
    true = writes._uid

    def wrong(session: Session, target: Target) -> str:
        return true(session, target) if target.activity.recurrence_key else uuid.uuid4().hex

    writes._uid = wrong
    apply_remote._repeats = lambda *given: []
    apply_remote.settle_doubts = _forget_doubts


def _forget_doubts(ctx: Context) -> closing.Tally:
    with ctx.rt.writing() as session:
        session.execute(
            sa.update(t.Step)
            .where(
                col(t.Step.account_id) == ctx.account_id,
                col(t.Step.state).in_([StepState.APPLYING, StepState.IN_DOUBT]),
            )
            .values(state=StepState.SUPERSEDED)
        )
    return closing.Tally()


def takes_doubt_for_success() -> None:
    """A write whose answer never came counts as done."""
    true = closing._fail

    def wrong(ctx: Context, group: Group, error: ProviderError, tally: closing.Tally) -> None:
        if not (isinstance(error, Unavailable) and error.is_in_doubt):
            true(ctx, group, error, tally)
            return
        with ctx.rt.writing() as session:
            for target in group.targets:
                session.get_one(t.Step, target.step.id).state = StepState.DONE
                if target.link is not None:
                    _agree_here(session, target, target.step.detail["local"])

    closing._fail = wrong
    apply_remote._deserves_another = lambda *given: False
    apply_remote._read_back = lambda ctx, group, answer: answer


def agrees_on_the_present_state() -> None:
    """What the activity holds when the answer comes counts as written, not what the write carried."""
    true = closing._snapshots

    def wrong(ctx: Context, group: Group, target: Target, link: t.Link, *given: Any) -> None:
        true(ctx, group, target, link, *given)
        with ctx.rt.reading() as session:
            now = session.get_one(t.Activity, target.activity.id)
        link.agreed_local, link.local_fp = now.content, now.fingerprint

    closing._snapshots = wrong


def agrees_before_the_answer() -> None:
    true = closing.mark

    def wrong(ctx: Context, groups: Sequence[Group]) -> None:
        true(ctx, groups)
        with ctx.rt.writing() as session:
            for target in (target for group in groups for target in group.targets):
                if target.link is not None:
                    _agree_here(session, target, target.step.detail["local"])

    closing.mark = wrong


def _agree_here(session: Session, target: Target, content: Mapping[str, Any]) -> None:
    assert target.link is not None
    link = session.get_one(t.Link, target.link.id)
    link.agreed_local, link.local_fp = dict(content), event.fingerprint(dict(content))


def ignores_a_missed_row_version() -> None:
    apply_local._is_as_planned = lambda *given: True


def ignores_the_remote_version() -> None:
    """Every write says that it was planned against what is there now."""
    true = MemoryClient.write

    def wrong(client: MemoryClient, calendar: str, given: Sequence[Write]) -> list[Written]:
        shelf = client._server.shelf(calendar)
        held = [shelf.now(write.handle or "") for write in given]
        forced = [
            replace(write, version=stored.version) if write.handle and stored else write
            for write, stored in zip(given, held, strict=True)
        ]
        return true(client, calendar, forced)

    MemoryClient.write = wrong  # type: ignore[method-assign]


MUTANTS: dict[str, Mutant] = {
    mutant.__name__: mutant
    for mutant in (
        swaps_the_winner,
        drops_the_losing_value,
        forgets_their_half_of_a_merge,
        asks_nobody,
        never_propagates_deletes,
        recreates_what_was_cancelled,
        takes_leaving_scope_for_deletion,
        takes_a_move_for_a_deletion,
        orders.skips_the_brake,
        saves_the_cursor_first,
        trusts_an_empty_listing,
        plans_from_the_fetched_list_only,
        creates_anew_when_in_doubt,
        takes_doubt_for_success,
        agrees_on_the_present_state,
        agrees_before_the_answer,
        ignores_a_missed_row_version,
        ignores_the_remote_version,
        orders.ignores_the_direction,
        orders.mails_everybody,
        orders.writes_on_when_told_to_stop,
        orders.leaves_a_halted_write_begun,
        orders.forgets_what_a_halted_run_left,
    )
}
"""Every wrong engine by its name."""

__all__ = ["MUTANTS", "Direction"]
