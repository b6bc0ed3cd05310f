"""Pages and parts of pages: the only file that knows htmx.

    page(template, fragment=None, status=200, **context)   answer a GET, or a rejected form (422)
    swap(template, fragment, otherwise, **context)         answer a successful POST: the block, or 303 to `otherwise`
    render_block(template, block, **context)               one block of a template as text
    wants_fragment()                                       whether htmx will swap part of the page on screen

A fragment is a Jinja block that has the name of the one variable it needs and an element with a stable id. It uses
no `loop` and no outer `{% set %}`; macros are global as `ui`.

A POST that htmx sent to stay on the page uses `swap`; messages flashed before it arrive as toasts. A form that leads
somewhere else is plain HTML and its view answers `redirect(url, 303)`.
"""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, make_response, redirect, render_template
from flask_htmx import HTMX
from werkzeug.wrappers import Response as BaseResponse

htmx = HTMX()


def wants_fragment() -> bool:
    """Return whether htmx will swap part of a page that is already on screen."""
    return bool(htmx) and not (htmx.boosted or htmx.history_restore_request)


def page(template: str, fragment: str | None = None, status: int = 200, **context: Any) -> Response:
    """Answer with the whole page, or with its block `fragment` where htmx asked for a part."""
    if fragment and wants_fragment():
        body = render_block(template, fragment, **context)
    else:
        body = render_template(template, **context)
    response = make_response(body, status)
    response.vary.add("HX-Request")
    return response


def swap(template: str, fragment: str, otherwise: str, **context: Any) -> BaseResponse:
    """Answer a successful POST: the changed block and any flashed messages, or a 303 to `otherwise`."""
    if not wants_fragment():
        return redirect(otherwise, code=303)
    body = render_block(template, fragment, **context) + render_block("late.html", "messages")
    response = make_response(body)
    response.vary.add("HX-Request")
    return response


def render_block(template: str, block: str, **context: Any) -> str:
    """Render one block of a template, as Jinja would inside its page."""
    found = current_app.jinja_env.get_template(template)
    current_app.update_template_context(context)
    return "".join(found.blocks[block](found.new_context(context)))
