"""Accounts: the list, one account with its calendars, rules and records, and everything people do to it."""

from webapp.views.accounts import actions, calendars, detail, ending, listing, pushing, records, rules, setup  # noqa: F401
from webapp.views.accounts.blueprint import bp

__all__ = ["bp"]
