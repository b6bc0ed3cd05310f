"""The pages a person sees: choose an account, tick scopes, allow or cancel. Plain HTML without scripts."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, request
from werkzeug.wrappers import Response

from tests.emulators.google import authorize, discovery, grants
from tests.emulators.google.authorize import PageError
from tests.emulators.google.model import Resource, User
from tests.emulators.google.world import World

bp = Blueprint("pages", __name__)

COOKIE = "emulated_google_account"

SIGN_IN_TEXTS = {
    "openid": "Associate you with your personal info on Google",
    grants.EMAIL: "See your primary Google Account email address",
    grants.PROFILE: "See your personal info, including any personal info you have made publicly available",
}


def _world() -> World:
    return current_app.extensions["world"]


@bp.get("/o/oauth2/v2/auth")
@bp.get("/o/oauth2/auth")
def start() -> Response | str:
    world = _world()
    with world.lock:
        asked = authorize.read(world, list(request.args.items(multi=True)))
        script = world.consents.get("script")
        if script is not None:
            return _by_script(world, asked, script)
        ask_id = authorize.ask(world, asked)
        user = _known_user(world, asked)
        if user is None:
            return _choose(world, asked, ask_id)
        return _next(world, asked, ask_id, user)


def _by_script(world: World, asked: Resource, script: Resource) -> Response:
    """Decide as the switchboard said, without a page."""
    if script.get("once"):
        del world.consents["script"]
    if script.get("choice") == "deny":
        return _go(authorize.refuse(asked))
    user = world.users[script["user"]]
    authorize.check_person(world, asked, user)
    was_asked = authorize.needs_consent(world, asked, user)
    ticked = script.get("scopes") if was_asked else None
    return _go(authorize.allow(world, asked, user, ticked, was_asked=was_asked, ttl_s=script.get("refresh_ttl_s")))


def _known_user(world: World, asked: Resource) -> User | None:
    """Return who is logged in to this browser, or whom the hint names; nobody if told to choose."""
    if "select_account" in asked["prompts"]:
        return None
    hint = asked.get("login_hint")
    hinted = next((user for user in world.users.values() if hint in (user.email, user.sub)), None)
    return hinted or world.users.get(request.cookies.get(COOKIE, ""))


def _choose(world: World, asked: Resource, ask_id: str) -> Response | str:
    if asked["prompts"] == {"none"}:
        return _go(authorize.refuse(asked, "login_required"))
    return render_template(
        "accounts.html", ask_id=ask_id, users=list(world.users.values()), app=_app_name(world, asked)
    )


def _next(world: World, asked: Resource, ask_id: str, user: User) -> Response | str:
    """Ask for consent where it is needed, else go back at once."""
    authorize.check_person(world, asked, user)
    if not authorize.needs_consent(world, asked, user):
        return _go(authorize.allow(world, asked, user, None, was_asked=False))
    if asked["prompts"] == {"none"}:
        return _go(authorize.refuse(asked, "interaction_required"))
    return _consent(world, asked, ask_id, user, ticked=[])


def _consent(world: World, asked: Resource, ask_id: str, user: User, ticked: list[str]) -> str:
    boxes = authorize.tickable(asked)
    return render_template(
        "consent.html",
        ask_id=ask_id,
        user=user,
        app=_app_name(world, asked),
        boxes=[(scope, _describe(scope), scope in ticked) for scope in boxes],
        others=[_describe(scope) for scope in asked["scopes"] if scope not in boxes],
    )


def _app_name(world: World, asked: Resource) -> str:
    return world.clients[asked["client_id"]].project_id


def _describe(scope: str) -> str:
    known = discovery.load().raw["auth"]["oauth2"]["scopes"]
    name = next(iter(grants.canonical([scope])))
    return known[scope]["description"] if scope in known else SIGN_IN_TEXTS[name]


@bp.post("/o/oauth2/account")
def choose_account() -> Response | str:
    world = _world()
    with world.lock:
        ask_id, asked = _asked(world)
        user = world.users.get(request.form.get("user", ""))
        if user is None:
            raise PageError(400, "invalid_request", "No such account.")
        answer = current_app.make_response(_next(world, asked, ask_id, user))
        answer.set_cookie(COOKIE, user.email, httponly=True, samesite="Lax")
        return answer


@bp.post("/o/oauth2/consent")
def decide() -> Response | str:
    world = _world()
    with world.lock:
        ask_id, asked = _asked(world)
        user = world.users[request.form["user"]]
        match request.form.get("choice"):
            case "all":
                return _consent(world, asked, ask_id, user, ticked=authorize.tickable(asked))
            case "allow":
                del world.asked[ask_id]
                ticked = request.form.getlist("scope")
                return _go(authorize.allow(world, asked, user, ticked, was_asked=True))
        return _go(authorize.refuse(asked))


def _asked(world: World) -> tuple[str, Resource]:
    ask_id = request.form.get("ask", "")
    if ask_id not in world.asked:
        raise PageError(400, "invalid_request", "This page is no longer valid.")
    return ask_id, world.asked[ask_id]


@bp.errorhandler(PageError)
def show_error(error: PageError) -> tuple[str, int]:
    return render_template("error.html", error=error), error.status


def _go(url: str) -> Response:
    return redirect(url, 302)
