"""How an answer is put: refusals as problem documents, freshness, and which representation."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from typing import Final, Literal

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from federation.errors import (
    BadUrl,
    FederationError,
    MalformedDocument,
    TooLarge,
    Unauthentic,
    Unauthorised,
)
from federation.signatures.http import ACCEPT_ED25519, ACCEPT_SIGNATURE

STATUSES: Final[Mapping[type[FederationError], int]] = {
    MalformedDocument: 400,
    BadUrl: 400,
    TooLarge: 413,
    Unauthentic: 401,
    Unauthorised: 401,
    # A key that cannot be fetched for whatever reason: nobody can tell who it was.
    FederationError: 401,
}
"""What a peer is told of each refusal, looked up along the class chain (AP-27)."""

_ACCEPTED_HEADERS = [(b"content-length", b"0"), (b"accept-signature", ACCEPT_ED25519.encode())]
ACCEPTED: Final[tuple[Message, ...]] = (
    {"type": "http.response.start", "status": 202, "headers": _ACCEPTED_HEADERS},
    {"type": "http.response.body", "body": b""},
)
"""What an inbox says to what it has kept."""


class Refusal(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})

    @classmethod
    def of(cls, problem: FederationError) -> Refusal:
        """What a peer is told of a problem."""
        status = next(STATUSES[kind] for kind in type(problem).__mro__ if kind in STATUSES)
        # How to sign in a way that we would believe (RFC 9421 §5.1).
        headers = (
            {"Accept-Signature": ACCEPT_SIGNATURE} if status == HTTPStatus.UNAUTHORIZED else {}
        )
        return cls(status, str(problem), headers)

    def response(self) -> Response:
        """The refusal as a problem document (RFC 9457)."""
        title = HTTPStatus(self.status).phrase
        body = {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail}
        headers = {"Cache-Control": "no-store", **self.headers}
        return Response(
            orjson.dumps(body), self.status, headers, media_type="application/problem+json"
        )


def slower(wait: float | None) -> None:
    """Send away who is in a hurry, for this many seconds; None: go on (RFC 6585 §4).

    Raises:
        Refusal: 429, with the time to wait.
    """
    if wait is not None:
        seconds = str(max(1, math.ceil(wait)))
        raise Refusal(429, "too many requests", {"Retry-After": seconds})


def fresh(
    request: Request,
    body: bytes,
    headers: dict[str, str],
    *,
    max_age: int,
    etag: str | None = None,
    modified: datetime | None = None,
) -> Response:
    """`body`, or 304 if the caller has it."""
    tag = etag or hashlib.sha256(body).hexdigest()[:32]
    tag = tag if tag.endswith('"') else f'"{tag}"'
    headers |= {"ETag": tag, "Cache-Control": f"public, max-age={max_age}"}
    if modified is not None:
        headers["Last-Modified"] = format_datetime(modified.astimezone(UTC), usegmt=True)
    if _has(request, tag, modified):
        del headers["Content-Type"]
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers)


def _has(request: Request, tag: str, modified: datetime | None) -> bool:
    """Whether the caller has this very version (RFC 9110 §13.2.2)."""
    known = request.headers.get("if-none-match")
    if known is not None:
        tags = {one.strip().removeprefix("W/") for one in known.split(",")}
        return "*" in tags or tag.removeprefix("W/") in tags
    since = request.headers.get("if-modified-since")
    if since is None or modified is None:
        return False
    try:
        known_at = parsedate_to_datetime(since)
    except ValueError:
        return False
    if known_at.tzinfo is None:
        return False
    return modified.replace(microsecond=0) <= known_at


# -------------------------------------------------------------------- content negotiation

_ACTIVITY_TYPES: Final = ("application/activity+json", "application/ld+json", "application/json")
_PAGE_TYPES: Final = ("text/html", "application/xhtml+xml")


def wants_activity(accept_header: str | None, default: Literal["html", "activity"]) -> bool:
    """Whether a caller would rather have ActivityStreams than a page.

    `default` is what a tie means, such as `*/*`: pages at page addresses, activity at ids
    (PROTOCOL §1.4).
    """
    weights = _weights(accept_header or "*/*")
    activity, page = _weight(weights, _ACTIVITY_TYPES), _weight(weights, _PAGE_TYPES)
    return default == "activity" if activity == page else activity > page


def _weight(weights: Mapping[str, float], kinds: tuple[str, ...]) -> float:
    """The best that is said of `kinds`; what is said of them by name outdoes wildcards."""
    named = [weights[kind] for kind in kinds if kind in weights]
    if named:
        return max(named)
    family = kinds[0].partition("/")[0]
    return weights.get(f"{family}/*", weights.get("*/*", 0.0))


def _weights(accept: str) -> dict[str, float]:
    """Quality by media type (RFC 9110 §12.5.1); parameters other than q are passed over."""
    found: dict[str, float] = {}
    for part in accept[:1000].lower().split(","):
        kind, *parameters = (one.strip() for one in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                weight = _quality(value.strip())
        if kind:
            found[kind] = max(weight, found.get(kind, 0.0))
    return found


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
