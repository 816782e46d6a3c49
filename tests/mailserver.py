# ruff: noqa: N802 - the names are aiosmtpd's
"""A real SMTP server on loopback, which keeps what it is given and can be told to fail."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope

from tests.processes import free_port


@dataclass
class MailServer:
    """What arrived: envelopes as they were given. `answers` are said to the next recipients or
    letters in place of yes. At each `break_off` it hangs up: before the letter ("DATA"), or when it
    has it whole, and says nothing ("."). While there is a `hold`, answers to letters wait for it.
    `password` is what clients must log in with."""

    port: int
    envelopes: list[Envelope] = field(default_factory=list)
    refuse_recipients: list[str] = field(default_factory=list)
    refuse_letters: list[str] = field(default_factory=list)
    break_off: list[str] = field(default_factory=list)
    password: str = ""
    hold: threading.Event | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def letters(self) -> list[EmailMessage]:
        return [
            message_from_bytes(each.original_content or b"", policy=policy.default)
            for each in self.envelopes
        ]

    def to(self, address: str) -> list[EmailMessage]:
        return [letter for letter in self.letters if letter["To"] == address]

    def breaks_off_at(self, stage: str) -> bool:
        """Whether it is to hang up here; then it is said no more."""
        if self.break_off[:1] != [stage]:
            return False
        del self.break_off[0]
        return True

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self.refuse_recipients:
            return self.refuse_recipients.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Envelope) -> str:
        if self.hold is not None:
            await asyncio.to_thread(self.hold.wait)
        if self.breaks_off_at("."):
            self.envelopes.append(envelope)
            server.transport.abort()
            return ""
        if self.refuse_letters:
            return self.refuse_letters.pop(0)
        self.envelopes.append(envelope)
        return "250 OK"

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _way: str, data: Any
    ) -> AuthResult:
        return AuthResult(success=data.password.decode() == self.password, handled=False)


class _Speaks(SMTP):
    async def smtp_DATA(self, arg: str) -> None:
        if self.event_handler.breaks_off_at("DATA"):
            assert isinstance(self.transport, asyncio.WriteTransport)
            self.transport.abort()
        else:
            await super().smtp_DATA(arg)


class _Runs(Controller):
    def factory(self) -> SMTP:
        return _Speaks(self.handler, **self.SMTP_kwargs)


@contextmanager
def mail_server(
    *, tls: ssl.SSLContext | None = None, implicit: bool = False, password: str = ""
) -> Iterator[MailServer]:
    """A server for as long as the block lasts; `tls` from the first byte, or after STARTTLS."""
    server = MailServer(free_port(), password=password)
    options: dict[str, Any] = {"hostname": "127.0.0.1", "port": server.port}
    if tls is not None:
        options |= (
            {"ssl_context": tls} if implicit else {"tls_context": tls, "require_starttls": True}
        )
    if password:
        options |= {"authenticator": server.authenticate, "auth_require_tls": not implicit}
    controller = _Runs(server, **options)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


def body(letter: EmailMessage, kind: str = "plain") -> str:
    """The words of a letter."""
    part = letter.get_body((kind,))
    assert part is not None
    return str(part.get_content())
