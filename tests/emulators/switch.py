"""Talking to the switchboard of an emulator: what every one of them has."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx2

from tests.emulators.wire import json_text

Json = dict[str, Any]


class SwitchError(RuntimeError):
    """The switchboard refused what the test asked for."""


JSON = {"Content-Type": "application/json"}


class Switch:
    """Client of the `/_switch` endpoints that emulators share; their packages' docstrings list what each has."""

    def __init__(self, base_url: str) -> None:
        # Plain http on loopback: not loading certificates saves most of a client's start.
        self._http = httpx2.Client(base_url=f"{base_url}/_switch", timeout=20, verify=False)

    def get(self, path: str, **query: str | int | None) -> Any:
        kept = {name: value for name, value in query.items() if value is not None}
        return self._read(self._http.get(path, params=kept))

    def post(self, path: str, **body: object) -> Any:
        return self._read(self._http.post(path, content=json_text(body), headers=JSON))

    def _read(self, response: httpx2.Response) -> Any:
        if response.status_code >= 400:
            raise SwitchError(f"{response.request.url.path}: {response.text}")
        return response.json()

    def close(self) -> None:
        self._http.close()

    def health(self) -> Json:
        return self.get("/health")

    def reset(
        self,
        now: datetime | None = None,
        *,
        redirect_uris: list[str] | None = None,
        users: list[Json] | None = None,
    ) -> None:
        """Empty the store, and in the same call: fix the clock at `now`, add the usual clients, add people."""
        clients = [] if redirect_uris is None else self.usual_clients(redirect_uris)
        self.post("/reset", now=now.isoformat() if now else None, clients=clients, users=users or [])

    def now(self) -> datetime:
        return datetime.fromisoformat(self.get("/clock")["now"])

    def set_clock(self, now: datetime, *, run: bool = False) -> None:
        self.post("/clock", now=now.isoformat(), run=run)

    def advance(self, seconds: float) -> None:
        self.post("/clock", advance_s=seconds)

    def settings(self, **changes: object) -> Json:
        return self.post("/settings", **changes) if changes else self.get("/settings")

    def fault(self, kind: str, **how: object) -> int:
        """Start a fault and return its id."""
        return self.post("/faults", kind=kind, **how)["id"]

    def clear_faults(self) -> None:
        self.post("/faults/clear")

    def requests(self, method_id: str | None = None, after: int = 0) -> list[Json]:
        return self.get("/requests", method_id=method_id, after=after)

    def clear_requests(self) -> None:
        self.post("/requests/clear")

    def act_as(self, user: str, method: str, path: str, **more: object) -> Json:
        """Make any call as any person; `more` is `query`, `body`, `headers`."""
        response = self._http.post("/as", json={"user": user, "method": method, "path": path, **more})
        if response.status_code >= 400:
            raise SwitchError(f"{method} {path}: {response.text}")
        return response.json() if response.content else {}

    def usual_clients(self, redirect_uris: list[str]) -> list[Json]:
        """Return the applications that tests sign in with."""
        raise NotImplementedError

    def add_user(self, email: str, **fields: object) -> Json:
        return self.post("/users", email=email, **fields)

    def script_consent(self, choice: str, user: str | None = None, **more: object) -> None:
        self.post("/consent", choice=choice, user=user, **more)
