"""Everything that can go wrong between servers.

FederationError            retry: whether the same call may succeed later
├── Refused                we do not do this, whoever asks
│   ├── BadUrl             not a plain http(s) address
│   └── ForbiddenAddress   an address that is not on the public internet     retry if by DNS
├── Unreachable            no answer in time (DNS, TCP, TLS, deadline)       retry
├── UnexpectedAnswer       an answer with a status we cannot use             retry on 408, 425,
│   │                                                                        429, 5xx
│   └── Gone               404 or 410
├── TooLarge               more bytes than we take
├── WrongContentType       not an ActivityStreams document
├── MalformedDocument      not JSON, or not of a shape that we can read
│   └── UnsupportedType    well formed, of a type that we do not know
├── Unauthentic            we cannot tell that the sender said this
│   ├── SignatureMissing
│   ├── SignatureInvalid
│   ├── ProofInvalid
│   ├── MalformedKey
│   └── KeyUnavailable     the key could not be fetched                       retry
└── Unauthorised           the sender said it, and it is not theirs to say
"""

from __future__ import annotations

# Statuses that speak of the moment and not of the request (RFC 9110 §15, RFC 6585 §4).
PASSING_STATUSES = frozenset({408, 425, 429, *range(500, 600)})


class FederationError(Exception):
    """Something between servers went wrong; `retry` says whether later may be better."""

    retry: bool = False


class Refused(FederationError):
    """We do not do this, whoever asks."""


class BadUrl(Refused):
    """Not a plain http(s) address."""


class ForbiddenAddress(Refused):
    """An address that is not on the public internet, or is our own.

    `retry` is true when the name is a good one and only today's answer of the
    DNS led to such an address.
    """

    def __init__(self, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.retry = retry


class Unreachable(FederationError):
    """No answer in time: DNS, TCP, TLS or the deadline.

    `connected` is true when the connection stood and was dropped without an
    answer: some peers do so to one kind of object, which says nothing about
    the host.
    """

    retry = True

    def __init__(self, message: str, *, connected: bool = False) -> None:
        super().__init__(message)
        self.connected = connected


class UnexpectedAnswer(FederationError):
    """An answer with a status that we cannot use.

    `status` is the HTTP status; `retry` is true where it speaks of the moment
    (408, 425, 429, 5xx).
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
        self.retry = status in PASSING_STATUSES


class Gone(UnexpectedAnswer):
    """The other side answered 404 or 410."""


class TooLarge(FederationError):
    """More bytes than we take."""


class WrongContentType(FederationError):
    """Not an ActivityStreams document."""


class MalformedDocument(FederationError):
    """Not JSON, or not of a shape that we can read."""


class UnsupportedType(MalformedDocument):
    """Well formed, of a type that we do not know."""


class Unauthentic(FederationError):
    """We cannot tell that the sender said this."""


class SignatureMissing(Unauthentic):
    """The request bears no signature."""


class SignatureInvalid(Unauthentic):
    """The signature does not hold."""


class ProofInvalid(Unauthentic):
    """The integrity proof does not hold (FEP-8b32)."""


class MalformedKey(Unauthentic):
    """A key that we cannot read, or that is too weak."""


class KeyUnavailable(Unauthentic):
    """The key could not be fetched."""

    retry = True


class Unauthorised(FederationError):
    """The sender said it, and it is not theirs to say (FEP-fe34)."""
