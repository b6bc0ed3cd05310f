"""Starting and stopping the emulator from tests, and talking to its switchboard.

with ZoomServer.running() as zoom:
    zoom.switch.add_user("ada@example.com")
    ... point the code under test at zoom.base_url ...
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx2

from tests.emulators.process import Child

CLIENT_ID, CLIENT_SECRET = "EmulatedZoomClient0001", "EmulatedZoomSecretEXAMPLEONLY0001"
S2S_ID, S2S_SECRET = "EmulatedServerToServer", "EmulatedServerSecretEXAMPLEONLY01"
HOOK_SECRET = "zoomSecretForTests"
ACCOUNT = "AbCdEfGhSxxExampleAcct"
SCOPES = [
    "user:read:user",
    "meeting:write:meeting",
    "meeting:read:meeting",
    "meeting:read:list_meetings",
    "meeting:update:meeting",
    "meeting:delete:meeting",
]

Json = dict[str, Any]


class SwitchError(RuntimeError):
    """The switchboard refused what the test asked for."""


class Switchboard:
    """Client of the `/_switch` endpoints; the package's docstring lists them."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx2.Client(base_url=f"{base_url}/_switch", timeout=20, verify=False)

    def get(self, path: str, **query: str | None) -> Any:
        return self._read(self._http.get(path, params={k: v for k, v in query.items() if v is not None}))

    def post(self, path: str, **body: object) -> Any:
        return self._read(self._http.post(path, json=body))

    def _read(self, response: httpx2.Response) -> Any:
        if response.status_code >= 400:
            raise SwitchError(f"{response.request.url.path}: {response.text}")
        return response.json()

    def close(self) -> None:
        self._http.close()

    def health(self) -> Json:
        return self.get("/health")

    def reset(
        self, now: datetime | None = None, *, redirect_uris: list[str] | None = None, users: list[Json] | None = None
    ) -> None:
        """Empty the store; in the same call fix the clock, add the usual two applications, add people."""
        clients = [] if redirect_uris is None else [_usual(redirect_uris), _server_to_server()]
        self.post("/reset", now=now.isoformat() if now else None, clients=clients, users=users or [])

    def now(self) -> datetime:
        return datetime.fromisoformat(self.get("/clock")["now"])

    def set_clock(self, now: datetime) -> None:
        self.post("/clock", now=now.isoformat())

    def advance(self, seconds: float) -> None:
        self.post("/clock", advance_s=seconds)

    def settings(self, **changes: object) -> Json:
        return self.post("/settings", **changes)

    def fault(self, kind: str, **how: object) -> None:
        self.post("/faults", kind=kind, **how)

    def clear_faults(self) -> None:
        self.post("/faults/clear")

    def requests(self, method_id: str | None = None) -> list[Json]:
        return self.get("/requests", method_id=method_id)

    def clear_requests(self) -> None:
        self.post("/requests/clear")

    def change_client(self, client_id: str = CLIENT_ID, **fields: object) -> Json:
        return self.post("/clients", client_id=client_id, **fields)

    def hook(self, url: str, secret: str = HOOK_SECRET, client_id: str = CLIENT_ID) -> bool:
        """Register an address for webhooks; return whether its validation worked."""
        return self.change_client(client_id, hook_url=url, hook_secret=secret)["is_hook_on"]

    def add_user(self, email: str, **fields: object) -> Json:
        return self.post("/users", email=email, **fields)

    def script_consent(self, choice: str, user: str | None = None, **more: object) -> None:
        self.post("/consent", choice=choice, user=user, **more)

    def tokens(self, user: str, scopes: list[str] | None = None, client_id: str = CLIENT_ID) -> Json:
        """Return a token answer without the dance."""
        return self.post("/tokens", user=user, scopes=scopes, client_id=client_id)

    def expire_tokens(self) -> None:
        self.post("/tokens/expire")

    def deauthorize(self, user: str, client_id: str = CLIENT_ID) -> None:
        self.post("/deauthorize", user=user, client_id=client_id)

    def add_meeting(self, user: str, **body: object) -> Json:
        return self.post("/meetings/add", user=user, body=body)

    def change_meeting(self, meeting_id: int | str, **body: object) -> Json:
        return self.post("/meetings/change", id=meeting_id, body=body)

    def delete_meeting(self, meeting_id: int | str) -> None:
        self.post("/meetings/delete", id=meeting_id)

    def set_status(self, meeting_id: int | str, status: str) -> None:
        self.post("/meetings/status", id=meeting_id, status=status)

    def meetings(self, user: str | None = None, *, deleted: bool = False) -> list[Json]:
        found = self.get("/meetings", user=user)
        return [each for each in found if deleted or not each["is_deleted"]]

    def hooks(self) -> list[Json]:
        return self.get("/hooks")

    def deliver(self) -> list[Json]:
        """Deliver every webhook that is due now, and return the tries."""
        return self.post("/hooks/deliver")


def _usual(redirect_uris: list[str]) -> Json:
    return {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": redirect_uris,
        "scopes": SCOPES,
        "hook_secret": HOOK_SECRET,
    }


def _server_to_server() -> Json:
    scopes = [f"{scope}:admin" for scope in SCOPES]
    return {"client_id": S2S_ID, "client_secret": S2S_SECRET, "kind": "s2s", "scopes": scopes, "account_id": ACCOUNT}


class ZoomServer(Child[Switchboard]):
    """The emulator in a process of its own on a free loopback port."""

    package = "tests.emulators.zoom"
    switchboard = Switchboard
