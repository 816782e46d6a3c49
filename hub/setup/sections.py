"""The parts into which the settings are cut on the pages, each with its form.

A form's fields are not always settings: a place is pasted whole, a mail server is told in parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from hub.core import licences
from hub.core.clock import zones
from hub.core.errors import Invalid
from hub.core.settings import Settings
from hub.core.smtp import PORTS, Server, server_of
from hub.core.text import tidy
from hub.core.words import languages, later, name_of
from hub.setup.spots import spot
from hub.web.forms import Form

Fields = dict[str, Any]

RADII: Final = (500, 1000, 2000, 3000, 5000, 10_000, 20_000, 50_000)
KILOMETRE: Final = 1000
# What a page may make the hub dial; the machine itself may name any port (HUB_SMTP_URL).
MAIL_PORTS: Final = frozenset({25, 465, 587, 2525})
NO_NUMBER: Final = later("Please enter a whole number.")
NO_PORT: Final = later("Mail servers listen on port 25, 465, 587 or 2525.")
NO_RADIUS: Final = later("Please choose how far the neighbourhood reaches.")
NO_SERVER: Final = later("Please enter a mail server’s name, such as mail.example.")


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the settings.

    `choices` are the settings in it. `read` makes values for them of what was entered, given what
    is in force; `fill` what the form shows.
    """

    title: str
    text: str
    icon: str
    choices: tuple[str, ...]
    read: Callable[[Form, Settings], Fields]
    fill: Callable[[Settings], Fields]


def clocks() -> list[str]:
    """The time zones to choose from, by their IANA names."""
    return sorted(name for name in zones() if "/" in name and name[:4] != "Etc/")


def _line(form: Form, name: str) -> str:
    return tidy(form.text(name))


def _read_name(form: Form, _: Settings) -> Fields:
    names = ("name", "strapline", "language", "timezone")
    return {name: _line(form, name) for name in names} | {"languages": _languages(form)}


def _languages(form: Form) -> tuple[str, ...]:
    """Those that were ticked; none if it is all, or none, so that later ones come along."""
    ticked = tuple(code for code in languages() if code in form.all("languages"))
    return () if ticked == languages() else ticked


def _fill_name(settings: Settings) -> Fields:
    names = _plain("name", "strapline", "language", "timezone")(settings)
    return names | {"languages": settings.languages or languages()}


def _read_area(form: Form, _: Settings) -> Fields:
    entered, far = form.text("where"), form.text("radius_m")
    latitude, longitude = spot(entered) if entered else (None, None)
    if not (far.isascii() and far.isdigit()):
        raise Invalid(NO_RADIUS, {"radius_m": NO_RADIUS})
    return {
        "area": _line(form, "area"),
        "latitude": latitude,
        "longitude": longitude,
        "radius_m": int(far),
    }


def _fill_area(settings: Settings) -> Fields:
    where = ""
    if settings.latitude is not None and settings.longitude is not None:
        where = f"{settings.latitude:g}, {settings.longitude:g}"
    return {"area": settings.area, "where": where, "radius_m": settings.radius_m}


def _read_words(form: Form, settings: Settings) -> Fields:
    return {
        "about": tidy(form.text("about"), lines=True),
        "contact": _line(form, "contact"),
        "imprint": tidy(form.text("imprint"), lines=True),
        "licence": form.text("licence", settings.licence),
    }


def _read_mail(form: Form, settings: Settings) -> Fields:
    """The mail server as one address; a password that was not entered anew stays as it is."""
    host, user, password = (form.text(name) for name in ("server", "user", "password"))
    sender = {"mail_from": form.text("mail_from")}
    if not host:
        return {"smtp_url": "", **sender}
    if not all(sign.isalnum() or sign in ".-:[]" for sign in host):
        raise Invalid(NO_SERVER, {"server": NO_SERVER})
    scheme, port = form.text("security"), form.text("port")
    if scheme not in PORTS:
        scheme = "starttls"
    if port and not (port.isascii() and port.isdigit()):
        raise Invalid(NO_NUMBER, {"port": NO_NUMBER})
    if port and not settings.allow_http and int(port) not in MAIL_PORTS:
        raise Invalid(NO_PORT, {"port": NO_PORT})
    before = server_of(settings.smtp_url) if settings.smtp_url else None
    if not password and before is not None and (before.host, before.user) == (host.lower(), user):
        password = before.password
    who = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    return {"smtp_url": f"{scheme}://{who}{host}:{port or PORTS[scheme]}", **sender}


def _fill_mail(settings: Settings) -> Fields:
    found: Fields = {"mail_from": settings.mail_from, "security": "starttls", "has_password": False}
    if settings.smtp_url:
        server: Server = server_of(settings.smtp_url)
        scheme = settings.smtp_url.partition("://")[0]
        found |= {"server": server.host, "port": server.port, "user": server.user}
        found |= {"security": scheme, "has_password": bool(server.password)}
    return found


def _read_posting(form: Form, _: Settings) -> Fields:
    few = form.text("guest_posts")
    if not (few.isascii() and few.isdigit()):
        raise Invalid(NO_NUMBER, {"guest_posts": NO_NUMBER})
    return {
        "posting": form.text("posting"),
        "hold_posts": form.checked("hold_posts"),
        "guest_posts": int(few),
    }


def _plain(*names: str) -> Callable[[Settings], Fields]:
    """Fields that are settings as they are."""
    return lambda settings: {name: getattr(settings, name) for name in names}


SECTIONS: Final[Mapping[str, Section]] = {
    "name": Section(
        later("Name and language"),
        later("What the hub is called, what it speaks, and its clock"),
        "tag",
        ("name", "strapline", "language", "languages", "timezone"),
        _read_name,
        _fill_name,
    ),
    "area": Section(
        later("The neighbourhood"),
        later("What it is called, where it lies, and how far it reaches"),
        "map-pin",
        ("area", "latitude", "longitude", "radius_m"),
        _read_area,
        _fill_area,
    ),
    "words": Section(
        later("About this hub"),
        later("What it is for, how to reach you, who is responsible, and what others may use"),
        "info",
        ("about", "contact", "imprint", "licence"),
        _read_words,
        _plain("about", "contact", "imprint", "licence"),
    ),
    "posting": Section(
        later("Who may post"),
        later("Everybody or members, and what waits for a moderator"),
        "pencil",
        ("posting", "hold_posts", "guest_posts"),
        _read_posting,
        _plain("posting", "hold_posts", "guest_posts"),
    ),
    "mail": Section(
        later("Mail"),
        later("By which mail server letters go out"),
        "mail",
        ("smtp_url", "mail_from"),
        _read_mail,
        _fill_mail,
    ),
}

LABELS: Final = {
    "name": later("Name"),
    "strapline": later("Under the name"),
    "language": later("Main language"),
    "languages": later("Languages to choose from"),
    "timezone": later("Time zone"),
    "area": later("What the neighbourhood is called"),
    "latitude": later("Its middle"),
    "longitude": later("Its middle"),
    "radius_m": later("How far it reaches"),
    "about": later("What this hub is for"),
    "contact": later("How to reach the stewards"),
    "imprint": later("Who is responsible"),
    "licence": later("Terms for what is public here"),
    "posting": later("Who may post"),
    "hold_posts": later("Everything waits for a moderator"),
    "guest_posts": later("Posts of a newcomer in a day"),
    "smtp_url": later("Mail server"),
    "mail_from": later("Sender of letters"),
}

_POSTING: Final = {"everybody": later("Everybody"), "members": later("Members only")}


def shown(name: str, settings: Settings) -> str:
    """A choice as a page shows it; what is secret only as far as it is none."""
    value = getattr(settings, name)
    if name in {"latitude", "longitude"}:
        value = _fill_area(settings)["where"]
    elif isinstance(value, bool):
        value = later("yes") if value else later("no")
    elif name in _SHOWN and value:
        value = _SHOWN[name](value)
    return str(value) or "–"


def far(metres: int) -> str:
    """`500 m`, `2 km`."""
    return f"{metres} m" if metres < KILOMETRE else f"{metres / KILOMETRE:g} km"


_SHOWN: Final[Mapping[str, Callable[[Any], str]]] = {
    "smtp_url": lambda url: server_of(url).host,
    "radius_m": far,
    "language": name_of,
    "languages": lambda codes: ", ".join(map(name_of, codes)),
    "posting": _POSTING.__getitem__,
    "licence": licences.name_of,
}
