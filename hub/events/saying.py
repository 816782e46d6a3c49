"""Coming along in words: who answers an event “coming”, from where there is no button for it (T35).

The whole answer must be one of these words, so that nobody is put on a list by a talk about it. It
is decided as a Join would be, and confirmed by a private message, in the language of the answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from federation.vocab.activities import Join
from federation.vocab.base import Object
from hub.core import dates, text
from hub.entries import answers
from hub.entries.replies import hears
from hub.events import attendance, queries, waiting
from hub.events.models import Attendance, Event
from hub.events.queries import ACCEPTED, ASKED, LEFT, REJECTED
from hub.fediverse import ledger
from hub.fediverse.received import Received

LONGEST: Final = 200  # characters of an answer that may be one of these words
_MENTION: Final = re.compile(r"@[\w.-]+(?:@[\w.:-]+)?")
_SIGNS: Final = re.compile(r"[^\w\s]|_")


@dataclass(frozen=True, slots=True)
class Sayings:
    """How a language says that one comes, or does not, and what is answered to it."""

    coming: tuple[str, ...]
    not_coming: tuple[str, ...]
    accepted: str
    asked: str
    rejected: str
    left: str


SAYINGS: Final = {
    "en": Sayings(
        coming=(
            *("coming", "I’m coming", "I am coming", "yes, I’m coming", "I’ll come", "I will come"),
            *("I’ll be there", "I will be there", "count me in", "I’m in", "we’re coming"),
        ),
        not_coming=(
            *("not coming", "I’m not coming", "I am not coming", "I can’t come", "can’t come"),
            *("I cannot come", "cannot come"),
        ),
        accepted="You are on the list: {title}, {when}. If you cannot come after all, answer "
        "“not coming”.",
        asked="Thank you. Whoever organises “{title}” decides, and you will hear from us.",
        rejected="Sorry, there is no place for you any more: {title}.",
        left="Thank you for saying so: your place is free again. {title}",
    ),
    "de": Sayings(
        coming=(
            *("komme", "ich komme", "ja, ich komme", "bin dabei", "ich bin dabei", "wir kommen"),
            *("ich komme gerne", "komme gerne"),
        ),
        not_coming=(
            *("komme nicht", "ich komme nicht", "ich kann nicht kommen", "komme doch nicht"),
            *("ich komme doch nicht", "kann nicht kommen"),
        ),
        accepted="Du stehst auf der Liste: {title}, {when}. Falls du doch nicht kannst, antworte "
        "„komme nicht“.",
        asked="Danke. Wer „{title}“ veranstaltet, entscheidet, und du hörst von uns.",
        rejected="Leider ist kein Platz mehr für dich: {title}.",
        left="Danke für die Nachricht, dein Platz ist wieder frei. {title}",
    ),
    "fr": Sayings(
        coming=("je viens", "oui, je viens", "j’y serai", "je serai là", "je participe"),
        not_coming=("je ne viens pas", "je ne peux pas venir", "je ne viens plus"),
        accepted="Vous êtes sur la liste : {title}, {when}. Si finalement vous ne pouvez pas, "
        "répondez « je ne viens pas ».",
        asked="Merci. Qui organise « {title} » décidera, et vous aurez de nos nouvelles.",
        rejected="Désolé, il n’y a plus de place pour vous : {title}.",
        left="Merci de l’avoir dit : votre place est de nouveau libre. {title}",
    ),
    "cy": Sayings(
        coming=("dw i’n dod", "dwi’n dod", "rwy’n dod", "rydw i’n dod", "bydda i yno"),
        not_coming=("dw i ddim yn dod", "dwi ddim yn dod", "alla i ddim dod"),
        accepted="Rydych chi ar y rhestr: {title}, {when}. Os na allwch chi ddod wedi’r cyfan, "
        "atebwch “dw i ddim yn dod”.",
        asked="Diolch. Y trefnydd sy’n penderfynu am “{title}”, a byddwch yn clywed gennym.",
        rejected="Mae’n ddrwg gennym, nid oes lle i chi mwyach: {title}.",
        left="Diolch am ddweud: mae eich lle yn rhydd eto. {title}",
    ),
    "pl": Sayings(
        coming=("przyjdę", "będę", "tak, przyjdę", "idę", "przychodzę"),
        not_coming=("nie przyjdę", "nie mogę przyjść", "jednak nie przyjdę"),
        accepted="Jesteś na liście: {title}, {when}. Jeśli jednak nie możesz przyjść, odpowiedz "
        "„nie przyjdę”.",
        asked="Dziękujemy. O „{title}” decyduje organizator, damy znać.",
        rejected="Niestety nie ma już dla Ciebie miejsca: {title}.",
        left="Dziękujemy za wiadomość: Twoje miejsce jest znów wolne. {title}",
    ),
    "ar": Sayings(
        coming=("سآتي", "سأحضر", "نعم سأحضر", "أنا قادم", "أنا قادمة"),
        not_coming=("لن آتي", "لن أحضر", "لا أستطيع الحضور"),
        accepted="أنت على القائمة: {title}، {when}. إن لم تستطع الحضور فأجب «لن أحضر».",
        asked="شكراً. من ينظّم «{title}» هو من يقرّر، وسنخبرك.",
        rejected="عذراً، لم يبق لك مكان: {title}.",
        left="شكراً لإخبارنا: مكانك متاح من جديد. {title}",
    ),
}


def _bare(said: str) -> str:
    """Words alone, folded: “I’m coming!” is “im coming”."""
    return " ".join(_SIGNS.sub("", text.fold(said)).split())


_STATES: Final = {
    _bare(word): (state, language)
    for language, sayings in SAYINGS.items()
    for state, words in ((ACCEPTED, sayings.coming), (LEFT, sayings.not_coming))
    for word in words
}


def meant(content: str) -> tuple[str, str] | None:
    """Whether an answer says that one comes (accepted) or not (left), and in which language."""
    said = text.plain(content) if len(content) <= LONGEST * 10 else ""
    return _STATES.get(_bare(_MENTION.sub(" ", said))) if len(said) <= LONGEST else None


@hears
async def heard(received: Received, thing: Object, entry_id: UUID) -> None:
    """Put somebody who answers “coming” on the list of an event of ours, and tell them."""
    found = meant(thing.content or "")
    if found is None:
        return
    entry = await received.session.get(Event, entry_id, populate_existing=True)
    if entry is None or not _is_open(entry):
        return
    received.be_alone()
    wanted, language = found
    event = await queries.held(received.session, entry_id)
    row = await attendance.of(received.session, event.id, received.author.id)
    decide = _come if wanted == ACCEPTED else _leave
    state = await decide(received, event, row)
    if state is not None:
        await _confirm(received, event, state, thing.id or "", language)


def _is_open(event: Event) -> bool:
    """Whether it is ours, and everybody may know of it and say here that they come."""
    told = event.local and event.visibility == "public" and event.hidden_at is None
    return told and event.joining != "external"


async def _come(received: Received, event: Event, row: Attendance | None) -> str | None:
    """What becomes of it; None if they are on the list already."""
    before = row.state if row is not None else None
    if before == ACCEPTED:
        return None
    places = (await queries.places(received.session, [event]))[event.id]
    state = attendance.verdict(event, before, places, received.now)
    if state == REJECTED:
        return REJECTED
    join = Join(actor=received.author.uri, object=event.uri)
    received.session.add(attendance.noted(event, row, received, join, state))
    event.counted = True
    await ledger.note_holder(received.session, event.uri, received.author)
    return state


async def _leave(received: Received, event: Event, row: Attendance | None) -> str | None:
    """Their place is free; None if they had none."""
    if row is None or row.state not in {ASKED, ACCEPTED}:
        return None
    attendance.free(row, received.now)
    await waiting.move_up(received.session, received.services, event)
    return LEFT


async def _confirm(
    received: Received, event: Event, state: str, answered: str, language: str
) -> None:
    span = (event.starts_at, event.ends_at, event.timezone, language)
    when = dates.span(*span, all_day=event.all_day)
    words = getattr(SAYINGS[language], state).format(title=event.title, when=when)
    await answers.message(
        received.session,
        received.services,
        event.author,
        received.author,
        event,
        f"{words}\n\n{event.url}",
        in_reply_to=answered,
        language=language,
    )
