"""The OAuth dance of one client, and the scopes that it asks for. People decide by the switchboard's script."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.emulators.google.cast import CALLBACK, SCOPE, Json
from tests.emulators.google.server import CLIENT_ID, CLIENT_SECRET, GoogleServer

EVENTS_SCOPE = SCOPE + "calendar.events"
LIST_SCOPE = SCOPE + "calendar.calendarlist.readonly"
ASKED = f"openid email {EVENTS_SCOPE} {LIST_SCOPE}"
EMAIL_SCOPE = SCOPE + "userinfo.email"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class Dance:
    """Goes to Google and back as a script-driven person would, and redeems what comes."""

    def __init__(self, google: GoogleServer) -> None:
        self.google = google
        self.http = httpx2.Client(base_url=google.base_url, verify=False)

    def go(self, path: str = "/o/oauth2/v2/auth", **changes: Any) -> httpx2.Response:
        query: dict[str, str | None] = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "scope": ASKED,
            "state": "S1",
            "access_type": "offline",
            **changes,
        }
        kept = {key: value for key, value in query.items() if value is not None}
        return self.http.get(path, params=kept)

    def back(self, **changes: Any) -> dict[str, str]:
        """Return the parameters that came back to the callback."""
        answer = self.go(**changes)
        assert answer.status_code == 302, answer.text
        assert answer.headers["location"].startswith(f"{CALLBACK}?")
        return {key: value[0] for key, value in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    def redeem(self, code: str, auth: tuple[str, str] | None = None, **changes: Any) -> httpx2.Response:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            **changes,
        }
        kept = {key: value for key, value in form.items() if value is not None}
        return self.http.post("/token", data=kept, auth=auth or httpx2.USE_CLIENT_DEFAULT)

    def sign_in(self, **changes: Any) -> Json:
        answer = self.redeem(self.back(**changes)["code"])
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refresh(self, token: str, **changes: Any) -> httpx2.Response:
        return self.redeem("", grant_type="refresh_token", refresh_token=token, **changes)


def errors_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]
