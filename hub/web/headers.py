"""What every answer says to the browser, whoever made it (SECURITY 7). Pure ASGI."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

TWO_YEARS_S: Final = 63_072_000

# Nothing inline, nothing from elsewhere; forms go only home.
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
# Uploaded and copied files may do nothing at all (SECURITY F3).
FILE_POLICY: Final = "default-src 'none'; sandbox"

# A page that other sites may show in a frame: it knows nobody, and sends nothing.
FRAMED: Final = {
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "img-src 'self'",
            "font-src 'self'",
            "form-action 'none'",
            "frame-ancestors *",
            "base-uri 'none'",
        )
    ),
    "x-frame-options": "",  # there is no word for "everybody"; it is left out
    "cross-origin-resource-policy": "cross-origin",
    "cross-origin-opener-policy": "unsafe-none",
}

SNIFFING: Final = {"x-content-type-options": "nosniff"}
# What does not say that it is the same for everybody is kept by no cache (SECURITY D3).
UNKEPT: Final = {"cache-control": "private, no-store"}
HEADERS: Final = {
    "content-security-policy": POLICY,
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(self), microphone=(), payment=(), usb=()",
}


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _is_activity(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether it is a document for servers: no browser runs, frames or styles it."""
    kinds = (value for name, value in headers if name == b"content-type")
    return next(kinds, b"").startswith(b"application/activity+json")


class SecurityHeaders:
    """ASGI middleware: adds what the answer does not say itself; HSTS only over https."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self.app = app
        hsts = {"strict-transport-security": f"max-age={TWO_YEARS_S}; includeSubDomains"}
        always = {**SNIFFING, **UNKEPT, **(hsts if secure else {})}
        self._page = _raw({**HEADERS, **always})
        self._data = _raw(always)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                said = {name for name, _ in given}
                ours = self._data if _is_activity(given) else self._page
                whole = given + [one for one in ours if one[0] not in said]
                message["headers"] = [one for one in whole if one[1]]  # empty: none at all
            await send(message)

        await self.app(scope, receive, with_headers)


class HeadAsGet:
    """ASGI middleware: HEAD is GET without its body (RFC 9110 §9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on as GET; let only the headers back."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def headers_only(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET"}, receive, headers_only)
