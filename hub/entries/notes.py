"""Replies as other servers write and read them: Notes, both ways. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Final

import orjson

from federation.errors import FederationError
from federation.vocab.activities import Create, Delete
from federation.vocab.base import Attachment, Object, Tag
from federation.vocab.names import PUBLIC, is_public
from federation.vocab.objects import Note, Tombstone
from federation.vocab.parse import parse
from hub.actors.models import Actor
from hub.core.text import SafeHtml, paragraphs, plain, teaser, tidy
from hub.entries.models import Reply

MAX_MENTIONS: Final = 20  # a reply that calls more people waits for a steward (PROTOCOL 6.7)
MAX_LINKS: Final = 8
LONGEST_WARNING: Final = 300


def is_for_all(thing: Object) -> bool:
    """Whether it is addressed to everybody, listed or not; unknown addressing is not (D1)."""
    return any(is_public(uri) for uri in (*thing.to, *thing.cc))


def addressees(thing: Object) -> tuple[str, ...]:
    """Every actor or collection that it is addressed to or mentions, without the public."""
    mentioned = (tag.href for tag in thing.tags if tag.type == "Mention" and tag.href)
    found = (*thing.to, *thing.cc, *thing.audience, *mentioned)
    return tuple(dict.fromkeys(uri for uri in found if not is_public(uri)))


def calls_many(thing: Object) -> bool:
    """Whether it mentions more people than a neighbour would."""
    return sum(1 for tag in thing.tags if tag.type == "Mention") > MAX_MENTIONS


def html_of(thing: Object) -> str:
    """What a reply says, as HTML yet to be cleaned: its warning, its text, links to the rest."""
    warning = teaser(tidy(plain(thing.summary or "")), LONGEST_WARNING)
    head = f"<p><strong>{escape(warning)}</strong></p>" if warning else ""
    return head + (thing.content or "") + _quoted(thing) + _links(thing.attachments)


def _quoted(thing: Object) -> str:
    """What it quotes, as a link, unless its text has one already (Mastodon's does)."""
    if thing.quote is None or escape(thing.quote) in (thing.content or ""):
        return ""
    return f'<p>RE: <a href="{escape(thing.quote)}">{escape(thing.quote)}</a></p>'


def answer(
    *,
    uri: str,
    url: str,
    author: Actor,
    to: Actor,
    in_reply_to: str,
    context: str | None,
    text: str,
    public: bool,
    language: str,
    moment: datetime,
) -> Note:
    """What one of our channels answers: a direct Note with a mention, or a public one.

    Mastodon shows a direct Note only to those whom it mentions.
    """
    name = f"@{to.handle}"
    link = f'<a href="{escape(to.url or to.uri)}" class="u-url mention">@{escape(to.name)}</a>'
    body = str(paragraphs(text)).removeprefix("<p>")
    return Note(
        id=uri,
        url=url,
        attributed_to=author.uri,
        in_reply_to=in_reply_to,
        context=context,
        replies=f"{uri}/replies" if public else None,
        content=SafeHtml(f"<p>{link} {body}"),
        language=language,
        published=moment,
        updated=moment,
        to=(PUBLIC,) if public else (to.uri,),
        cc=(f"{author.uri}/followers", to.uri) if public else (),
        tags=(Tag(type="Mention", name=name, href=to.uri),),
    )


def create_of(note: Note) -> Create:
    """The activity that says a Note for the first time."""
    return Create(
        id=f"{note.id}#create",
        actor=note.attributed_to or "",
        object=note,
        to=note.to,
        cc=note.cc,
        published=note.published,
    )


def delete_of(reply: Reply, author: str, moment: datetime, to: tuple[str, ...]) -> Delete:
    """The activity that takes one of our own replies back."""
    return Delete(
        id=f"{reply.uri}#delete",
        actor=author,
        object=Tombstone(id=reply.uri, former_type="Note", deleted=moment),
        to=to,
    )


def stored(document: bytes | None) -> Object | None:
    """The object of a document that we keep; None where there is none that can be read."""
    if document is None:
        return None
    try:
        thing = parse(orjson.loads(document))
    except (FederationError, ValueError):  # a damaged row stops nothing that is newer (C4)
        return None
    return thing if isinstance(thing, Object) else None


def _links(attachments: Sequence[Attachment]) -> str:
    """Files of a reply as links: pages load nothing from other servers."""
    links = []
    for file in attachments[:MAX_LINKS]:
        words = teaser(tidy(file.name or file.summary or ""), 100) or file.url.rpartition("/")[2]
        links.append(f'<a href="{escape(file.url)}">{escape(words or file.url)}</a>')
    return f"<p>{'<br>'.join(links)}</p>" if links else ""
