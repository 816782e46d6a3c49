"""Which kind of answer a request asks for (RFC 9110 §12.5.1, PROTOCOL 1.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from fastapi import Request

Kind = Literal["html", "activity", "json"]

ACTIVITY_TYPE: Final = "application/activity+json; charset=utf-8"

_KINDS: Final[dict[str, Kind]] = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/activity+json": "activity",
    "application/ld+json": "activity",
    "application/json": "json",
    "application/problem+json": "json",
}
_MAX_RANGES: Final = 40  # ranges of one Accept header that are looked at


def wanted(accept: str | None, default: Kind, among: Sequence[Kind]) -> Kind:
    """The kind that `accept` weighs highest among those on offer; `default` wins ties and `*/*`.

    Bare JSON counts as ActivityPub where no other JSON is on offer: old servers ask so.
    """
    weights: dict[Kind, float] = {}
    for part in (accept or "*/*").split(",", _MAX_RANGES)[:_MAX_RANGES]:
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        kind = _KINDS.get(name, default if name in {"*/*", "text/*", "application/*"} else None)
        if kind == "json" and "json" not in among:
            kind = "activity"
        if kind is not None and kind in among:
            weights[kind] = max(weights.get(kind, 0.0), _weight(parameters))
    best = max(weights.values(), default=0.0)
    if best == 0 or weights.get(default) == best:
        return default
    return next(kind for kind, weight in weights.items() if weight == best)


def wants_activity(request: Request, default: Kind = "html") -> bool:
    """Whether the answer to this request is an ActivityPub document."""
    return wanted(request.headers.get("accept"), default, ("html", "activity")) == "activity"


def wants_page(request: Request) -> bool:
    """Whether an error is answered with a page: never under /api, else unless JSON is asked for."""
    if request.url.path.startswith("/api/"):
        return False
    return wanted(request.headers.get("accept"), "html", ("html", "activity", "json")) == "html"


def vary(headers: dict[str, str], *names: str) -> dict[str, str]:
    """The headers, with `names` among those that the answer depends on."""
    known = [name.strip() for name in headers.get("vary", "").split(",") if name.strip()]
    fresh = [name for name in names if name.lower() not in {old.lower() for old in known}]
    return {**headers, "vary": ", ".join(known + fresh)}


def _weight(parameters: list[str]) -> float:
    """The q of a media range: 1 where none is given, 0 where it cannot be read."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if 0 <= weight <= 1 else 0.0
    return 1.0
