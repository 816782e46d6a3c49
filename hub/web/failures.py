"""What went wrong, told to whoever asked: a page for people, a problem document for programs.

`HubError` knows its status; here it becomes an answer, and nowhere else. Problem documents are
RFC 9457. The cause stays in the log.
"""

from __future__ import annotations

import logging
import math
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from federation.errors import FederationError
from hub.core.errors import (
    Busy,
    Elsewhere,
    Gone,
    HubError,
    Invalid,
    NotSignedIn,
    SignInFirst,
    TooMany,
)
from hub.core.words import filled, later
from hub.web.doors import caller_of
from hub.web.forms import field_errors, see_other
from hub.web.negotiation import ACTIVITY_TYPE, wants_activity, wants_page
from hub.web.pages import render

log = logging.getLogger(__name__)

PROBLEM_TYPE: Final = "application/problem+json"
UNEXPECTED: Final = later(
    "Something went wrong on our side. It is noted in the log. Please try again in a moment."
)
SIGN_IN: Final = later(
    "This is for people who are signed in. A steward of this hub can let you in."
)
WORDS: Final = {
    400: later("The request could not be read. Please check it and send it again."),
    404: later("There is nothing at this address. It may have been moved, or mistyped."),
    405: later("This address does not take that kind of request."),
    413: later("That is bigger than we take: 1 MB, or 12 MB for files."),
    415: later("Please send JSON, with Content-Type: application/json."),
}


def install(app: FastAPI) -> None:
    """Let every error of this application be answered here."""
    app.add_exception_handler(HubError, _hub_error)
    app.add_exception_handler(FederationError, _federation_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(Exception, _unexpected)


async def answer(request: Request, error: HubError) -> Response:
    """The page or the problem document of an error."""
    if isinstance(error, SignInFirst) and wants_page(request):
        return see_other("/sign-in")
    headers: dict[str, str] = {}
    if isinstance(error, TooMany | Busy):
        headers["retry-after"] = str(max(1, math.ceil(error.after_s)))
    if isinstance(error, NotSignedIn) and not wants_page(request):
        headers["www-authenticate"] = 'Bearer realm="hub"'  # RFC 6750 §3
    fields = error.fields if isinstance(error, Invalid) else {}
    if isinstance(error, Gone) and not request.url.path.startswith("/api/"):
        tombstone = _tombstone(request, error)
        if tombstone is not None:
            return tombstone
    detail = str(error) or error.title
    if isinstance(error, NotSignedIn) and wants_page(request):
        detail = SIGN_IN  # of tokens only programs are told
    return await _answer(request, error.status, error.title, detail, fields, headers)


def problem(
    status: int, title: str, detail: str, fields: dict[str, str] | None = None
) -> dict[str, Any]:
    """A problem document (RFC 9457); `fields` says which member is wrong, and how."""
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
    }
    if fields:
        told["fields"] = fields
    return told


async def _answer(
    request: Request,
    status: int,
    title: str,
    detail: str,
    fields: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    response: Response
    if wants_page(request):
        with suppress(NotSignedIn):  # a token that is not good: its bearer is anybody here
            await caller_of(request)
        response = render(
            request, "web/error.html", status, title=title, detail=detail, fields=fields or {}
        )
    else:
        # RFC 9457 §4.2.1: under about:blank the title is the status's own phrase.
        told = problem(status, _phrase(status), detail, fields)
        response = Response(orjson.dumps(told), status, media_type=PROBLEM_TYPE)
        response.headers["cache-control"] = "private, no-store"
    response.headers["vary"] = "Accept, Cookie"
    response.headers.update(headers or {})
    return response


def _tombstone(request: Request, error: Gone) -> Response | None:
    """What is left of a deleted object, for servers that ask (AP-11)."""
    if not error.tombstone or not wants_activity(request):
        return None
    response = Response(orjson.dumps(error.tombstone), 410, media_type=ACTIVITY_TYPE)
    response.headers["vary"] = "Accept"
    return response


async def _hub_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HubError):
        raise error
    return await answer(request, error)


async def _federation_error(request: Request, error: Exception) -> Response:
    """Another server failed while somebody here waited."""
    # By the route, not the address: that may hold a secret of somebody.
    route = getattr(request.scope.get("route"), "path", "")
    log.info("%s %s: %s", request.method, route, type(error).__name__)
    told = Elsewhere(
        filled("The other server could not be used: {error}. Please try again later.", error=error)
    )
    return await answer(request, told)


async def _invalid_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    details = error.errors()
    if any(detail.get("type") == "json_invalid" for detail in details):
        return await _answer(request, 400, _phrase(400), "The body is not JSON that we can read.")
    fields = field_errors(details)
    what = "; ".join(f"{name or 'body'}: {words}" for name, words in fields.items())
    return await answer(
        request, Invalid(filled("Please correct and send again: {what}.", what=what), fields)
    )


async def _http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    phrase = _phrase(error.status_code)
    said = error.detail if error.detail not in {phrase, ""} else ""
    detail = WORDS.get(error.status_code, said or phrase)
    headers = dict(error.headers or {})
    return await _answer(request, error.status_code, phrase, detail, headers=headers)


async def _unexpected(request: Request, _error: Exception) -> Response:
    return await _answer(request, 500, _phrase(500), UNEXPECTED)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
