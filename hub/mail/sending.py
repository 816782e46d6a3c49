"""Handing letters to the mail server, with patience; and the housekeeping around it.

No address is ever logged or kept with an error: of what a server says, only its codes are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import aiosmtplib
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.settings import Settings
from hub.core.smtp import Server, server_of
from hub.jobs.queue import enqueue
from hub.jobs.registry import Run, job
from hub.mail import composing
from hub.mail.models import Mail

log = logging.getLogger(__name__)

UNREACHED: Final = "the mail server cannot be reached ({why})"
UNSURE: Final = "the mail server took the letter, and did not say so"
TIMEOUT_S: Final = 20.0  # of each step with the mail server
PERMANENT: Final = 500  # RFC 5321 §4.2.1: codes from here on say "do not try again"
PAUSES: Final = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720, 1440, 1440)
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a try came to; `error` is empty when the letter went. `final`: never try again."""

    error: str = ""
    final: bool = False


class Client(aiosmtplib.SMTP):
    """A connection that knows whether a letter went out on it, answered or not."""

    went = False

    async def data(self, message: str | bytes, /, **given: Any) -> aiosmtplib.SMTPResponse:
        """Send the letter itself, once the server has asked for it."""
        if self.protocol is not None:
            self.protocol.write = self._watched(self.protocol.write)  # type: ignore[method-assign,assignment]
        return await super().data(message, **given)

    def _watched(self, write: Callable[[bytes], None]) -> Callable[[bytes], None]:
        def watched(data: bytes) -> None:
            self.went = self.went or data not in {b"DATA\r\n", b"QUIT\r\n"}
            write(data)

        return watched


@job("mail.send")
async def send(run: Run, mail_id: str) -> None:
    """Hand one letter over, or put it off."""
    settings = run.services.settings
    async with run.services.db.read() as session:
        mail = await session.get(Mail, UUID(mail_id))
    outcome = None
    if mail is not None and mail.sent_at is None and settings.smtp_url:
        expired = mail.expires_at <= now()
        outcome = Outcome("it ran out", final=True) if expired else await attempt(settings, mail)
    async with run.finish() as session:
        if outcome is not None:
            await _note(session, UUID(mail_id), outcome)


async def reach(settings: Settings) -> Outcome:
    """Whether the mail server lets us in; no letter is sent."""
    try:
        async with _client(server_of(settings.smtp_url), settings):
            return Outcome()
    except aiosmtplib.SMTPException as error:
        return _refusal(error)
    except OSError as error:
        return Outcome(UNREACHED.format(why=type(error).__name__))


async def attempt(settings: Settings, mail: Mail) -> Outcome:
    """One try at the mail server.

    One that breaks off after the letter may have it or not: it gets it once more, under the same
    Message-ID, and never a third time (RFC 1047).
    """
    client = _client(server_of(settings.smtp_url), settings)
    try:
        await _hand_over(client, settings, mail)
    except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError) as error:
        unsure = Outcome(UNSURE, final=mail.last_error == UNSURE)
        return unsure if client.went else _refusal(error)
    except aiosmtplib.SMTPException as error:
        return _refusal(error)
    except OSError as error:
        return Outcome(UNREACHED.format(why=type(error).__name__))
    except ValueError:
        return Outcome("it cannot be written as a letter", final=True)
    return Outcome()


def _refusal(error: aiosmtplib.SMTPException) -> Outcome:
    """What a mail server's answer means; its words may hold addresses, so they are not kept."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        code = error.recipients[0].code
        return Outcome(f"the address is refused ({code})", final=code >= PERMANENT)
    if isinstance(error, aiosmtplib.SMTPDataError):
        return Outcome(f"the letter is refused ({error.code})", final=error.code >= PERMANENT)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return Outcome(f"the mail server does not know our password ({error.code})")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return Outcome(f"the mail server answers {error.code}")
    return Outcome(f"the mail server cannot be used ({type(error).__name__})")


def _client(server: Server, settings: Settings) -> Client:
    return Client(
        hostname=server.host,
        port=server.port,
        username=server.user or None,
        password=server.password or None,
        use_tls=server.tls == "implicit",
        start_tls={"always": True, "never": False}.get(server.tls),
        timeout=TIMEOUT_S,
        local_hostname=settings.mail_address.rpartition("@")[2],
        tls_context=server.context(settings.ca_file),
    )


async def _hand_over(client: Client, settings: Settings, mail: Mail) -> None:
    made = composing.message(mail, settings)
    async with client:
        await client.send_message(made, sender=settings.mail_address, recipients=[mail.recipient])


async def _note(session: AsyncSession, mail_id: UUID, outcome: Outcome) -> None:
    mail = await session.get(Mail, mail_id, with_for_update=True)
    if mail is None:
        return
    mail.attempts += 1
    if not outcome.error or outcome.final or mail.last_error != UNSURE:
        mail.last_error = outcome.error
    if not outcome.error:
        mail.sent_at = now()
    elif outcome.final or mail.attempts > len(PAUSES):
        mail.given_up_at = now()
    else:
        log.warning("letter %s waits: %s", mail_id, outcome.error)
        again = now() + PAUSES[mail.attempts - 1]
        await enqueue(session, send, key=f"mail:{mail_id}", run_at=again, mail_id=str(mail_id))
        return
    if outcome.error:
        log.warning("letter %s was given up: %s", mail_id, outcome.error)
    mail.recipient, mail.link, mail.content = "", "", {}
