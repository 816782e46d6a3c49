"""Pages: the template environment, and the two ways to answer with one.

Templates live beside their room (`hub/events/templates/events/show.html`) and escape everything
but `SafeHtml`. A page gets `hub` (its name and look), `closing` (if it closes), `caller`, `csrf()`,
`asset()`, `path`, `language`, `direction`, `display` (how its reader likes it) and `now`; words
about time are made in the reader's language and on the event's clock.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote, urlsplit

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    pass_context,
    select_autoescape,
)
from jinja2.runtime import Context
from markupsafe import Markup

from hub.core import dates, text, words
from hub.core.clock import now
from hub.core.closing import closing_of
from hub.core.errors import NotFound
from hub.core.licences import name_of as name_of_licence
from hub.core.look import Look, look_of
from hub.core.services import Services
from hub.core.settings import Settings
from hub.core.text import SafeHtml
from hub.web import offline
from hub.web.assets import asset, is_built
from hub.web.bodies import BodyLimit
from hub.web.display import display_of
from hub.web.doors import ANYBODY, caller_of, language_cookie, services_of
from hub.web.forms import form_secret, keep_form_secret, token_for
from hub.web.headers import HeadAsGet
from hub.web.negotiation import ACTIVITY_TYPE, vary, wants_activity

ROOMS: Final = Path(__file__).parent.parent
PUBLIC_S: Final = 180  # how long a public document may be kept by caches (PROTOCOL 1.4)


@dataclass(frozen=True, slots=True)
class HubFace:
    """The hub as its pages show it."""

    name: str
    strapline: str
    initial: str
    look: Look
    language: str
    languages: tuple[str, ...]
    timezone: str
    url: str
    authority: str
    area: str
    contact: str
    imprint: str
    licence: str
    about: SafeHtml
    posting: str
    latitude: float | None
    longitude: float | None
    radius_m: int


class Timed(Protocol):
    """What `when` reads of an event."""

    starts_at: datetime
    ends_at: datetime | None
    timezone: str
    all_day: bool


class Written(Protocol):
    """What `body` reads of an entry or a reply."""

    content: str
    cleaned_by: int


class Spoken(Protocol):
    """What `in_words` reads of an entry."""

    language: str


class Pictured(Protocol):
    """What `src` reads of a picture."""

    id: Any
    name: str | None


def face(settings: Settings) -> HubFace:
    """The hub with these settings, and the look that it has now."""
    return _face(settings, look_of(settings))


@lru_cache(maxsize=8)
def _face(settings: Settings, look: Look) -> HubFace:
    return HubFace(
        name=settings.name,
        strapline=settings.strapline,
        initial=(settings.name.strip() or "H")[0].upper(),
        look=look,
        language=settings.language,
        languages=words.offered(settings.languages, settings.language),
        timezone=settings.timezone,
        url=settings.url,
        authority=settings.authority,
        area=settings.area,
        contact=settings.contact,
        imprint=settings.imprint,
        licence=settings.licence,
        about=text.markdown(settings.about),
        posting=settings.posting,
        latitude=settings.latitude,
        longitude=settings.longitude,
        radius_m=settings.radius_m,
    )


def prepare(app: FastAPI, services: Services) -> None:
    """Give an application what every page and form needs; before its routers are included.

    Each route then knows who asks, bodies are bounded, and HEAD is answered like GET.
    """
    app.state.services = services
    app.router.dependencies.append(Depends(caller_of))
    app.add_middleware(BodyLimit)
    app.add_middleware(HeadAsGet)
    environment()


def render(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page. It is for this reader alone: no cache keeps it."""
    services = services_of(request)
    caller = getattr(request.state, "caller", None) or ANYBODY
    language = language_of(request)
    given = {
        "hub": face(services.settings),
        "caller": caller,
        "csrf": lambda: token_for(form_secret(request)),
        "path": request.url.path,
        "query": request.url.query,
        "language": language,
        "direction": words.direction(language),
        "now": now(),
        "display": display_of(request),
        "status": status,
        "closing": closing_of(services.settings),
        **context,
    }
    with words.speaking(language):
        html = environment().get_template(template).render(given)
    response = HTMLResponse(html, status, headers={"cache-control": "private, no-store"})
    keep_form_secret(request, response)
    offline.mark(request, response, caller)
    return response


def language_of(request: Request) -> str:
    """The language in which whoever asks is spoken to."""
    services = services_of(request)
    settings = services.settings
    chosen = request.cookies.get(language_cookie(services), "")
    accepted = request.headers.get("accept-language", "")
    return words.choose(chosen, accepted, settings.language, settings.languages)


def respond(
    request: Request, document: bytes | None, template: str, *, url: str = "", **context: Any
) -> Response:
    """An entry as its ActivityPub document or as its page, as the request asks (PROTOCOL 1.4).

    `document` is None for what is not public: then there is only the page. `url` is the entry's
    id, by default this request's address.

    Raises:
        NotFound: the document is asked for, and there is none to give.
    """
    settings = services_of(request).settings
    if wants_activity(request):
        if document is None:
            raise NotFound("There is nothing here, or it is not public.")
        return activity(document)
    page = render(request, template, **context)
    page.headers["vary"] = "Accept, Cookie"
    if document is not None:
        address = quote(url or settings.url + request.url.path, safe=":/?#[]@!$&'()*+,;=%-._~")
        page.headers["link"] = f'<{address}>; rel="alternate"; type="application/activity+json"'
    return page


def activity(document: bytes, status: int = 200) -> Response:
    """A public ActivityPub document."""
    headers = vary({"cache-control": f"public, max-age={PUBLIC_S}"}, "Accept")
    return Response(document, status, headers=headers, media_type=ACTIVITY_TYPE)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The one template environment of this process."""
    folders = sorted(str(path) for path in ROOMS.glob("*/templates") if path.is_dir())
    made = Environment(
        loader=FileSystemLoader(folders),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    made.install_gettext_callables(words.say, words.say_many, newstyle=True)  # type: ignore[attr-defined]
    made.globals.update(
        asset=asset,
        built=is_built,
        written=words.written,
        name_of=words.name_of,
        in_words=_in_words,
        once=lambda: secrets.token_urlsafe(16),
    )
    made.filters.update(_FILTERS)
    return made


def _zone(context: Context, timezone: str | None) -> str:
    hub = context.get("hub")
    return timezone or (hub.timezone if isinstance(hub, HubFace) else "UTC")


@pass_context
def _day(context: Context, moment: datetime, timezone: str | None = None) -> str:
    """`Sat 12 Sep 2026`, on the hub's clock or on that of `timezone`."""
    local = moment.astimezone(dates.zone_of(_zone(context, timezone)))
    return dates.day(local, words.spoken())


@pass_context
def _short_day(context: Context, moment: datetime, timezone: str | None = None) -> str:
    """`12 Sep 2026`."""
    local = moment.astimezone(dates.zone_of(_zone(context, timezone)))
    return dates.short_day(local, words.spoken())


@pass_context
def _clock(context: Context, moment: datetime, timezone: str | None = None) -> str:
    """`15:00`."""
    return dates.clock(moment.astimezone(dates.zone_of(_zone(context, timezone))))


@pass_context
def _when(context: Context, event: Timed, *, year: bool = False) -> str:
    """`Sat 12 Sep, 15:00–18:00`, on the event's clock; with the year where it is another."""
    this_year = context["now"].year
    local = event.starts_at.astimezone(dates.zone_of(event.timezone))
    return dates.span(
        event.starts_at,
        event.ends_at,
        event.timezone,
        words.spoken(),
        all_day=event.all_day,
        year=year or local.year != this_year,
    )


@pass_context
def _tile(context: Context, moment: datetime, timezone: str | None = None) -> dates.DateTile:
    """Weekday, day and month for a date tile."""
    return dates.tile(moment, _zone(context, timezone), words.spoken())


@pass_context
def _since(context: Context, moment: datetime) -> str:
    """`3 hours ago`."""
    return dates.since(moment, context["now"], words.spoken())


def _in_words(thing: Spoken) -> Markup:
    """The attributes of what is in somebody's own words: their language, and from which side."""
    return Markup('dir="auto" lang="{}"').format(thing.language)


def _body(thing: Written) -> SafeHtml:
    """The cleaned HTML of an entry or reply."""
    return text.shown(thing.content, thing.cleaned_by)


def _src(picture: Pictured) -> str:
    """Where this hub serves a picture: its own, or its copy of another server's."""
    return f"/media/{picture.name}" if picture.name else f"/media/remote/{picture.id}"


def _iso(moment: datetime) -> str:
    """A moment for `<time datetime>`."""
    return moment.isoformat()


def _input(moment: datetime | None, timezone: str) -> str:
    """A moment for `<input type=datetime-local>`, on the clock of `timezone`."""
    if moment is None:
        return ""
    return f"{moment.astimezone(dates.zone_of(timezone)):%Y-%m-%dT%H:%M}"


def _host(url: str) -> str:
    """The host of an address, in full, as residents should read it (SECURITY C8)."""
    return urlsplit(url).netloc


_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "day": _day,
    "short_day": _short_day,
    "clock": _clock,
    "when": _when,
    "date_tile": _tile,
    "since": _since,
    "licence": name_of_licence,
    "body": _body,
    "src": _src,
    "iso": _iso,
    "local_input": _input,
    "host": _host,
    "teaser": text.teaser,
    "said": words.say,
    "unpacked": words.unpacked,
}
