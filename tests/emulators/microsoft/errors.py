"""Microsoft's documented error answers (contract A1.6 and A13). Nothing else builds an error body."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.emulators.microsoft import world as worlds

Body = dict[str, Any]

ITEM_NOT_FOUND = "The specified object was not found in the store."
CHALLENGE = (
    'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
    'client_id="00000003-0000-0000-c000-000000000000"'
)


class GraphError(Exception):
    """One refused Graph call."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None, **more: Any):
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message
        self.headers = headers or {}
        self.more = more

    def body(self, now: datetime, request_id: str, client_request_id: str) -> Body:
        inner = {
            "date": now.strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": client_request_id,
        }
        return {"error": {"code": self.code, "message": self.message, **self.more, "innerError": inner}}


def not_found(code: str = "ErrorItemNotFound", message: str = ITEM_NOT_FOUND) -> GraphError:
    return GraphError(404, code, message)


def malformed_id() -> GraphError:
    return GraphError(400, "ErrorInvalidIdMalformed", "Id is malformed.")


def bad(message: str, code: str = "ErrorInvalidRequest") -> GraphError:
    return GraphError(400, code, message)


def bad_property(message: str) -> GraphError:
    return GraphError(400, "ErrorPropertyValidationFailure", message)


def denied(message: str = "Access is denied. Check credentials and try again.") -> GraphError:
    return GraphError(403, "ErrorAccessDenied", message)


def conflict(status: int = 412) -> GraphError:
    message = "The send or update operation could not be performed because the change key passed in the request does "
    return GraphError(status, "ErrorIrresolvableConflict", message + "not match the current change key for the item.")


def unauthenticated(message: str = "Access token is empty.") -> GraphError:
    return GraphError(401, "InvalidAuthenticationToken", message, {"www-authenticate": CHALLENGE})


def throttled(retry_after: str, message: str = "Application is over its MailboxConcurrency limit.") -> GraphError:
    return GraphError(429, "ApplicationThrottled", message, {"retry-after": retry_after} if retry_after else {})


# AADSTS number -> (error, what Microsoft says, suberror); A1.6. 401 for invalid_client, else 400.
KNOWN: dict[int, tuple[str, str, str | None]] = {
    16000: ("interaction_required", "Several accounts are signed in. One has to be chosen.", None),
    50011: ("invalid_request", "The redirect URI specified in the request does not match the configured ones.", None),
    50020: ("invalid_grant", "User account does not exist in the tenant and cannot access the application.", None),
    50034: ("invalid_grant", "The user account does not exist in the directory.", None),
    50055: ("invalid_grant", "The password is expired.", None),
    50057: ("invalid_grant", "The user account is disabled.", None),
    50059: ("invalid_request", "No tenant-identifying information found in the request.", None),
    50072: ("interaction_required", "User needs to enroll for multi-factor authentication.", "basic_action"),
    50074: ("interaction_required", "Strong Authentication is required.", "basic_action"),
    50076: ("interaction_required", "You must use multi-factor authentication to access the resource.", "basic_action"),
    50078: ("interaction_required", "Presented multi-factor authentication has expired.", "basic_action"),
    50079: ("interaction_required", "The user is required to use multi-factor authentication.", "basic_action"),
    50105: ("interaction_required", "The signed in user is not assigned to a role for the application.", None),
    50126: ("invalid_grant", "Error validating credentials due to invalid username or password.", None),
    50132: ("invalid_grant", "The session is not valid due to password expiration or recent change.", None),
    50133: ("invalid_grant", "Session is invalid due to expiration or recent password change.", None),
    50173: ("invalid_grant", "The provided grant has expired due to it being revoked.", "bad_token"),
    50194: ("invalid_request", "Application is not configured as a multi-tenant application.", None),
    50196: ("invalid_grant", "The server terminated an operation: it met a client request loop.", None),
    53000: ("invalid_grant", "Device is not in required device state.", "message_only"),
    53003: ("invalid_grant", "Access has been blocked by Conditional Access policies.", "message_only"),
    54005: ("invalid_grant", "OAuth2 Authorization code was already redeemed.", None),
    65001: ("invalid_grant", "The user or administrator has not consented to use the application.", "consent_required"),
    65004: ("access_denied", "User declined to consent to access the app.", None),
    65005: ("invalid_client", "The app requested a permission that is not in its registration.", None),
    70000: ("invalid_grant", "The provided value for the input parameter is not valid.", None),
    70003: ("unsupported_grant_type", "The app requested an unsupported grant type.", None),
    70008: ("invalid_grant", "The provided authorization code or refresh token has expired.", None),
    70011: ("invalid_scope", "The provided value for the input parameter 'scope' is not valid.", None),
    70043: ("invalid_grant", "The refresh token has expired due to sign-in frequency checks.", "token_expired"),
    90002: ("invalid_request", "Tenant not found. Check to make sure you have the correct tenant ID.", None),
    90006: ("temporarily_unavailable", "The service is temporarily unavailable.", None),
    90023: ("invalid_request", "The request is not valid.", None),
    90024: ("temporarily_unavailable", "Request budget exceeded. A transient error has occurred.", None),
    90033: ("temporarily_unavailable", "A transient error has occurred. Please try again.", None),
    90055: ("temporarily_unavailable", "The tenant is throttled because of too many requests.", None),
    90094: ("consent_required", "The grant requires administrator permission.", None),
    90095: ("consent_required", "Admin consent is required; a request for it can be sent.", None),
    501481: ("invalid_grant", "The Code_Verifier does not match the code_challenge of the authorization.", None),
    530032: ("invalid_grant", "User blocked due to risk or a security policy of the tenant.", "message_only"),
    650053: ("invalid_client", "The application asked for a scope that does not exist on the resource.", None),
    650056: ("invalid_client", "Misconfigured application: the permission is not listed for it.", None),
    700005: ("invalid_grant", "Provided authorization code is intended to use against another tenant.", None),
    700016: ("unauthorized_client", "Application was not found in the directory.", None),
    700022: ("invalid_scope", "The scope includes more than one resource.", None),
    700082: ("invalid_grant", "The refresh token has expired due to inactivity.", "bad_token"),
    700084: ("invalid_grant", "The refresh token was issued to a single page app and has expired.", None),
    900144: ("invalid_request", "The request body must contain a parameter that is missing.", None),
    7000215: ("invalid_client", "Invalid client secret provided. Send the secret value, not the secret ID.", None),
    7000218: ("invalid_request", "The body must contain 'client_assertion' or 'client_secret'.", None),
    7000222: ("invalid_client", "The provided client secret keys are expired.", None),
    9002332: ("invalid_request", "Application is not configured for use by consumers.", None),
}


class AuthError(Exception):
    """One refusal of the identity platform, known by its AADSTS number (A1.6)."""

    def __init__(self, number: int, detail: str = "", error: str | None = None):
        usual, text, self.suberror = KNOWN.get(number, ("invalid_request", "The request is not valid.", None))
        self.number, self.error = number, error or usual
        self.text = f"{text} {detail}".strip()
        super().__init__(f"AADSTS{number}: {self.text}")

    @property
    def status(self) -> int:
        if self.error == "temporarily_unavailable":
            return 503
        return 401 if self.error in ("invalid_client", "unauthorized_client") else 400

    def description(self, now: datetime, trace: str, correlation: str) -> str:
        stamp = now.strftime("%Y-%m-%d %H:%M:%SZ")
        return f"AADSTS{self.number}: {self.text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}"

    def body(self, now: datetime) -> Body:
        trace, correlation = worlds.new_guid(), worlds.new_guid()
        body: Body = {
            "error": self.error,
            "error_description": self.description(now, trace, correlation),
            "error_codes": [self.number],
            "timestamp": now.strftime("%Y-%m-%d %H:%M:%SZ"),
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.number}",
        }
        return body | ({"suberror": self.suberror} if self.suberror else {})


def full_mailbox(*, tells_token: bool) -> GraphError:
    """Return what a mailbox over its quota says, in one of two ways (A9.2 no. 11)."""
    if tells_token:
        return GraphError(400, "ErrorInvalidRequest", "Parameter 'DeltaToken' not supported for this request.")
    return GraphError(507, "ErrorQuotaExceeded", "The mailbox quota has been exceeded.")
