"""The OAuth dance of one app, and the permissions it asks for. People decide by the switchboard's script."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.emulators.microsoft.cast import CALLBACK, Json
from tests.emulators.microsoft.server import CLIENT_ID, CLIENT_SECRET, MicrosoftServer

ASKED = "openid profile email offline_access User.Read Calendars.Read"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class Dance:
    """Goes to Microsoft and back as a script-driven person would, and redeems what comes."""

    def __init__(self, microsoft: MicrosoftServer) -> None:
        self.microsoft = microsoft
        self.http = httpx2.Client(base_url=microsoft.base_url, verify=False)

    def go(self, path: str = "/common/oauth2/v2.0/authorize", **changes: Any) -> httpx2.Response:
        query: dict[str, str | None] = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "scope": ASKED,
            "state": "S1",
            **changes,
        }
        return self.http.get(path, params={key: value for key, value in query.items() if value is not None})

    def back(self, path: str = "/common/oauth2/v2.0/authorize", **changes: Any) -> dict[str, str]:
        """Return the parameters that came back to the callback."""
        return back(self.go(path, **changes))

    def redeem(self, code: str, *, tenant: str = "common", **changes: Any) -> httpx2.Response:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            **changes,
        }
        kept = {key: value for key, value in form.items() if value is not None}
        return self.http.post(f"/{tenant}/oauth2/v2.0/token", data=kept)

    def sign_in(self, **changes: Any) -> Json:
        answer = self.redeem(self.back(**changes)["code"])
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refresh(self, token: str, **changes: Any) -> httpx2.Response:
        return self.redeem("", grant_type="refresh_token", refresh_token=token, **changes)


def back(answer: httpx2.Response) -> dict[str, str]:
    """Return the parameters of an answer that goes back to the app."""
    assert answer.status_code == 302, answer.text
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    return {key: value[0] for key, value in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def refused(answer: httpx2.Response) -> tuple[int, str, int]:
    """Return status, error and AADSTS number of a refusal."""
    body = answer.json()
    assert body["error_description"].startswith(f"AADSTS{body['error_codes'][0]}: ")
    return answer.status_code, body["error"], body["error_codes"][0]
