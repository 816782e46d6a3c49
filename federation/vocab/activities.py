"""What somebody did: the activities that a server sends and takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from federation.vocab.actors import Actor
from federation.vocab.base import Object, moment, present
from federation.vocab.names import Document, context_of, is_public
from federation.vocab.objects import Tombstone


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Somebody did something; also stands for activities of a type that we do not know.

    `object` is what stood there: a value if it was embedded, else its id. `content` is the emoji
    of a reaction, the text of a report or of an answer. `proof_present` says that the document came
    with an integrity proof, not that the proof holds.
    """

    type: str
    id: str | None = None
    actor: str
    object: Object | Activity | Actor | Tombstone | str | None = None
    target: str | None = None
    result: Object | str | None = None
    instrument: Object | str | None = None
    content: str | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    published: datetime | None = None
    proof_present: bool = field(default=False, compare=False)
    source_type: tuple[str, ...] = field(default=(), compare=False)

    @property
    def object_id(self) -> str | None:
        """The id of what it was done to, in whichever form that came."""
        thing = self.object
        return thing if thing is None or isinstance(thing, str) else thing.id

    def document(self, *, context: bool = False) -> Document:
        """The JSON of the activity, with its `@context` if it is to stand alone."""
        members = present(
            {
                **self.brief(),
                "object": self._object_document(),
                **self._own_members(),
                "target": self.target,
                "result": _embedded(self.result),
                "instrument": _embedded(self.instrument),
                "content": self.content,
                "published": self.published and moment(self.published),
                "to": list(self.to),
                "cc": list(self.cc),
                "audience": list(self.audience) or None,
            }
        )
        if not context:
            return members
        # Public activities bear a proof (AP-23), whose terms this context defines.
        proof = any(is_public(uri) for uri in (*self.to, *self.cc))
        return {"@context": context_of(members, proof=proof), **members}

    def brief(self) -> Document:
        """The four members by which the other side knows its own activity again."""
        return present(
            {
                "id": self.id,
                "type": self.type,
                "actor": self.actor,
                "object": self.object_id,
            }
        )

    def _object_document(self) -> Document | str | list[str] | None:
        return _embedded(self.object)

    def _own_members(self) -> Document:
        """What only this type has."""
        return {}


def _embedded(value: Object | Activity | Actor | Tombstone | str | None) -> Document | str | None:
    return value if value is None or isinstance(value, str) else value.document()


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(Activity):
    """Somebody published something."""

    type: str = "Create"


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(Activity):
    """Something is to be replaced by what it is now."""

    type: str = "Update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(Activity):
    """Something is no more."""

    type: str = "Delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow(Activity):
    """Somebody wants to hear of somebody."""

    type: str = "Follow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Activity):
    """Yes or no to an activity, which is embedded in brief: some peers match by id, some by it."""

    def _object_document(self) -> Document | str | list[str] | None:
        if isinstance(self.object, Activity):
            return self.object.brief()
        return super(Answer, self)._object_document()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(Answer):
    """Yes."""

    type: str = "Accept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject(Answer):
    """No, or no longer."""

    type: str = "Reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo(Activity):
    """An earlier activity of the same actor is taken back."""

    type: str = "Undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce(Activity):
    """Somebody passes something on."""

    type: str = "Announce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Like(Activity):
    """Somebody likes something; Misskey adds an emoji as `content`."""

    type: str = "Like"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dislike(Activity):
    """Somebody dislikes something."""

    type: str = "Dislike"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmojiReact(Activity):
    """Somebody answers with an emoji, which is the `content`."""

    type: str = "EmojiReact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Activity):
    """Something enters the collection `target`."""

    type: str = "Add"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove(Activity):
    """Something leaves the collection `target`."""

    type: str = "Remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Activity):
    """Somebody does not want to hear of somebody."""

    type: str = "Block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Activity):
    """A report to moderators: `objects` are the ids of actors and posts, `object` stays None."""

    type: str = "Flag"
    objects: tuple[str, ...] = ()

    def _object_document(self) -> Document | str | list[str] | None:
        return list(self.objects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Activity):
    """An actor lives at `target` from now on."""

    type: str = "Move"


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(Activity):
    """Somebody wants to come to an event; `message` is for its organiser."""

    type: str = "Join"
    message: str | None = None

    def _own_members(self) -> Document:
        return {"participationMessage": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave(Activity):
    """Somebody does not come after all."""

    type: str = "Leave"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore(Answer):
    """Neither yes nor no: the activity is not processed."""

    type: str = "Ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(Activity):
    """Somebody proposes an agreement (FEP-0837)."""

    type: str = "Offer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite(Activity):
    """Somebody is asked to come or to join."""

    type: str = "Invite"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteRequest(Activity):
    """Somebody asks to quote `object` in the post `instrument` (FEP-044f)."""

    type: str = "QuoteRequest"

    def brief(self) -> Document:
        """As of every activity, with the post that asks."""
        post = self.instrument
        quoting = post.id if isinstance(post, Object) else post
        return present({**super(QuoteRequest, self).brief(), "instrument": quoting})


@dataclass(frozen=True, slots=True, kw_only=True)
class View(Activity):
    """Somebody has seen something; PeerTube sends these."""

    type: str = "View"
