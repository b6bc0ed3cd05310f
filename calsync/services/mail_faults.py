"""What a mail server's refusal means, in words: what happened and what to change. The raw answer is kept beside it."""

from __future__ import annotations

import smtplib
import socket
import ssl

from calsync.services.settings import MailServer


def raw(error: Exception) -> str:
    """Return what the server or the system said, as it said it."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{code} {_text(reason)}" for code, reason in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return str(error) or type(error).__name__


def in_words(error: Exception, server: MailServer) -> str:
    """Return what happened and what to do about it, in two or three sentences."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return (
                f"{server.host} does not accept this user name and password. Type the password again; many mail "
                "providers want an app password here."
            )
        case smtplib.SMTPSenderRefused():
            return (
                f"{server.host} does not let this login send as {server.sender}. Use a sender address that belongs "
                "to the login, or allow it at the mail provider."
            )
        case smtplib.SMTPRecipientsRefused():
            return f"{server.host} does not take mail for this address. Check its spelling, or try another one."
        case smtplib.SMTPNotSupportedError():
            return _not_supported(server)
        case smtplib.SMTPServerDisconnected() | smtplib.SMTPHeloError():
            return (
                f"{server.host} closed the connection on port {server.port}. This happens when the port and the "
                "encryption do not belong together: STARTTLS is usually port 587, TLS is port 465."
            )
        case smtplib.SMTPResponseException():
            return f"{server.host} was reached and refused the mail. Its answer stands below."
    return _unreachable(error, server)


def _not_supported(server: MailServer) -> str:
    if server.tls == "starttls":
        return (
            f"{server.host} offers no STARTTLS on port {server.port}. Choose TLS and port 465; without any "
            "encryption the password travels readable."
        )
    return (
        f"{server.host} takes no login on port {server.port} the way it was asked. Choose STARTTLS, or leave user name "
        "and password empty if the server needs none."
    )


def _unreachable(error: Exception, server: MailServer) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return (
                f"The certificate of {server.host} does not prove that it is {server.host}. Use the name that the "
                "certificate was made for, or renew the certificate."
            )
        case ssl.SSLError():
            return (
                f"{server.host} does not speak TLS on port {server.port}. "
                "Choose STARTTLS for port 587, TLS for port 465."
            )
        case socket.gaierror():
            return f"There is no server called {server.host}. Check the spelling of the server's name."
        case TimeoutError():
            return (
                f"{server.host} did not answer on port {server.port} in time. The port may be blocked: many hosters "
                "close 25, so try 587 or 465."
            )
        case ConnectionRefusedError():
            return f"Nothing listens on port {server.port} of {server.host}. Check the port: 587 or 465 are usual."
    return f"{server.host} could not be reached on port {server.port}. Check the network between here and there."


def _text(reason: bytes | str) -> str:
    return reason.decode(errors="replace") if isinstance(reason, bytes) else reason
