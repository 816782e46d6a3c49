"""Who may say what: every rule of authority, once, as pure functions of addresses (FEP-fe34).

A server answers for the ids of its own origin, and an actor for what is attributed to it there.
Authority comes from ids alone, never from a `url`, a handle or a name (SECURITY A2). Actors are
compared letter by letter: another spelling is at worst refused. Nobody is asked here and nothing
is kept; the verifier and the handlers bring the addresses and obey the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from federation.origins import authority, same_origin


def owns_key(owner: str, key_id: str) -> bool:
    """Whether a key can belong to an actor at all: both are of one server (SECURITY A1)."""
    return same_origin(owner, key_id)


def may_sign_for(key_owner: str, actor: str) -> bool:
    """Whether a signature of this owner's key makes it the word of `actor` (PROTOCOL §2.2)."""
    return key_owner == actor


def may_prove_for(key_owner: str, key_id: str, actor: str, *, asserts: bool) -> bool:
    """Whether a proof by this key makes a document the word of `actor` (FEP-8b32).

    `asserts`: the actor lists the key among its assertion methods; a key for requests alone
    must not sign documents.
    """
    return asserts and key_owner == actor and owns_key(actor, key_id)


def may_name(actor: str, activity_id: str | None) -> bool:
    """Whether an activity of `actor` may bear this id, or none (PROTOCOL §6.1).

    Else it would stand in the way of the activity that really has it.
    """
    return activity_id is None or same_origin(activity_id, actor)


def may_describe(actor: str, described: str | None) -> bool:
    """Whether `actor` may say what the actor `described` is like: itself alone (AP-32)."""
    return described == actor


def may_embed(actor: str, thing_id: str | None, author: str | None) -> bool:
    """Whether an object inside an activity of `actor` counts as it came (PROTOCOL §6.2).

    If not, the activity is a hint: what the object's own server says of it counts.
    """
    return thing_id is not None and author == actor and same_origin(thing_id, actor)


def may_publish(thing_id: str | None, author: str | None) -> bool:
    """Whether a server may say that an object of this id, found there, is of this author.

    It may for actors of its own, else any server could put words into anybody's mouth.
    """
    return thing_id is not None and author is not None and same_origin(thing_id, author)


def may_bring(actor: str, author: str) -> bool:
    """Whether an activity of `actor` may bring what its server says is of `author`.

    Members of a Mobilizon group create what is the group's; their common server says whose it is.
    """
    return same_origin(actor, author)


def may_list(home: str, thing_id: str) -> bool:
    """Whether a server that has `home`, a thread or a collection, may say what belongs to it."""
    return same_origin(home, thing_id)


def may_change(owner: Hashable, sender: Hashable) -> bool:
    """Whether `sender` may bring a new state of what `owner` published (SECURITY A3).

    Both as addresses, or both as the keys under which the caller keeps them.
    """
    return owner == sender


def may_delete(owner: str, sender: str, thing_id: str, *, confirmed: bool) -> bool:
    """Whether a Delete of this object counts: its owner's, or one that its server confirms.

    `confirmed`: the object's own server was asked, and says that it is gone.
    """
    return owner == sender or (confirmed and same_origin(thing_id, owner))


def may_bury(sender: str, thing_id: str) -> bool:
    """Whether a Delete or Undo of something unknown is remembered: on the sender's server alone.

    Else anybody could keep out what others are yet to say.
    """
    return same_origin(thing_id, sender)


def may_undo(doer: str, sender: str) -> bool:
    """Whether `sender` may take back what `doer` did (AP-39)."""
    return doer == sender


def may_answer(asked: Hashable, sender: Hashable) -> bool:
    """Whether `sender` may accept or reject what was asked of `asked` (SECURITY A13)."""
    return asked == sender


def may_collect_at(actor: str, inboxes: Iterable[str]) -> bool:
    """Whether mail for `actor` may go there: to its own server, so that no third is flooded."""
    return all(same_origin(actor, inbox) for inbox in inboxes)


def may_vouch(home: str, actor: str) -> bool:
    """Whether the server at `home` may say that whoever signed in there is this actor."""
    return same_origin(home, actor)


def is_local(uri: str, is_ours: Callable[[str], bool]) -> bool:
    """Whether an id is one of our own, however it is spelled: then nobody outside may bring it.

    `is_ours` says whether an authority is this server (SECURITY A9).

    Raises:
        BadUrl: it is not a plain http(s) address.
    """
    return is_ours(authority(uri))


def page_of(uri: str, url: str | None) -> str:
    """The page where people read a thing: its `url` on its own server, else its id.

    A page elsewhere would be shown under the name of a server that has no say over it.
    """
    return url if url and same_origin(url, uri) else uri
