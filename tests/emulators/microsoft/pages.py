"""The pages a person sees: pick an account, accept, need an administrator. Plain HTML without scripts."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, request
from werkzeug.wrappers import Response

from tests.emulators.microsoft import authorize, grants
from tests.emulators.microsoft.authorize import PageError, Refusal
from tests.emulators.microsoft.errors import AuthError
from tests.emulators.microsoft.model import Resource, User
from tests.emulators.microsoft.world import World

bp = Blueprint("pages", __name__)

COOKIE = "emulated_microsoft_account"

DESCRIPTIONS = {
    "openid": "Sign you in",
    "profile": "View your basic profile",
    "email": "View your email address",
    "offline_access": "Maintain access to data you have given it access to",
    "User.Read": "Sign you in and read your profile",
    "Calendars.ReadBasic": "Read basic details of your calendars",
    "Calendars.Read": "Read your calendars",
    "Calendars.ReadWrite": "Have full access to your calendars",
    "OnlineMeetings.ReadWrite": "Read and create your online meetings",
    "MailboxSettings.Read": "Read your mailbox settings",
    "Place.Read.All": "Read all company places",
}


def _world() -> World:
    return current_app.extensions["world"]


@bp.get("/<tenant>/oauth2/v2.0/authorize")
def start(tenant: str) -> Response | str:
    world = _world()
    with world.lock:
        asked = authorize.read(world, request.args.to_dict(), tenant)
        if world.script is not None:
            return _by_script(world, asked)
        return _continue(world, asked, _known_user(world, asked))


def _by_script(world: World, asked: Resource) -> Response | str:
    """Decide as the switchboard said, without a page."""
    script = _take_script(world)
    if script.get("choice") == "deny":
        raise Refusal(asked, AuthError(65004))
    if script.get("choice") == "error":
        raise Refusal(asked, AuthError(int(script["number"])), script.get("error"))
    user = world.users[script["user"]]
    authorize.check_person(world, asked, user)
    if authorize.needs_admin(world, asked, user):
        raise authorize.admin_approval(world, asked, user)
    return _go(asked, authorize.allow(world, asked, user))


def _take_script(world: World) -> Resource:
    script = world.script or {}
    if script.get("once"):
        world.script = None
    return script


def _known_user(world: World, asked: Resource) -> User | None:
    """Return who is signed in to this browser or hinted at; nobody if told to choose."""
    if asked.get("prompt") == "select_account":
        return None
    hinted = world.find_user(asked.get("login_hint", ""))
    return hinted or world.find_user(request.cookies.get(COOKIE, ""))


def _continue(world: World, asked: Resource, user: User | None) -> Response | str:
    """Ask for what is still missing: an account, consent, an administrator; else go back at once."""
    is_silent = asked.get("prompt") == "none"
    if user is None:
        if is_silent:
            raise Refusal(asked, AuthError(16000, error="login_required"))
        people = [one for one in world.users.values() if one.kind == "person"]
        return _page("accounts.html", asked, users=people)
    authorize.check_person(world, asked, user)
    if authorize.needs_admin(world, asked, user):
        if is_silent:
            raise authorize.admin_approval(world, asked, user)
        tenant = world.tenants[user.tenant]
        return _page("admin_needed.html", asked, user=user, tenant=tenant)
    missing = authorize.missing(world, asked, user)
    if missing and is_silent:
        raise Refusal(asked, AuthError(65001), "interaction_required")
    if missing:
        return _page("consent.html", asked, user=user, texts=_texts(authorize.wanted(asked, user)), is_for_all=False)
    return _go(asked, authorize.allow(world, asked, user))


def _page(template: str, asked: Resource, **more: object) -> str:
    world = _world()
    app = world.clients[asked["client_id"]].name
    return render_template(template, ask_id=authorize.ask(world, asked), app=app, **more)


def _texts(scopes: set[str]) -> list[str]:
    return [DESCRIPTIONS.get(scope, scope) for scope in sorted(scopes - grants.OIDC)] + [
        DESCRIPTIONS["offline_access"]
    ] * ("offline_access" in scopes)


@bp.get("/<tenant>/v2.0/adminconsent")
def start_for_all(tenant: str) -> Response | str:
    """Consent of an administrator for a whole organisation."""
    world = _world()
    with world.lock:
        asked = authorize.read_admin(world, request.args.to_dict(), tenant) | {"is_for_all": True}
        if world.script is not None:
            script = _take_script(world)
            if script.get("choice") != "allow":
                return _go(asked, authorize.refused_for_all(world, asked))
            return _decide_for_all(world, asked, world.users[script["user"]])
        user = world.find_user(request.cookies.get(COOKIE, ""))
        return _continue_for_all(world, asked, user)


def _continue_for_all(world: World, asked: Resource, user: User | None) -> str:
    if user is None:
        people = [one for one in world.users.values() if one.kind == "person" and not one.is_personal]
        return _page("accounts.html", asked, users=people)
    _check_admin(user)
    return _page("consent.html", asked, user=user, texts=_texts(set(asked["scopes"])), is_for_all=True)


def _check_admin(user: User) -> None:
    if not user.is_admin:
        raise PageError(AuthError(90094, error="access_denied"))


def _decide_for_all(world: World, asked: Resource, user: User) -> Response | str:
    _check_admin(user)
    return _go(asked, authorize.allow_for_all(world, asked, user))


@bp.post("/oauth2/account")
def choose_account() -> Response | str:
    world = _world()
    with world.lock:
        asked = _asked(world)
        user = world.find_user(request.form.get("user", ""))
        if user is None:
            raise PageError(AuthError(50034))
        # Whoever was told to choose has chosen now.
        asked = asked | {"prompt": "" if asked.get("prompt") == "select_account" else asked.get("prompt", "")}
        next_page = _continue_for_all if asked.get("is_for_all") else _continue
        answer = current_app.make_response(next_page(world, asked, user))
        answer.set_cookie(COOKIE, user.email, httponly=True, samesite="Lax")
        return answer


@bp.post("/oauth2/consent")
def decide() -> Response | str:
    world = _world()
    with world.lock:
        asked = _asked(world)
        user = world.users[request.form["user"]]
        is_for_all = bool(asked.get("is_for_all"))
        match request.form.get("choice"):
            case "accept":
                return (_decide_for_all if is_for_all else _accept)(world, asked, user)
            case "back":
                raise authorize.admin_approval(world, asked, user)
        if is_for_all:
            return _go(asked, authorize.refused_for_all(world, asked))
        raise Refusal(asked, AuthError(65004))


def _accept(world: World, asked: Resource, user: User) -> Response | str:
    if authorize.needs_admin(world, asked, user):
        raise authorize.admin_approval(world, asked, user)
    return _go(asked, authorize.allow(world, asked, user))


def _asked(world: World) -> Resource:
    found = world.asked.pop(request.form.get("ask", ""), None)
    if found is None:
        raise PageError(AuthError(90023, "This page is no longer valid."))
    return found


@bp.errorhandler(PageError)
def show_error(page: PageError) -> tuple[str, int]:
    return render_template("error.html", error=page.error), 400


@bp.errorhandler(Refusal)
def go_back(refusal: Refusal) -> Response | str:
    world = _world()
    with world.lock:
        return _go(refusal.request, authorize.refused(world, refusal))


def _go(asked: Resource, params: Resource) -> Response | str:
    if asked.get("response_mode") == "form_post":
        return render_template("form_post.html", url=asked["redirect_uri"], params=params)
    return redirect(authorize.going_back(asked, params), 302)
