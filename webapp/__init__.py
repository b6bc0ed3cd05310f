"""The pages: `create_app(rt)` gives the WSGI application for a Runtime.

A page is a module in `webapp/views` with a blueprint called `bp`; it is registered by being there. What it may use:

    access      roles, loaders, actor(), runtime()        fragments   page(), swap(), render_block()
    words       labels, colours, icons                    moments     times in the viewer's zone
    paging      keyset cursors in the address             exports     CSV and JSON downloads
    errors      shown_on(form)                            security    limit("10 per minute")
    templates   extend "layout.html" (or "bare.html"), macros of "ui.html" are global as `ui`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from calsync.runtime import Runtime


def create_app(rt: Runtime) -> Flask:
    """Return the application. It starts nothing: jobs and servers are composed elsewhere."""
    # Imported when it is wanted: the command line lives in this package too and must not pay for Flask.
    from webapp import factory

    return factory.create_app(rt)
