"""Request bodies: bounded while they arrive, and JSON that is JSON (SECURITY C1, C9)."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.core.errors import NotSignedIn
from hub.web.doors import SIGN_IN, Audience, caller_of

FORM_BYTES: Final = 1024 * 1024
UPLOAD_BYTES: Final = 12 * 1024 * 1024  # a picture of 10 MB, or a calendar of as much, and words
MAX_DEPTH: Final = 32
MAX_NODES: Final = 10_000
MAX_NUMBER: Final = 2**53  # beyond it, readers of JSON no longer agree on a number (RFC 8259 §6)

READS: Final = ("GET", "HEAD")
UPLOADS: Final = ("multipart/form-data", "text/calendar", "text/csv")
DRAINED_BYTES: Final = 32 * 1024 * 1024  # as deploy/Caddyfile: it refuses more by itself
TOO_BIG: Final = "That is bigger than we take: 1 MB, or 12 MB for files."


class BodyLimit:
    """ASGI middleware: no request brings more bytes than we take."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count while it arrives.

        Raises:
            HTTPException: 413, answered by the application inside.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        media_type = headers.get(b"content-type", b"").decode("latin-1").lower()
        limit = UPLOAD_BYTES if media_type.startswith(UPLOADS) else FORM_BYTES
        length = headers.get(b"content-length", b"0")
        announced = int(length) if length.isdigit() else 0
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if max(taken, announced) <= limit:
                return message
            # A proxy that cannot go on sending says 502 instead of what we answer.
            while message.get("more_body") and taken <= DRAINED_BYTES:
                message = await receive()
                taken += len(message.get("body", b""))
            raise HTTPException(413, TOO_BIG)

        await self.app(scope, counted, send)


class StrictRequest(Request):
    """A request whose JSON is read strictly."""

    async def json(self) -> Any:
        """The body's JSON.

        Raises:
            json.JSONDecodeError: it is none, or is deeper or bigger than we take.
        """
        if not hasattr(self, "_json"):
            self._json = strict_json(await self.body())
        return self._json


class ApiRoute(APIRoute):
    """A route of the JSON API: bodies are read strictly, and those of strangers change nothing."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, given a `StrictRequest`."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            try:
                return await handle(StrictRequest(request.scope, request.receive))
            except RequestValidationError:
                # Who may not come in at all need not learn what is wrong with their papers.
                if request.method not in READS and not (await caller_of(request)).known:
                    raise NotSignedIn(SIGN_IN) from None
                raise

        return strictly


def api_router(path: str, tag: str, *who: Audience) -> APIRouter:
    """A router under `/api/v1`; `path` such as `/events`, `who` the audience of all its routes."""
    return APIRouter(
        prefix=f"/api/v1{path}", tags=[tag], route_class=ApiRoute, dependencies=list(who)
    )


def strict_json(body: bytes) -> Any:
    """The JSON of a body: no NaN, no bad UTF-8, no NUL, bounded in depth, size and numbers.

    Raises:
        json.JSONDecodeError: it is not.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise json.JSONDecodeError(str(error), "", 0) from error
    _check(value)
    return value


def _check(value: Any) -> None:
    """Walk the value without recursion."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    seen = 0
    while waiting:
        item, depth = waiting.pop()
        seen += 1
        if depth > MAX_DEPTH or seen > MAX_NODES:
            raise json.JSONDecodeError("nested too deep or too big", "", 0)
        if isinstance(item, dict):
            waiting.extend((key, depth) for key in item)
            waiting.extend((part, depth + 1) for part in item.values())
        elif isinstance(item, list):
            waiting.extend((part, depth + 1) for part in item)
        elif isinstance(item, str):
            if "\0" in item:
                raise json.JSONDecodeError("a NUL in a text", "", 0)
        elif isinstance(item, int | float) and abs(item) > MAX_NUMBER:
            raise json.JSONDecodeError("a number beyond 2^53", "", 0)
