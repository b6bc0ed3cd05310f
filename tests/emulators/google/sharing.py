"""Sharing rules, the ACL of a calendar (contract 13.6)."""

from __future__ import annotations

from tests.emulators.google import access, errors, listing, people
from tests.emulators.google import world as worlds
from tests.emulators.google.access import Call
from tests.emulators.google.listing import Listing
from tests.emulators.google.model import ROLES, Calendar, Resource, Rule
from tests.emulators.google.wire import Reply

KINDS = ("default", "user", "group", "domain")


def list_rules(call: Call) -> Resource:
    calendar = access.get_calendar(call, "owner")
    listing.refuse_with_sync_token(call, (), ("showDeleted",))
    resource = worlds.rules_of(calendar.id)
    mark = listing.find_mark(call, resource)
    rest = listing.next_page(call)
    if rest is None:
        shows_gone = mark is not None or call.query.get("showDeleted")
        rules = [rule for rule in calendar.rules.values() if shows_gone or rule.role != "none"]
        rules = [rule for rule in rules if mark is None or rule.revision > mark.revision]
        rest = listing.first_page(call, [_shown(rule) for rule in rules])
    return listing.page(call, Listing(resource, {"kind": "calendar#acl"}, 100, 250), rest)


def get(call: Call) -> Resource:
    return _shown(_get_rule(call, access.get_calendar(call, "owner")))


def _get_rule(call: Call, calendar: Calendar) -> Rule:
    rule = calendar.rules.get(call.path["ruleId"])
    if rule is None or rule.role == "none":
        raise errors.of(404)
    return rule


def insert(call: Call) -> Resource:
    calendar = access.get_calendar(call, "owner")
    scope = call.body.get("scope") or {}
    kind, value = scope.get("type"), scope.get("value", "")
    if kind not in KINDS or (kind != "default" and not value):
        raise errors.invalid("Invalid scope value.", "scope")
    return _set(call, calendar, kind, value.lower(), call.body.get("role"))


def patch(call: Call) -> Resource:
    """PATCH and PUT alike: the scope is fixed by the id, only the role changes."""
    calendar = access.get_calendar(call, "owner")
    rule = _get_rule(call, calendar)
    role = call.body.get("role", rule.role)
    return _set(call, calendar, rule.scope["type"], rule.scope.get("value", ""), role)


def _set(call: Call, calendar: Calendar, kind: str, value: str, role: str | None) -> Resource:
    if role not in ROLES:
        raise errors.invalid("Invalid role value.", "role")
    if (kind, value) == ("user", calendar.owner) and role != "owner":
        raise _owner_error()
    return _shown(people.set_role(call.world, calendar, kind, value, role))


def delete(call: Call) -> Reply:
    calendar = access.get_calendar(call, "owner")
    rule = _get_rule(call, calendar)
    if rule.id == f"user:{calendar.owner}":
        raise _owner_error()
    people.set_role(call.world, calendar, rule.scope["type"], rule.scope.get("value", ""), "none")
    return Reply(204)


def _owner_error() -> errors.ApiError:
    return errors.restricted("cannotModifyAclOfCalendarOwner", "Cannot modify the access of the data owner.")


def _shown(rule: Rule) -> Resource:
    etag = f'"{1_500_000_000_000_000 + rule.revision}"'
    return {"kind": "calendar#aclRule", "etag": etag, "id": rule.id, "scope": rule.scope, "role": rule.role}
