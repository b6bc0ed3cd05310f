"""A real mail server in this process that keeps what it is given."""

import email
import email.policy
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from tests.parts.process import HOST, PORT_TRIES, free_port


@dataclass(frozen=True)
class Delivered:
    """One message as it came over the wire."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        """The plain-text body, decoded; empty when there is none."""
        body = self.message.get_body(("plain",))
        return "" if body is None else str(body.get_content())


class SmtpSink:
    """Takes every message, or answers `refusal` (such as "550 no such person") to each while it is set."""

    def __init__(self) -> None:
        self.host = HOST
        self.port = 0
        self.messages: list[Delivered] = []
        self.refusal: str | None = None
        self._arrived = threading.Condition()
        self._controller: Controller | None = None

    def start(self) -> None:
        """Listen on the port used before, or on a free one the first time."""
        for left in reversed(range(PORT_TRIES)):
            port = self.port or free_port()
            try:
                self._controller = self._listen(port)
            except OSError:
                if self.port or not left:
                    raise
            else:
                self.port = port
                return

    def _listen(self, port: int) -> Controller:
        controller = Controller(self, hostname=self.host, port=port, decode_data=False)
        controller.start()  # binding fails when somebody else is there, so the listener is ours
        return controller

    def stop(self) -> None:
        """Stop listening; the messages stay."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Keep one message. aiosmtpd calls this."""
        if self.refusal:
            return self.refusal
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        with self._arrived:
            self.messages.append(Delivered(envelope.mail_from, tuple(envelope.rcpt_tos), message))
            self._arrived.notify_all()
        return "250 kept"

    def wait_for(self, count: int, timeout_s: float = 10.0) -> list[Delivered]:
        """Return the messages once there are `count`. Raises AssertionError when they do not come."""
        with self._arrived:
            came = self._arrived.wait_for(lambda: len(self.messages) >= count, timeout_s)
            assert came, f"{len(self.messages)} of {count} messages came in {timeout_s} s"
            return list(self.messages)

    def clear(self) -> None:
        """Forget all messages."""
        with self._arrived:
            self.messages.clear()
