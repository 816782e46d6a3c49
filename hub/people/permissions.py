"""Who may do what.

A guest proved an e-mail address, and nothing else: they change what they posted themselves. Readers
read what stays in the hub; members, who live here, post as well. Reporters and editors also post
for people who are not here themselves. Moderators look after what others say, stewards after it
all.
"""

from __future__ import annotations

from typing import Final, Literal, TypeVar, get_args

from fastapi import Request

from hub.core.errors import Forbidden, NotFound, NotSignedIn, SignInFirst
from hub.core.words import filled, later
from hub.entries.models import Entry
from hub.entries.visibility import PRIVATE
from hub.web.bodies import READS
from hub.web.doors import SIGN_IN, Asking, Audience, Caller, Role
from hub.web.forms import Form

Deed = Literal["change", "post", "post for others", "moderate", "administer"]
E = TypeVar("E", bound=Entry)

ROLES: Final[tuple[Role, ...]] = get_args(Role)

MAY: Final[dict[Role, frozenset[Deed]]] = {
    "guest": frozenset({"change"}),
    "reader": frozenset(),
    "member": frozenset({"change", "post"}),
    "reporter": frozenset({"change", "post", "post for others"}),
    "editor": frozenset({"change", "post", "post for others"}),
    "moderator": frozenset({"change", "post", "post for others", "moderate"}),
    "steward": frozenset({"change", "post", "post for others", "moderate", "administer"}),
}
_WORDS: Final[dict[Deed, str]] = {
    "change": later("You have nothing here that you could change."),
    "post": later(
        "Posting needs the role member, editor or steward. Ask a steward of this hub for it."
    ),
    "post for others": later("Only editors of this hub post for others."),
    "moderate": later("Only stewards and moderators of this hub may do this."),
    "administer": later("Only stewards of this hub may do this."),
}


def may(caller: Caller, deed: Deed) -> bool:
    """Whether the caller's role allows it."""
    return caller.role is not None and deed in MAY[caller.role]


def require(caller: Caller, deed: Deed) -> None:
    """Go on only if the caller may.

    Raises:
        NotSignedIn: we do not know who it is.
        Forbidden: their role does not allow it.
    """
    if not caller.known:
        raise NotSignedIn(SIGN_IN)
    if not may(caller, deed):
        raise Forbidden(_WORDS[deed])


# -------------------------------------------------------------------------- for whom routes are


def _only(deed: Deed, words: str, *, own: bool = False) -> Audience:
    """The audience of those whose role allows this."""

    async def admit(caller: Asking) -> None:
        require(caller, deed)

    roles = frozenset(role for role in ROLES if deed in MAY[role])
    return Audience(admit, words=words, roles=roles, own=own)


async def _signed_in(caller: Asking) -> None:
    """Only people whom we know.

    Raises:
        NotSignedIn: we do not.
    """
    if not caller.known:
        raise NotSignedIn(SIGN_IN)


async def _led_in(request: Request, caller: Asking) -> None:
    """The same; who looks at a page is led to where one signs in.

    Raises:
        NotSignedIn: we do not know who it is.
    """
    if not caller.known:
        raise (SignInFirst if request.method in READS else NotSignedIn)(SIGN_IN)


_ALL: Final = frozenset(ROLES)
SIGNED_IN: Final = Audience(_signed_in, words="whoever is signed in", roles=_ALL)
LED_IN: Final = Audience(_led_in, words="whoever is signed in", roles=_ALL)
SIDES: Final = Audience(_led_in, words="whoever is one of its two sides", roles=_ALL, own=True)
OWN_COPY: Final = Audience(_led_in, words="whoever asked for it", roles=_ALL, own=True)
OWNERS: Final = _only("change", "whoever published it, and stewards", own=True)
SPEAKERS: Final = _only("change", "whoever posted it; stewards, if it was a program", own=True)
MEMBERS: Final = _only("post", "members, reporters, editors, moderators and stewards")
# Programs have no guests: they change nothing for somebody who may not post.
OWNING_MEMBERS: Final = _only("post", "members who published it, and stewards", own=True)
EDITORS: Final = _only("post for others", "reporters, editors, moderators and stewards")
MODERATORS: Final = _only("moderate", "moderators and stewards")
STEWARDS: Final = _only("administer", "stewards")


# --------------------------------------------------------------------------- and for whom things


def may_change(caller: Caller, owner_id: object) -> bool:
    """Whether the caller may change something of this owner: their own, or as a steward any."""
    if not may(caller, "change"):
        return False
    return caller.steward or (owner_id is not None and owner_id == caller.person_id)


def posts_for_other(caller: Caller, form: Form) -> bool:
    """Whether they post this for somebody who is not here, and may do so."""
    return form.checked("for_other") and may(caller, "post for others")


def changeable(caller: Caller, entry: E) -> E:
    """The entry, if the caller may change it.

    Raises:
        NotFound: it is private, and not shown to this steward.
        Forbidden: it comes from another server, or is somebody else's.
    """
    if entry.visibility == PRIVATE and not (caller.entrusted or entry.owner_id == caller.person_id):
        raise NotFound("There is no such entry.")
    if not entry.local:
        raise Forbidden(
            filled("This comes from {origin}, and can be changed only there.", origin=entry.origin)
        )
    if not may_change(caller, entry.owner_id):
        raise Forbidden("Only whoever published this, or a steward, can change it.")
    return entry
