"""What a door (page or API) is given: the hub's services, and who is asking.

The floors above know people; this one does not. `people` hangs its look-up into
`app.state.identify`, and every door gets its answer as `Asking`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency

from hub.core.services import Services

Role = Literal["steward", "moderator", "editor", "reporter", "member", "reader", "guest"]

SIGN_IN: Final = "Please sign in, or send a token: `hub token create NAME --role editor` makes one."


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: a person by session or token, or anybody (`role` None).

    `by` is how they showed it. `secret` is the cookie's value, to which forms are bound; it is
    empty for tokens, whose requests no browser sends by itself. `new`: since a few days only.
    `entrusted`: a steward to whom what is private is shown.
    """

    person_id: UUID | None = None
    name: str = ""
    role: Role | None = None
    by: Literal["nobody", "session", "token"] = "nobody"
    secret: str = ""
    new: bool = False
    entrusted: bool = False

    @property
    def known(self) -> bool:
        """Whether it is a person that we know."""
        return self.person_id is not None

    @property
    def steward(self) -> bool:
        """Whether it is a steward."""
        return self.role == "steward"

    @property
    def moderates(self) -> bool:
        """Whether they look after what others say here."""
        return self.role in {"steward", "moderator"}


ANYBODY: Final = Caller()

Identify = Callable[[Services, Request], Awaitable[Caller]]


def services_of(request: Request) -> Services:
    """The services of the hub that this request reached."""
    services: Services = request.app.state.services
    return services


async def _given(request: Request) -> Services:
    """`services_of`, as a dependency: FastAPI sends what is not `async` to another thread."""
    return services_of(request)


async def caller_of(request: Request) -> Caller:
    """Who is asking; looked up once per request."""
    found: Caller | None = getattr(request.state, "caller", None)
    if found is None:
        identify: Identify | None = getattr(request.app.state, "identify", None)
        found = ANYBODY if identify is None else await identify(services_of(request), request)
        request.state.caller = found
    return found


Hub = Annotated[Services, Depends(_given)]
Asking = Annotated[Caller, Depends(caller_of)]


@dataclass(frozen=True)
class Audience(Dependency):
    """For whom a route is: among the dependencies of each, or of its router (SECURITY E5).

    It is asked before the route, and lets nobody else in. `words` say it in docs/routes.md. `roles`
    are those it lets in; None: whoever asks. `own`: of things, each only of their own; whose a
    thing is, only the route can look up.
    """

    words: str = ""
    roles: frozenset[Role] | None = field(default=None, kw_only=True)
    own: bool = field(default=False, kw_only=True)


async def _anybody() -> None:
    """Nobody is sent away at the door; what they see is bounded by who may see it."""


OPEN: Final = Audience(_anybody, words="everybody")
BEARERS: Final = Audience(_anybody, words="whoever has the link, which holds a secret")
SERVERS: Final = Audience(_anybody, words="other servers, by their signatures")


def session_cookie(services: Services) -> str:
    """The session cookie's name; the prefix makes browsers hold it to this host by https."""
    return "__Host-hub" if services.settings.secure else "hub"


def form_cookie(services: Services) -> str:
    """The name of the cookie to which forms of those are bound who are not signed in."""
    return "__Host-hub-form" if services.settings.secure else "hub-form"


def display_cookie(services: Services) -> str:
    """The name of the cookie that holds how somebody likes pages to look, and nothing else."""
    return "__Host-hub-display" if services.settings.secure else "hub-display"


def language_cookie(services: Services) -> str:
    """The name of the cookie that holds the language which somebody chose, and nothing else."""
    return "__Host-hub-language" if services.settings.secure else "hub-language"
