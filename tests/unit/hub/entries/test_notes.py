"""Replies as documents."""

from __future__ import annotations

from datetime import UTC, datetime

from federation.vocab.base import Attachment, Tag
from federation.vocab.names import PUBLIC
from federation.vocab.objects import Note
from hub.actors.models import Actor
from hub.core.text import clean
from hub.entries import notes

OURS = Actor(uri="https://hub.example/actors/offers", name="offers", authority="hub.example")
ADA = Actor(
    uri="https://town.example/users/ada",
    url='https://town.example/@ada?x="&y',
    name="ada",
    authority="town.example",
)
MOMENT = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)


def _answer(*, public: bool) -> Note:
    return notes.answer(
        uri="https://hub.example/replies/1",
        url="https://hub.example/replies/1",
        author=OURS,
        to=ADA,
        in_reply_to="https://town.example/notes/7",
        context="https://hub.example/offers/1/context" if public else None,
        text="Yes <please>\n\nSee you",
        public=public,
        language="en",
        moment=MOMENT,
    )


def test_a_private_answer_goes_to_its_reader_alone() -> None:
    document = notes.create_of(_answer(public=False)).document(context=True)
    assert document["to"] == [ADA.uri]
    assert document["cc"] == []
    note = document["object"]
    assert note["to"] == [ADA.uri]
    assert "name" not in note
    assert "summary" not in note
    assert note["tag"] == [{"type": "Mention", "href": ADA.uri, "name": "@ada@town.example"}]
    assert note["inReplyTo"] == "https://town.example/notes/7"
    assert PUBLIC not in str(document)


def test_an_answer_is_escaped_and_mentions_its_reader() -> None:
    html = _answer(public=True).content or ""
    assert html.startswith(
        '<p><a href="https://town.example/@ada?x=&quot;&amp;y" class="u-url mention">@ada</a> '
        "Yes &lt;please&gt;</p><p>See you</p>"
    )


def test_a_public_answer_goes_to_everybody_and_to_its_reader() -> None:
    note = _answer(public=True)
    assert note.to == (PUBLIC,)
    assert note.cc == (f"{OURS.uri}/followers", ADA.uri)


def test_addressing_that_is_unknown_is_private() -> None:
    assert not notes.is_for_all(Note(to=("https://x.example/followers",)))
    assert not notes.is_for_all(Note())
    for spelling in (PUBLIC, "as:Public", "Public"):
        assert notes.is_for_all(Note(cc=(spelling,)))


def test_everyone_who_is_addressed_or_mentioned_counts_once() -> None:
    note = Note(
        to=(PUBLIC, ADA.uri),
        cc=(OURS.uri,),
        tags=(Tag(type="Mention", href=ADA.uri), Tag(type="Hashtag", href="https://x.example/t")),
    )
    assert notes.addressees(note) == (ADA.uri, OURS.uri)


def test_warnings_and_files_are_said_in_words() -> None:
    picture = Attachment(url="https://town.example/m/1.png", media_type="image/png", name="<cat>")
    note = Note(summary="<b>Long</b>", content="<p>x</p>", attachments=(picture,))
    assert clean(notes.html_of(note)) == (
        "<p><strong>Long</strong></p><p>x</p>"
        '<p><a href="https://town.example/m/1.png" rel="nofollow noopener ugc">&lt;cat&gt;</a></p>'
    )
