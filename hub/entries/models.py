"""What every published thing shares, and what hangs on it: pictures, replies, reactions."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import Base

# Rooms of residents' pages by kind of entry: /events/{id}, /offers/{id}, /wants/{id}, /news/{id}.
FOLDERS = {
    "event": "events",
    "offer": "offers",
    "want": "wants",
    "article": "news",
    "place": "places",
    "organisation": "organisations",
}
# What each kind is on the wire, and what its tombstone says that it was.
TYPES = {
    "event": "Event",
    "offer": "Note",
    "want": "Note",
    "article": "Article",
    "place": "Place",
    "organisation": "Organization",
}

# How a reply stands: for everybody who may read it, waiting for a steward, or for nobody.
SHOWN: Final = "shown"
HELD: Final = "held"
HIDDEN: Final = "hidden"


_LOW_BITS: Final = 20
_turns = itertools.count(secrets.randbits(_LOW_BITS))


def _number(context: DefaultExecutionContext) -> int:
    """The milliseconds of when it was published, and 20 bits that part those of the same one."""
    row: dict[str, Any] = context.get_current_parameters()  # type: ignore[no-untyped-call]
    return numbered(row.get("published_at") or now(), next(_turns))


def numbered(published: datetime, turn: int) -> int:
    """A number by which the newest is the greatest; `turn` parts what came at the same time."""
    milliseconds = max(0, int(published.timestamp() * 1000))
    return (milliseconds << _LOW_BITS) | (turn & ((1 << _LOW_BITS) - 1))


class Picture(Base):
    """A picture, re-encoded without metadata; the file is `media/{name}`.

    `alt` says in words what is seen. Of a remote picture `url` is theirs and `name` is None; a
    copy is made when a page first shows it (decision 0014).
    """

    __tablename__ = "picture"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str | None]
    url: Mapped[str]
    alt: Mapped[str] = mapped_column(default="")
    media_type: Mapped[str]
    width: Mapped[int | None]
    height: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


@dataclass(frozen=True, slots=True)
class Further:
    """One more thing that a hub says: `name` for programs, `label` and `value` for people.

    The label is a word of ours that passes through gettext, and so is the value if it is `ours`.
    `differs`: whoever stands for the thing does not say so.
    """

    name: str
    label: str
    value: str
    ours: bool = False
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """One hub's word on a thing that several tell of; `differs` names what it says otherwise.

    `origin` is empty for our own, `via` if its own server told us, `licence` if it names none;
    `heard_at` is when its server last told us that it stands, None for our own. `further` is what
    it says besides, as far as not all say the same. What differs is `title`, `when` (of events),
    `where`, or the name of one of those.
    """

    id: UUID
    path: str
    url: str
    origin: str
    via: str
    licence: str
    title: str
    happens_at: datetime
    place: str
    updated_at: datetime
    heard_at: datetime | None
    further: tuple[Further, ...]
    differs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Noted:
    """What is known around an entry while it is shown.

    `sources` is what each hub says that tells of it, empty if it is but one. Its server was not
    heard of since `quiet_since`, if that is long ago.
    """

    sources: tuple[Source, ...] = ()
    quiet_since: datetime | None = None

    @property
    def hubs(self) -> int:
        """How many hubs tell of it."""
        return len({source.origin for source in self.sources}) or 1


class Entry(Base):
    """One published thing, of this hub or of another.

    `origin` is the authority it comes from, empty for our own; `via` that of who passed it on when
    it first came, empty where its own server told us. `happens_at` is the moment that
    lists sort by: an event's start, an offer's or want's publication. `relevant_until` is when
    lists drop it (None: never). `summary` is plain text; `content` is HTML that was cleaned once,
    under rules version `cleaned_by`; `source` is the author's Markdown, None for remote ones.
    `search_text` is its words for searches (`entries/search.py`), empty if it is not to be found;
    `number` is its place there, the newest greatest. `document` is the ActivityPub object as it was
    last said; `counted`: it has numbers that change by themselves, so readers get one made anew.
    `visibility` is private, hub or public (SETTLED 2); `for_other`: an editor wrote it for somebody
    who is not here. `licence` is the address of the licence that it names. `heard_at` is when its
    server last told us that it stands, None for our own. `passed_at`: a steward let it through
    although its server is silenced. `own_box`: what is written privately about it is for its owner,
    not for the stewards.
    """

    __tablename__ = "entry"
    __table_args__: tuple[Any, ...] = (
        # A list is read in this order, and what is over is passed by without a look at its row.
        Index("ix_entry_list", "kind", "happens_at", "id", "relevant_until"),
        Index("ix_entry_origin", "origin"),
        Index("ix_entry_number", "number", unique=True),
        # What lies in a piece of the map, and what of a kind lies nowhere.
        Index("ix_entry_on_map", "latitude", "longitude", "kind"),
        Index("ix_entry_created_at", "created_at"),  # what is new here, wherever it comes from
    )
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "entry"}

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[int] = mapped_column(BigInteger, default=_number)
    kind: Mapped[str]
    uri: Mapped[str] = mapped_column(unique=True)
    url: Mapped[str]
    author_id: Mapped[UUID] = mapped_column(ForeignKey("actor.id"), index=True)
    origin: Mapped[str] = mapped_column(default="")
    via: Mapped[str] = mapped_column(default="", server_default="")
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), index=True)
    title: Mapped[str]
    summary: Mapped[str] = mapped_column(default="")
    content: Mapped[str] = mapped_column(default="")
    cleaned_by: Mapped[int] = mapped_column(default=0)
    source: Mapped[str | None]
    language: Mapped[str] = mapped_column(default="en")
    happens_at: Mapped[datetime]
    relevant_until: Mapped[datetime | None]
    place: Mapped[str] = mapped_column(default="")
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    tags: Mapped[list[str]] = mapped_column(default=list)
    search_text: Mapped[str] = mapped_column(default="")
    status: Mapped[str]
    visibility: Mapped[str] = mapped_column(default="public")
    for_other: Mapped[bool] = mapped_column(default=False)
    picture_id: Mapped[UUID | None] = mapped_column(ForeignKey("picture.id"))
    document: Mapped[bytes | None]
    counted: Mapped[bool] = mapped_column(default=False)
    own_box: Mapped[bool] = mapped_column(default=False)
    licence: Mapped[str] = mapped_column(default="", server_default="")
    heard_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    published_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(default=now)
    hidden_at: Mapped[datetime | None]
    passed_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]

    author: Mapped[Actor] = relationship(lazy="raise")
    picture: Mapped[Picture | None] = relationship(lazy="raise")

    @property
    def noted(self) -> Noted:
        """What lists and pages say of it besides; see `queries.note`."""
        found: Noted = self.__dict__.get("_noted", Noted())
        return found

    @noted.setter
    def noted(self, noted: Noted) -> None:
        self.__dict__["_noted"] = noted

    @property
    def local(self) -> bool:
        """Whether it was published here."""
        return not self.origin

    @property
    def further_texts(self) -> tuple[str, ...]:
        """What this kind of entry says besides title, text, tags and place, for searches."""
        return ()

    def empty(self) -> None:
        """Forget what only this kind of entry says; it is being deleted."""

    @property
    def path(self) -> str:
        """Its page on this hub; remote ones are shown under the same folders."""
        return f"/{FOLDERS[self.kind]}/{self.id}"


class Merged(Base):
    """An entry that is the same thing as others, of other hubs: all those of one `group_id`.

    `by_hand`: an editor said so; else `entries.sameness` did.
    """

    __tablename__ = "merged"

    entry_id: Mapped[UUID] = mapped_column(
        ForeignKey("entry.id", ondelete="CASCADE"), primary_key=True
    )
    group_id: Mapped[UUID] = mapped_column(index=True)
    by_hand: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime] = mapped_column(default=now)


class Apart(Base):
    """Two entries that an editor took apart: they are never merged again by themselves."""

    __tablename__ = "apart"

    entry_id: Mapped[UUID] = mapped_column(
        ForeignKey("entry.id", ondelete="CASCADE"), primary_key=True
    )
    other_id: Mapped[UUID] = mapped_column(
        ForeignKey("entry.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    at: Mapped[datetime] = mapped_column(default=now)


class Category(Base):
    """What a server calls something, and our tag for it; `word` as tags are compared."""

    __tablename__ = "category"

    host: Mapped[str] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(primary_key=True)
    tag: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=now)


class Reply(Base):
    """An answer to an entry, from a resident's keyboard or another server.

    `public` ones stand under the entry; private ones are for `person_id`, or where that is None for
    the stewards alone (AP-48), who see one of a person's only when it was reported. `state`
    is SHOWN, HELD or HIDDEN. `answers_id` is the reply that it answers.
    `from_us`: it was said here, in the name of a channel: by `person_id`, if it is public and that
    is not None, else by a steward.
    """

    __tablename__ = "reply"
    __table_args__ = (Index("ix_reply_entry", "entry_id", "published_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    uri: Mapped[str] = mapped_column(unique=True)
    url: Mapped[str]
    entry_id: Mapped[UUID | None] = mapped_column(ForeignKey("entry.id"))
    channel_id: Mapped[UUID | None] = mapped_column(ForeignKey("actor.id"))
    author_id: Mapped[UUID] = mapped_column(ForeignKey("actor.id"), index=True)
    answers_id: Mapped[UUID | None] = mapped_column(ForeignKey("reply.id"))
    content: Mapped[str]
    cleaned_by: Mapped[int] = mapped_column(default=0)
    public: Mapped[bool]
    state: Mapped[str]
    from_us: Mapped[bool] = mapped_column(default=False)
    document: Mapped[bytes | None]
    published_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(default=now)
    read_at: Mapped[datetime | None]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), index=True)
    reported_at: Mapped[datetime | None]

    author: Mapped[Actor] = relationship(foreign_keys=[author_id], lazy="raise")

    @property
    def writer_id(self) -> UUID | None:
        """The resident who said it for everybody; None for what stewards or others said."""
        return self.person_id if self.from_us and self.public else None

    entry: Mapped[Entry | None] = relationship(lazy="raise")
    channel: Mapped[Actor | None] = relationship(foreign_keys=[channel_id], lazy="raise")


class ReplyTag(Base):
    """A hashtag of something that somebody elsewhere said for everybody, as tags are compared."""

    __tablename__ = "reply_tag"

    reply_id: Mapped[UUID] = mapped_column(
        ForeignKey("reply.id", ondelete="CASCADE"), primary_key=True
    )
    tag: Mapped[str] = mapped_column(primary_key=True, index=True)


class Reaction(Base):
    """A like or a boost from elsewhere; several of one actor count as one (AP-40).

    Each is kept, since each is taken back by its own id, in whatever order they come.
    """

    __tablename__ = "reaction"
    __table_args__ = (Index("ix_reaction_entry", "entry_id", "kind", "actor_uri"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    uri: Mapped[str] = mapped_column(unique=True)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("entry.id"))
    actor_uri: Mapped[str]
    kind: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Quote(Base):
    """A post elsewhere may quote one of our entries (FEP-044f); `uri` is where we say so.

    `quoting` is the post, `author_id` who asked. It holds until `revoked_at`, and not again.
    """

    __tablename__ = "quote"
    __table_args__ = (Index("ix_quote_entry", "entry_id", "quoting"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    uri: Mapped[str] = mapped_column(unique=True)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("entry.id"))
    author_id: Mapped[UUID] = mapped_column(ForeignKey("actor.id"), index=True)
    quoting: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    revoked_at: Mapped[datetime | None]

    entry: Mapped[Entry] = relationship(lazy="raise")
    author: Mapped[Actor] = relationship(lazy="raise")


class Report(Base):
    """Somebody says that something here breaks the rules.

    `about` is entry, reply, message (between two people) or hub (nothing that we can name), and
    `about_id` its id. `title` and `evidence` are what stood there then, as plain text, and do not
    change with it (SECURITY G6); `path` is its page, `against_id` the resident who said it. Who
    reported it is `person_id`, or `email`, which is forgotten once they were told, or elsewhere
    `actor_id`; no page shows it. `uri` is the id of a Flag. `outcome` is what a moderator
    decided, None while it waits.
    """

    __tablename__ = "report"
    __table_args__ = (Index("ix_report_waiting", "decided_at", "about_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    about: Mapped[str]
    about_id: Mapped[UUID]
    title: Mapped[str] = mapped_column(default="")
    evidence: Mapped[str] = mapped_column(default="")
    path: Mapped[str] = mapped_column(default="")
    against_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    rule: Mapped[str] = mapped_column(default="")
    words: Mapped[str] = mapped_column(default="")
    uri: Mapped[str | None] = mapped_column(index=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    email: Mapped[str | None]
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("actor.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    decided_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
