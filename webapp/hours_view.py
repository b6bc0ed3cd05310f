"""Working hours on pages: in words, and the page on which they are changed, whoever they belong to.

hours_view.sentence(hours)                    "Mon–Fri 09:00–17:00 (Europe/Berlin)"
hours_view.answer(owner, template, ...)       the answer to a GET or POST of a page that changes hours
"""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request

from calsync.engine.hours import Hours
from calsync.services import working_hours
from calsync.services.working_hours import Owner
from webapp import errors, moments
from webapp.access import actor, runtime
from webapp.forms.hours import HoursForm, problems
from webapp.fragments import page
from webapp.words import scheduling as words


def sentence(hours: Hours, viewer_zone: str = "") -> str:
    """Return a week in words; the zone is named where it is not the viewer's."""
    told = words.hours(hours, moments.weekdays(), moments.wall_clock)
    return told if hours.tz == viewer_zone else f"{told} ({hours.tz.replace('_', ' ')})"


def answer(owner: Owner, template: str, above: Hours, done_url: str, **context: Any) -> Any:
    """Show the hours of `owner`, those `above` them where none are set; save or take them away on a POST.

    The template gets `form`, `is_set`, `told` (the hours that stand, in words) and `context`.
    """
    known, version = working_hours.get(runtime(), owner)
    form = HoursForm()
    inherits = "inherit" in request.form
    if form.is_submitted() and (inherits or form.validate()):
        with errors.shown_on(form):
            value = None if inherits else form.hours()
            working_hours.save(runtime(), owner, value, version=form.version.data or 0, by=actor())
            flash("They follow the hours above again." if inherits else "Saved.")
            return redirect(done_url, 303)
    elif not form.is_submitted():
        form.show(known or above, version)
    form.grow()
    return page(
        template,
        status=422 if form.errors else 200,
        form=form,
        problems=problems,
        is_set=known is not None,
        told=sentence(known or above),
        done_url=done_url,
        **context,
    )
