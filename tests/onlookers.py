"""Who looks at a made-up hub, by what they are to it."""

from __future__ import annotations

from typing import Final

SERVERS: Final = ("stranger", "server", "follower", "bearer")
RESIDENTS: Final = ("reader", "owner", "neighbour", "moderator", "steward")
# `apprentice` is a steward to whom nothing private is entrusted, and sees all else that one sees.
ENTRUSTED: Final = "entrusted"  # the steward without the apprentice
EVERYBODY: Final = (*SERVERS, "guest", *RESIDENTS, "apprentice")
LOOKING_AFTER: Final = ("moderator", "steward")
NOBODY: Final[tuple[str, ...]] = ()
ROLES: Final = {
    "guest": "guest",
    "reader": "reader",
    "owner": "member",
    "neighbour": "member",
    "moderator": "moderator",
    "steward": "steward",
    "apprentice": "steward",
}
