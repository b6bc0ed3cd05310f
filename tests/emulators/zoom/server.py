"""Starting and stopping the emulator from tests, and talking to its switchboard.

with ZoomServer.running() as zoom:
    zoom.switch.add_user("ada@example.com")
    ... point the code under test at zoom.base_url ...
"""

from __future__ import annotations

from typing import Any

from tests.emulators.process import Child
from tests.emulators.switch import Switch

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


class Switchboard(Switch):
    """Client of the `/_switch` endpoints; the package's docstring lists them."""

    def usual_clients(self, redirect_uris: list[str]) -> list[Json]:
        return [_usual(redirect_uris), _server_to_server()]

    def fault(self, kind: str, **how: object) -> None:
        self.post("/faults", kind=kind, **how)

    def change_client(self, client_id: str = CLIENT_ID, **fields: object) -> Json:
        return self.post("/clients", client_id=client_id, **fields)

    def hook(self, url: str, secret: str = HOOK_SECRET, client_id: str = CLIENT_ID) -> bool:
        """Register an address for webhooks; return whether its validation worked."""
        return self.change_client(client_id, hook_url=url, hook_secret=secret)["is_hook_on"]

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
