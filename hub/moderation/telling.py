"""What is told to authors, to whoever reported something, and to the author's own server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from federation.vocab.activities import Flag
from hub.actors import service as actors
from hub.actors.channels import RELAY
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.services import Services
from hub.core.words import Filled, as_written, choose, filled, later, made, say, speaking
from hub.entries import notes
from hub.entries.models import Entry, Reply, Report
from hub.fediverse import outbox
from hub.mail import outbox as mail
from hub.mail.composing import Letter
from hub.moderation.models import Appeal, Decision
from hub.people import notices, secrets
from hub.people.knocking import FLAGS_TO, knock
from hub.people.notices import Notice

LOG: Final = "/about/moderation"
ANSWERED: Final = "/admin/moderation#card"
KEPT, REFUSED = "kept", "refused"
TAKEN_DOWN: Final = later(
    "{what}: a moderator looked at it and took it down. Thank you for telling us."
)
STAYS: Final = later("{what}: a moderator looked at it. It breaks no rule of this hub, and stays.")


@dataclass(frozen=True, slots=True)
class Author:
    """Whom a decision concerns, and what they said: `thing` is what an answer can hang on."""

    title: str
    person_id: UUID | None = None
    actor: Actor | None = None
    thing: Entry | Reply | None = None


async def refused(
    session: AsyncSession, services: Services, decision: Decision, whom: Author
) -> None:
    """Tell an author what was taken down and why, with the way to say that it was wrong."""
    secret = secrets.new_link()
    session.add(
        Appeal(
            digest=secrets.digest(secret),
            decision_id=decision.id,
            title=whom.title,
            person_id=whom.person_id,
            actor_id=whom.actor.id if whom.actor is not None else None,
        )
    )
    hub, rule = services.settings.name, decision.rule
    lines = (
        filled("The moderators of {hub} took “{title}” off the board.", hub=hub, title=whom.title)
        if whom.title
        else filled("The moderators of {hub} took what you wrote off the board.", hub=hub),
        filled("The house rule: {rule}", rule=made(lambda: say(rule), usual=rule)),
        *_note(decision.note),
        later("You think that was wrong? Say so on this page, and another moderator looks at it."),
    )
    subject = later("Your post was taken down")
    await _write(session, services, whom, subject, lines, f"/appeal/{secret}")


async def word(
    session: AsyncSession, services: Services, whom: Author, words: str, path: str
) -> None:
    """A word to an author whose post stands."""
    begins = filled("A word from the moderators about “{title}”:", title=whom.title)
    subject = filled("About “{title}”", title=whom.title)
    await _write(session, services, whom, subject, (begins, as_written(words)), path)


async def asked(
    session: AsyncSession, services: Services, whom: Author, words: str, path: str
) -> None:
    """A question to an author, with the page where they answer, and can change their post."""
    hub = services.settings.name
    begins = (
        filled("The moderators of {hub} ask you about “{title}”:", hub=hub, title=whom.title)
        if whom.title
        else filled("The moderators of {hub} ask you about what you wrote:", hub=hub)
    )
    ends = later("Please answer on this page. They decide when they have read it.")
    subject = later("A question about your post")
    await _write(session, services, whom, subject, (begins, as_written(words), ends), path)


async def answered(session: AsyncSession, services: Services, person_id: UUID, title: str) -> None:
    """Tell a moderator that an author answered."""
    line = filled("{what}: its author answered. It waits for your decision.", what=_what(title))
    told = Notice("queue", later("An answer to your question"), (line,), ANSWERED)
    await notices.tell(session, services, person_id, told)


async def restored(session: AsyncSession, services: Services, whom: Author) -> None:
    """Tell an author that what was taken down stands again."""
    line = filled(
        "{what} stands on the board again. The moderators are sorry for the trouble.",
        what=_what(whom.title),
    )
    await _write(session, services, whom, later("Your post is back"), (line,), LOG)


async def undone(session: AsyncSession, services: Services, whom: Author) -> None:
    """Tell an author that the moderators look once more at what they took down."""
    line = filled(
        "{what}: the moderators took back what they decided. They look once more.",
        what=_what(whom.title),
    )
    await _write(session, services, whom, later("About your post"), (line,), LOG)


async def upheld(session: AsyncSession, services: Services, whom: Author, note: str) -> None:
    """Tell an author that another look changed nothing."""
    what = _what(whom.title)
    line = filled("{what}: another moderator looked at it. It stays off the board.", what=what)
    await _write(session, services, whom, later("Your appeal"), (line, *_note(note)), LOG)


async def reporters(
    session: AsyncSession, services: Services, rows: list[Report], outcome: str
) -> None:
    """Tell those who reported something what came of it; their address is forgotten then."""
    for row in rows:
        what = filled("“{title}”", title=row.title) if row.title else filled("What you reported")
        line = filled(TAKEN_DOWN if outcome == REFUSED else STAYS, what=what)
        subject = later("What became of your report")
        if row.person_id is not None:
            told = Notice("report", subject, (line,), LOG, unsubscribe=False)
            await notices.tell(session, services, row.person_id, told)
        elif row.email is not None:
            letter = Letter(
                to=row.email,
                subject=subject,
                lines=(line,),
                link=services.settings.url + LOG,
                button=later("What is decided here"),
            )
            await mail.put(session, services, letter)
        row.email = None


async def forward(
    session: AsyncSession, services: Services, whom: Author, decision: Decision
) -> bool:
    """Report something to the server of its author, in the name of this hub (SECURITY G6).

    Raises:
        TooMany: that server was sent many within the hour.
    """
    if whom.actor is None or whom.thing is None:
        return False
    knock(services, FLAGS_TO, whom.actor.authority)
    relay = await actors.local(session, RELAY)
    flag = Flag(
        id=f"{relay.uri}#flags/{uuid4()}",
        actor=relay.uri,
        objects=(whom.actor.uri, whom.thing.uri),
        content="\n".join(filter(None, (decision.rule, decision.note))),
        to=(whom.actor.uri,),
        published=now(),
    )
    await outbox.post(session, services, relay, flag, inboxes=[whom.actor.delivery_inbox])
    return True


async def _write(
    session: AsyncSession,
    services: Services,
    whom: Author,
    subject: str,
    lines: tuple[str, ...],
    path: str,
) -> None:
    """By letter to whoever lives here, by a private message to whoever lives elsewhere."""
    if whom.person_id is not None:
        told = Notice("moderation", subject, lines, path, unsubscribe=False)
        await notices.tell(session, services, whom.person_id, told)
    elif whom.actor is not None:
        language = choose(_language(whom.thing), "", services.settings.language)
        with speaking(language):
            words = "\n\n".join((*map(say, lines), services.settings.url + path))
        await _message(session, services, whom.actor, whom.thing, words, language)


def _what(title: str) -> Filled:
    return filled("“{title}”", title=title) if title else filled("What you wrote")


def _note(note: str) -> tuple[Filled, ...]:
    return (filled("They say: {note}", note=note),) if note else ()


def _language(thing: Entry | Reply | None) -> str:
    """What an author elsewhere speaks, as far as what they wrote says so."""
    return thing.language if isinstance(thing, Entry) else ""


async def _message(
    session: AsyncSession,
    services: Services,
    to: Actor,
    thing: Entry | Reply | None,
    words: str,
    language: str,
) -> None:
    relay, moment, message_id = await actors.local(session, RELAY), now(), uuid4()
    uri = f"{services.settings.url}/replies/{message_id}"
    note = notes.answer(
        uri=uri,
        url=uri,
        author=relay,
        to=to,
        in_reply_to=thing.uri if thing is not None else None,
        context=None,
        text=words,
        public=False,
        language=language,
        moment=moment,
    )
    row = notes.row_of_ours(note, relay, moment, public=False)
    row.channel_id = relay.id
    row.entry_id = thing.id if isinstance(thing, Entry) else thing.entry_id if thing else None
    row.answers_id = thing.id if isinstance(thing, Reply) else None
    session.add(row)
    await outbox.post(session, services, relay, notes.create_of(note), inboxes=[to.inbox])
