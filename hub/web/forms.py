"""Forms: read within limits, believed only when they come from a page of ours (SECURITY E3).

Each form bears a hidden field that only our pages can know, since it is made of a cookie that
other sites cannot read; and the browser's own words (`Sec-Fetch-Site`, `Origin`) must agree.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from federation.errors import BadUrl
from federation.origins import origin
from hub.core.errors import Forbidden, Invalid, TooBig
from hub.core.services import Services
from hub.web.bodies import FORM_BYTES, UPLOAD_BYTES
from hub.web.doors import caller_of, form_cookie, services_of

FIELD: Final = "csrf"
MAX_FIELDS: Final = 200
MAX_FILES: Final = 4
FORM_COOKIE_LASTS_S: Final = 12 * 3600

EXPIRED: Final = "This form has expired. Please go back, reload the page and send it again."


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a form; its name is a hint, never a path."""

    filename: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """What was entered: fields, each with one or more values, and files."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """The field's last value, without spaces around it."""
        values = self.fields.get(name)
        return values[-1].strip() if values else default

    def maybe(self, name: str) -> str | None:
        """The field's value, None when it is empty."""
        return self.text(name) or None

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of the field that is not empty."""
        return tuple(value.strip() for value in self.fields.get(name, ()) if value.strip())

    def checked(self, name: str) -> bool:
        """Whether a box is ticked."""
        return self.text(name) not in {"", "0", "off", "false", "no"}

    def file(self, name: str) -> Upload | None:
        """The file of the field, None when none was chosen."""
        return self.files.get(name)

    def values(self) -> dict[str, str]:
        """Every field's last value, to fill the form again."""
        return {name: values[-1] for name, values in self.fields.items() if values}


async def parse_form(request: Request, limit: int = FORM_BYTES) -> Form:
    """The form of a request that a page of ours sent; `limit` bounds its text in bytes.

    Raises:
        Forbidden: it did not come from a page of this hub, or the page was too old.
        Invalid: it is no form, or has too many fields.
        TooBig: it is longer than `limit`, or a file is longer than we take.
    """
    check_site(request)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        raise Invalid("This is not a form.")
    fields: dict[str, list[str]] = {}
    files: dict[str, Upload] = {}
    async with request.form(
        max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=limit
    ) as sent:
        for name, value in sent.multi_items():
            if isinstance(value, UploadFile):
                await _keep(files, name, value)
            else:
                fields.setdefault(name, []).append(_line_ends(value))
    if sum(len(value) for values in fields.values() for value in values) > limit:
        raise TooBig("That is more text than this form takes.")
    await check_token(request, fields.pop(FIELD, [""])[-1])
    return Form(fields, files)


def check_site(request: Request) -> None:
    """Let only requests pass that a page of this hub sent.

    Raises:
        Forbidden: the browser says that another site sent it.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        raise Forbidden("This was sent from another site. Please use the form on this hub.")
    sent_from = request.headers.get("origin")
    if sent_from is None:
        return
    settings = services_of(request).settings
    host = request.headers.get("host", "")
    try:
        named = origin(sent_from)
    except BadUrl:
        named = ""
    authority = named.partition("://")[2]
    # The name in the address bar counts as ours too: on loopback a hub has several.
    if named != settings.url and authority not in settings.authorities | {host.lower()}:
        raise Forbidden("This was sent from another site. Please use the form on this hub.")


async def check_token(request: Request, token: str) -> None:
    """Let only forms pass that were written for this browser.

    Raises:
        Forbidden: the hidden field does not fit the cookie.
    """
    secret = await bound_to(request)
    if not secret or not hmac.compare_digest(token.encode(), token_for(secret).encode()):
        raise Forbidden(EXPIRED)


def token_for(secret: str) -> str:
    """The hidden field's value for forms that are bound to a cookie's value."""
    return hashlib.sha256(f"form:{secret}".encode()).hexdigest()


def form_secret(request: Request) -> str:
    """The cookie value that forms of this answer are bound to; a new one where there is none.

    A page that prints a form calls it, and `keep_form_secret` puts it on the answer.
    """
    caller = getattr(request.state, "caller", None)
    if caller is not None and caller.secret:
        return str(caller.secret)
    known = request.cookies.get(form_cookie(services_of(request)), "")
    if not _is_secret(known):
        known = getattr(request.state, "form_secret", None) or secrets.token_urlsafe(24)
    request.state.form_secret = known
    return known


def keep_form_secret(request: Request, response: Response) -> None:
    """Set the cookie of `form_secret` if the page asked for one."""
    secret = getattr(request.state, "form_secret", None)
    if secret is None:
        return
    services = services_of(request)
    set_cookie(response, services, form_cookie(services), secret, FORM_COOKIE_LASTS_S)


def set_cookie(response: Response, services: Services, name: str, value: str, lasts_s: int) -> None:
    """A cookie that scripts cannot read and other sites' forms do not send."""
    response.set_cookie(
        name,
        value,
        max_age=lasts_s,
        path="/",
        secure=services.settings.secure,
        httponly=True,
        samesite="lax",
    )


def drop_cookie(response: Response, services: Services, name: str) -> None:
    """Make the browser forget a cookie."""
    response.delete_cookie(
        name, path="/", secure=services.settings.secure, httponly=True, samesite="lax"
    )


def local_path(value: str | None, default: str = "/") -> str:
    """A path on this hub to go back to; `default` for anything else (SECURITY E4)."""
    if not value or not value.startswith("/") or value.startswith(("//", "/\\")):
        return default
    if "\\" in value or not value.isascii() or not value.isprintable() or " " in value:
        return default
    return value


def see_other(path: str) -> RedirectResponse:
    """After a form: the page to look at now (303), so that reloading sends nothing again."""
    return RedirectResponse(path, status_code=303)


def field_errors(error: ValidationError | Sequence[Mapping[str, object]]) -> dict[str, str]:
    """What is wrong with which field, in plain words: `location.0` for parts of a field."""
    details: Sequence[Mapping[str, object]]
    details = error.errors(include_url=False) if isinstance(error, ValidationError) else error
    found: dict[str, str] = {}
    for detail in details:
        place = detail.get("loc")
        parts = [str(part) for part in place] if isinstance(place, tuple | list) else []
        name = ".".join(parts[1:] if parts[:1] in (["body"], ["query"], ["path"]) else parts)
        words = str(detail.get("msg", "")).removeprefix("Value error, ")
        found.setdefault(name, words[:1].upper() + words[1:])
    return found


async def bound_to(request: Request) -> str:
    """The cookie's value by which this browser is known to forms; empty where there is none."""
    caller = await caller_of(request)
    if caller.secret:
        return caller.secret
    known = request.cookies.get(form_cookie(services_of(request)), "")
    return known if _is_secret(known) else ""


def _is_secret(value: str) -> bool:
    return len(value) >= 32 and value.isascii()  # noqa: PLR2004  # 24 bytes in base 64


def _line_ends(value: str) -> str:
    """Browsers send CRLF; NUL is no text (PostgreSQL refuses it)."""
    return value.replace("\r\n", "\n").replace("\0", "")


async def _keep(files: dict[str, Upload], name: str, value: UploadFile) -> None:
    data = await value.read(UPLOAD_BYTES + 1)
    if len(data) > UPLOAD_BYTES:
        raise TooBig("That file is bigger than we take.")
    if value.filename and data:
        files[name] = Upload(value.filename, value.content_type or "", data)
