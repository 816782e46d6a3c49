"""What can go wrong in the hub, each with the HTTP status a caller gets.

    HubError            500
    ├── Invalid         422   what was sent does not make sense; `fields` says where
    ├── NotSignedIn     401   the caller must say who they are
    │   └── SignInFirst       … and is led to the page for it
    ├── Forbidden       403   the caller may not do this
    ├── NotFound        404
    ├── Gone            410   it was here, and was deleted
    ├── Conflict        409   it does not fit what is there already
    ├── TooMany         429   too fast; `after_s` says when to come back
    ├── TooBig          413   more bytes than we take
    ├── Elsewhere       502   another server did not do its part
    ├── Busy            503   not now, later
    └── CommandFailed         a command could not do its work (exit code 1)

The text of an error is shown to the caller: plain words, and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from hub.core.words import later


class HubError(Exception):
    """Something a caller can be told about, in plain words."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = later("Something went wrong")


class Invalid(HubError):
    """What was sent does not make sense.

    `fields` maps a field's name to what is wrong with it; empty when it is about the whole.
    """

    status = 422
    title = later("Please check what you entered")

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields: dict[str, str] = dict(fields or {})


class NotSignedIn(HubError):
    """The caller must say who they are."""

    status = 401
    title = later("Please sign in")


class SignInFirst(NotSignedIn):
    """The caller must say who they are; a browser is led to the page where one does."""


class Forbidden(HubError):
    """The caller may not do this."""

    status = 403
    title = later("That is not allowed")


class NotFound(HubError):
    """There is no such thing here."""

    status = 404
    title = later("Not found")


class Gone(HubError):
    """It was here, and was deleted.

    `tombstone` is what other servers are told of it (AP-11); empty when it is not for them.
    """

    status = 410
    title = later("No longer here")

    def __init__(self, message: str, tombstone: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.tombstone: dict[str, str] = dict(tombstone or {})


class Conflict(HubError):
    """It does not fit what is there already."""

    status = 409
    title = later("That does not fit")


class TooMany(HubError):
    """Too fast; `after_s` seconds from now it may work again."""

    status = 429
    title = later("Too many requests")

    def __init__(self, message: str, after_s: float) -> None:
        super().__init__(message)
        self.after_s = after_s


class TooBig(HubError):
    """More bytes than we take."""

    status = 413
    title = later("Too big")


class Elsewhere(HubError):
    """Another server did not do its part."""

    status = 502
    title = later("Another server did not answer as it should")


class Busy(HubError):
    """Not now, but in `after_s` seconds it may work."""

    status = 503
    after_s: ClassVar[float] = 10
    title = later("Busy")


class CommandFailed(HubError):
    """A command could not do its work."""

    title = later("That did not work")
