"""People who log in here, for admins."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from calsync.engine.vocabulary import Role, Scope
from calsync.services import people, settings
from calsync.store import people as rows
from calsync.store import tables as t
from webapp.api import lookup, paging
from webapp.api.operations import Answer, Call, operation
from webapp.api.paging import Listed, Paged
from webapp.api.schemas.base import Sent, Time, Told

TAG = "Users"


class UserQuery(Paged):
    role: Role | None = None
    search: str | None = Field(None, max_length=200)


class UserOut(Told):
    id: str
    email: str
    name: str
    role: str
    time_zone: str
    is_disabled: bool
    has_password: bool
    has_second_factor: bool
    created_at: Time
    last_seen_at: Time | None


class UserList(Listed[UserOut]):
    pass


class UserNew(Sent):
    email: str = Field(max_length=320, examples=["anna@example.com"])
    role: Role = Role.STAFF
    name: str = Field("", max_length=200)


class UserPatch(Sent):
    name: str | None = Field(None, max_length=200)
    role: Role | None = None
    time_zone: str | None = Field(None, max_length=64)
    is_disabled: bool | None = None


class InvitedOut(Told):
    user: UserOut
    invite_url: str = Field(description="Shown once: it lets the person set a password within a week")


@operation("GET", "/users", Scope.ADMIN, tag=TAG, query=UserQuery, answer=UserList)
def list_users(call: Call) -> UserList:
    """List people"""
    asked: UserQuery = call.query
    with call.rt.reading() as session:
        found = rows.list_users(session, cut=asked.cut(), role=asked.role or "", search=asked.search or "")
    part = paging.listed(found, _told, lambda user: (user.email.lower(), t.pk(user)))
    return UserList(items=part.items, next=part.next)


@operation("GET", "/users/<id>", Scope.ADMIN, tag=TAG, answer=UserOut)
def show_user(call: Call, id: str) -> UserOut:
    """Show a person"""
    return _told(_user(call, id))


@operation("POST", "/users", Scope.ADMIN, tag=TAG, body=UserNew, answer=InvitedOut, status=201)
def invite_user(call: Call) -> Answer:
    """Invite a person"""
    sent: UserNew = call.body
    made = people.invite(call.rt, sent.email, sent.role, name=sent.name, by=call.by)
    address = f"{settings.public_url(call.rt)}/invite/{made.key}"
    told = InvitedOut(user=_told(made.user), invite_url=address)
    return Answer(told, 201, {"Location": f"/api/v1/users/{made.user.public_id}"})


@operation(
    "PATCH",
    "/users/<id>",
    Scope.ADMIN,
    tag=TAG,
    body=UserPatch,
    answer=UserOut,
    current=show_user,
    problems=(409,),
)
def edit_user(call: Call, id: str) -> UserOut:
    """Change a person"""
    user_id, sent = t.pk(_user(call, id)), call.body
    if sent.role is not None:
        people.set_role(call.rt, user_id, sent.role, by=call.by)
    given: dict[str, Any] = {"name": sent.name, "tz": sent.time_zone}
    if any(value is not None for value in given.values()):
        people.set_profile(call.rt, user_id, **given, by=call.by)
    if sent.is_disabled is not None:
        (people.disable if sent.is_disabled else people.enable)(call.rt, user_id, by=call.by)
    return show_user(call, id)


def _user(call: Call, public_id: str) -> t.User:
    with call.rt.reading() as session:
        return lookup.row(session, t.User, public_id, "user")


def _told(user: t.User) -> UserOut:
    return UserOut(
        id=user.public_id,
        email=user.email,
        name=user.name,
        role=user.role,
        time_zone=user.tz,
        is_disabled=user.is_disabled,
        has_password=user.password_hash is not None,
        has_second_factor=user.totp_secret is not None,
        created_at=user.created_at,
        last_seen_at=user.last_seen_at,
    )
