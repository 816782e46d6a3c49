"""What a reader on another server sees of a document, and what the models of peers share.

Each module beside this one is a model of one peer: what PROTOCOL §3 and our own measurements say
that it does with a document, in our words and without its code. `see` takes what a hub delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Literal

Document = Mapping[str, Any]

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
AS2 = "https://www.w3.org/ns/activitystreams"
ACTORS = frozenset({"Application", "Group", "Organization", "Person", "Service"})

Kind = Literal["post", "event", "reply", "boost", "private", "gone", "quiet", "profile"]


class Dropped(Exception):
    """The peer does not show the document; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What somebody sees.

    `kind` is quiet where nothing is shown, and nothing is to be: an answer to a Follow. `warning`
    hides the rest until it is tapped. `starts`, `ends` and `where` are what a calendar shows.
    `pictures` are addresses with their words.
    """

    kind: Kind
    title: str = ""
    warning: str = ""
    text: str = ""
    starts: str = ""
    ends: str = ""
    where: str = ""
    pictures: tuple[tuple[str, str], ...] = ()
    links: tuple[str, ...] = field(default=())

    @property
    def words(self) -> str:
        """Everything that can be read."""
        return "\n".join(part for part in (self.title, self.warning, self.text, self.where) if part)


class _Text(HTMLParser):
    """The words and the links of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.links: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"p", "br", "li", "h1", "h2", "h3"}:
            self.parts.append("\n")
        href = dict(attrs).get("href")
        if tag == "a" and href:
            self.links.append(href)

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def text_of(html: str) -> str:
    """The words of HTML, a line for each paragraph."""
    lines = "".join(_Text(html).parts).split("\n")
    return "\n".join(line.strip() for line in lines if line.strip())


def links_in(html: str) -> tuple[str, ...]:
    """Where its links lead."""
    return tuple(_Text(html).links)


def type_of(document: Document) -> str:
    """The type, for peers that take one string only."""
    kind = document.get("type")
    if not isinstance(kind, str):
        raise Dropped("the type is not one string")
    return kind


def attachments(thing: Document) -> list[Document]:
    """The attachments, for peers that take an array only."""
    found = thing.get("attachment", [])
    if not isinstance(found, list):
        raise Dropped("attachment is not an array")
    return found


def pictures(thing: Document, most: int = 16) -> tuple[tuple[str, str], ...]:
    """The addresses and words of the attached pictures."""
    found = [
        (one["url"], one.get("summary") or one.get("name") or "")
        for one in attachments(thing)
        if isinstance(one.get("url"), str) and one.get("mediaType", "").startswith("image/")
    ]
    return tuple(found[:most])


def visible_to_all(thing: Document) -> bool:
    """Whether it is addressed to everybody."""
    return PUBLIC in (*thing.get("to", ()), *thing.get("cc", ()))


def owned(activity: Document) -> Document:
    """The object of a Create or Update, if its author is who did it, on one host."""
    thing = activity.get("object")
    if not isinstance(thing, dict):
        raise Dropped("the object is not embedded")
    if thing.get("attributedTo") != activity.get("actor"):
        raise Dropped("the author is not one string, or not the actor")
    if host(thing["id"]) != host(activity["actor"]):
        raise Dropped("the object is of another host")
    return thing


def host(uri: str) -> str:
    """The host of an address."""
    return uri.split("/")[2]


def see_with(
    document: Document,
    show: Callable[[Document, Document], Seen],
    *,
    boosts: Callable[[str], bool] = lambda _: True,
) -> Seen:
    """The common way of an activity: `show` gets activity and object of Create and Update.

    `boosts` says whether the peer boosts the object of this id.
    """
    kind = type_of(document)
    if kind in {"Create", "Update"}:
        return show(document, owned(document))
    if kind == "Announce":
        uri = document.get("object")
        if not isinstance(uri, str) or not visible_to_all(document):
            raise Dropped("not a public boost of an id")
        if not boosts(uri):
            raise Dropped("boosts of this kind are not shown")
        return Seen(kind="boost", links=(uri,))
    if kind == "Delete":
        return Seen(kind="gone", links=(gone(document),))
    if kind in {"Accept", "Reject", "Follow", "Undo", "Ignore"}:
        return Seen(kind="quiet")
    raise Dropped(f"{kind} is nothing to show")


def gone(document: Document) -> str:
    """The id of what is deleted."""
    thing = document.get("object")
    uri = thing.get("id") if isinstance(thing, dict) else thing
    if not isinstance(uri, str) or host(uri) != host(document["actor"]):
        raise Dropped("a Delete of nothing of its own")
    return uri


def audience(thing: Document, kind: Kind) -> Kind:
    """The same kind, or a reply, or something private."""
    if not visible_to_all(thing):
        return "private"
    return "reply" if thing.get("inReplyTo") else kind
