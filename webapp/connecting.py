"""Who may reach the pages about connecting: clients and staff only where an admin allows it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flask import request
from flask_login import current_user, login_required

from calsync.errors import NotAllowed
from webapp import shell


def connects_required(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let people in whose role may connect calendars. Others get a 403, an anonymous person the login page."""

    @functools.wraps(view)
    @login_required
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not shell.may_connect(current_user.role):
            raise NotAllowed(request.endpoint or "")
        return view(*args, **kwargs)

    return guarded
