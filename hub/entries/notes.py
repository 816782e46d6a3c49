"""Replies as other servers write and read them: Notes, both ways. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Final
from uuid import UUID

import orjson

from federation.authority import page_of
from federation.errors import FederationError
from federation.vocab.activities import Create, Delete
from federation.vocab.base import Attachment, Object, Tag
from federation.vocab.names import PUBLIC, is_public
from federation.vocab.objects import Note, Tombstone
from federation.vocab.parse import parse
from hub.actors.models import Actor
from hub.core.text import RULES_VERSION, SafeHtml, paragraphs, plain, teaser, tidy
from hub.entries.models import SHOWN, Reply

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
    in_reply_to: str | None,
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


def of_resident(
    *,
    uri: str,
    author: Actor,
    to: Actor,
    in_reply_to: str,
    context: str | None,
    name: str,
    text: str,
    language: str,
    moment: datetime,
) -> Note:
    """What a resident answers for everybody, in the name of one of our channels.

    `name` is theirs; without one the channel itself would speak. `to` is whom it answers, of
    whatever server.
    """
    body = str(paragraphs(text)).removeprefix("<p>")
    named = () if to.local else (Tag(type="Mention", name=f"@{to.handle}", href=to.uri),)
    return Note(
        id=uri,
        url=uri,
        attributed_to=author.uri,
        in_reply_to=in_reply_to,
        context=context,
        replies=f"{uri}/replies",
        content=SafeHtml(f"<p><strong>{escape(name)}:</strong> {body}"),
        language=language,
        published=moment,
        updated=moment,
        to=(PUBLIC,),
        cc=(f"{author.uri}/followers", *(tag.href for tag in named if tag.href)),
        tags=named,
    )


def create_of(thing: Object) -> Create:
    """The activity by which something of ours is said for the first time."""
    return Create(
        id=f"{thing.id}#create",
        actor=thing.attributed_to or "",
        object=thing,
        to=thing.to,
        cc=thing.cc,
        published=thing.published,
    )


def row_of_ours(note: Note, author: Actor, moment: datetime, *, public: bool = True) -> Reply:
    """The row of what a channel of ours says at `moment`; where it belongs adds the caller."""
    return Reply(
        id=UUID((note.id or "").rpartition("/")[2]),
        uri=note.id or "",
        url=note.url or "",
        author_id=author.id,
        content=note.content or "",
        cleaned_by=RULES_VERSION,
        public=public,
        state=SHOWN,
        from_us=True,
        document=orjson.dumps(note.document(context=True)),
        published_at=moment,
        received_at=moment,
        read_at=moment,
    )


def row_of_theirs(thing: Object, author: Actor, content: SafeHtml, moment: datetime) -> Reply:
    """The row of what somebody elsewhere said, which came at `moment`; `content` is cleaned.

    Where it belongs, and who may see it, is for the caller to add.
    """
    return Reply(
        uri=thing.id or "",
        url=page_of(thing.id or "", thing.url),
        author_id=author.id,
        content=content,
        cleaned_by=RULES_VERSION,
        document=orjson.dumps(thing.document()),
        published_at=min(thing.published or moment, moment),
        received_at=moment,
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
