"""Accounts: the list, one account with its calendars, rules and records, and everything people do to it."""

from webapp.views.accounts import (  # noqa: F401
    actions,
    calendars,
    detail,
    ending,
    listing,
    meetings,
    pushing,
    records,
    rules,
    setup,
)
from webapp.views.accounts.blueprint import bp

__all__ = ["bp"]
