"""Whether a mail server takes our letters: one is written, and handed over at once."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from hub.core.clock import now
from hub.core.errors import Elsewhere, Invalid
from hub.core.settings import Settings
from hub.core.words import filled, later
from hub.mail import composing, sending
from hub.mail.composing import Letter
from hub.mail.outbox import LASTS

NO_MAIL: Final = later("Please name a mail server first.")
SUBJECT: Final = later("{hub} can write letters")
LINE: Final = later(
    "This letter was asked for on the settings page. That it arrived means that letters of this "
    "hub go out."
)
REFUSED: Final = later(
    "The letter could not be handed over: {why}. Nothing was saved. Please compare the fields "
    "with what your mail provider says."
)


async def try_out(settings: Settings, to: str) -> None:
    """Hand a letter to the mail server of these settings.

    Raises:
        Invalid: there is no mail server in them.
        Elsewhere: it did not take the letter.
    """
    if not settings.smtp_url:
        raise Invalid(NO_MAIL, {"server": NO_MAIL})
    letter = Letter(to, filled(SUBJECT, hub=settings.name), (LINE,), link=settings.url)
    mail = composing.row(letter, settings, now() + LASTS)
    mail.id, mail.created_at = uuid4(), now()
    outcome = await sending.attempt(settings, mail)
    if outcome.error:
        raise Elsewhere(filled(REFUSED, why=outcome.error))
