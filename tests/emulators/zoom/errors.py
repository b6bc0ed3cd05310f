"""Zoom's error answers (contract sections 18.4, 20 and 21). Nothing else builds an error body."""

from __future__ import annotations

from tests.emulators.zoom.world import Json


class ApiError(Exception):
    """One refused call of the API: people branch on `(status, code)`."""

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        fields: list[tuple[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status}/{code}: {message}")
        self.status, self.code, self.message = status, code, message
        self.fields, self.headers = fields or [], headers or {}

    def body(self) -> Json:
        found: Json = {"code": self.code, "message": self.message}
        if self.fields:
            found["errors"] = [{"field": name, "message": text} for name, text in self.fields]
        return found


class OAuthError(Exception):
    """One refused call of a token endpoint: free text and an error of RFC 6749."""

    def __init__(self, status: int, error: str, reason: str) -> None:
        super().__init__(f"{status} {error}: {reason}")
        self.status, self.error, self.reason = status, error, reason

    def body(self) -> Json:
        return {"reason": self.reason, "error": self.error}


class PageError(Exception):
    """What Zoom explains on a page of its own, without going back to the application (section 18.3)."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def invalid(field: str, text: str = "Invalid field.") -> ApiError:
    return ApiError(400, 300, "Validation Failed.", [(field, text)])


def bad_token(text: str = "Invalid access token.") -> ApiError:
    return ApiError(401, 124, text)


def no_meeting(meeting_id: object) -> ApiError:
    return ApiError(404, 3001, f"Meeting does not exist: {meeting_id}.")


def no_user(user_id: str) -> ApiError:
    return ApiError(404, 1001, f"User does not exist: {user_id}.")
