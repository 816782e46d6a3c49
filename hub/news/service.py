"""What is done with news: publish, revise, withdraw, and receive."""

from __future__ import annotations

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from federation.errors import MalformedDocument
from federation.vocab.objects import Article as ArticleDocument
from hub.core import text
from hub.core.errors import Invalid
from hub.core.services import Services
from hub.core.words import later
from hub.entries import publishing, receiving, rendering, writing
from hub.fediverse.received import Received
from hub.news import activitypub, queries
from hub.news.models import Article, Consent
from hub.news.schemas import ArticleDraft
from hub.web.doors import Caller

PUBLISHED: Final = "published"
ASK: Final = later(
    "everybody who can be recognised in the picture must have agreed, for children their parents"
)
CONFIRM: Final = later("Please confirm that everybody who can be recognised has agreed.")


def check(draft: ArticleDraft) -> None:
    """What our own news must have, whoever sends them; before a picture is kept.

    Raises:
        Invalid: there is no text, or a new picture without consent.
    """
    if not draft.description:
        raise Invalid("Please write the text.", {"description": later("please write the text")})
    if draft.image is not None and draft.image.data is not None and not draft.consent:
        raise Invalid(CONFIRM, {"consent": ASK})


async def publish(
    session: AsyncSession,
    services: Services,
    draft: ArticleDraft,
    caller: Caller,
    *,
    tell: bool = True,
) -> Article:
    """Make an article of a draft, and tell the followers of `@news`.

    The draft's picture must be here already (`writing.with_picture`).

    Raises:
        Invalid: it has no text, or a picture without consent, or there is no such picture.
    """
    check(draft)
    article = Article(status=PUBLISHED)
    author = await publishing.author_for(session, "article")
    writing.begin(services, article, author, caller.person_id)
    await _write(session, services, article, draft)
    article.happens_at = article.created_at
    thing = activitypub.to_object(article, services.settings.url)
    await publishing.publish(session, services, article, thing, tell=tell)
    await _agree(session, article, draft, caller)
    return article


async def revise(
    session: AsyncSession,
    services: Services,
    article: Article,
    draft: ArticleDraft,
    caller: Caller,
    *,
    tell: bool = True,
) -> None:
    """Let an article be what the draft says.

    Raises:
        Invalid: it would hide what is public, has no text, or a new picture without consent.
    """
    check(draft)
    writing.refuse_hiding(article, draft)
    await _write(session, services, article, draft)
    await _agree(session, article, draft, caller)
    thing = activitypub.to_object(article, services.settings.url)
    await publishing.revise(session, services, article, thing, tell=tell)


async def withdraw(
    session: AsyncSession, services: Services, article: Article, *, tell: bool = True
) -> None:
    """Take an article back, as if it had not been published; everyone who has it is told."""
    await publishing.withdraw(session, services, article, activitypub.TYPE, tell=tell)


async def receive(received: Received, thing: ArticleDocument) -> Article | None:
    """Keep what another server publishes as news; None if we know as much already.

    Raises:
        Unauthorised: it is not the author's to say, was deleted, or nobody here asked for it.
        MalformedDocument: it is not an article that we can show.
    """
    if thing.in_reply_to is not None:
        raise MalformedDocument("an article that answers something is no news")
    known = await receiving.known(received, thing, Article)
    if known is not None and not receiving.is_newer(received, thing, known):
        return None
    settings = received.services.settings
    draft = activitypub.from_object(thing, settings.timezone)
    article = known or Article(status=PUBLISHED)
    body = activitypub.body_of(thing)
    await receiving.fill(received, thing, article, draft, body)
    article.summary = activitypub.summary_of(thing, body)
    article.happens_at = article.published_at or received.now
    writing.make_findable(article)
    if known is None and not await receiving.keep(received, article):
        return None
    return article


async def _write(
    session: AsyncSession, services: Services, article: Article, draft: ArticleDraft
) -> None:
    await writing.fill(session, services.settings, article, draft)
    article.summary = text.teaser(text.plain(article.content), rendering.TEASER)
    writing.make_findable(article)


async def _agree(
    session: AsyncSession, article: Article, draft: ArticleDraft, caller: Caller
) -> None:
    """Write down who ticked for the article's picture.

    Raises:
        Invalid: nobody ever did, and the draft does not.
    """
    picture = article.picture.name if article.picture else None
    if picture is None or await queries.is_agreed(session, article.id, picture):
        return
    if not draft.consent:
        raise Invalid(CONFIRM, {"consent": ASK})
    session.add(
        Consent(entry_id=article.id, picture=picture, person_id=caller.person_id, name=caller.name)
    )
