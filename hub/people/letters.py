"""The letters that let people in. The words are the same whether we know the address or not."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.services import Services
from hub.core.words import filled, later
from hub.mail import outbox
from hub.mail.composing import Letter
from hub.people import queries, service
from hub.people.models import Person
from hub.people.notices import language_of

MAIL_LINK_LASTS: Final = timedelta(minutes=30)


async def send_link(
    session: AsyncSession, services: Services, email: str, language: str = ""
) -> None:
    """A letter with a link that signs in whoever reads this mail, once, within half an hour.

    Who is new becomes a guest. Who is shut out gets none. `language` is what whoever asks speaks.
    """
    person = await queries.by_email(session, email)
    if person is not None and person.disabled_at is not None:
        return
    settings = services.settings
    link = await service.make_link(
        session,
        settings.url,
        "guest",
        person_id=person.id if person else None,
        email=email,
        lasts=MAIL_LINK_LASTS,
    )
    known = later("This link signs you in, once, within 30 minutes.")
    new = filled(
        "Nobody at {hub} has this e-mail address yet. The link below, which works once "
        "and within 30 minutes, makes you an account.",
        hub=settings.name,
    )
    letter = Letter(
        to=email,
        subject=filled("Your way into {hub}", hub=settings.name),
        lines=(
            known if person else new,
            later("It was not you who asked? Then just ignore this letter."),
        ),
        link=link,
        button=later("Sign in"),
        language=language,
    )
    await outbox.put(session, services, letter, lasts=MAIL_LINK_LASTS)


async def send_proof(session: AsyncSession, services: Services, person: Person, email: str) -> None:
    """A letter with a link that shows that a person who is signed in reads this mail."""
    settings = services.settings
    link = await service.make_link(
        session, settings.url, person_id=person.id, email=email, lasts=MAIL_LINK_LASTS
    )
    letter = Letter(
        to=email,
        subject=filled("Your e-mail address at {hub}", hub=settings.name),
        lines=(
            filled(
                "{name} would like to be reached here. Press the button within "
                "30 minutes if that is you; else just ignore this letter.",
                name=person.name or filled("Somebody"),
            ),
        ),
        link=link,
        button=later("Yes, this is my address"),
        language=language_of(person, settings),
    )
    await outbox.put(session, services, letter, lasts=MAIL_LINK_LASTS)
