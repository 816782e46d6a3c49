"""Where an import comes from, when that is an address: a group's public calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from federation.errors import FederationError, ForbiddenAddress, Gone, TooLarge, Unreachable
from hub.core.errors import Elsewhere, Invalid, TooBig
from hub.core.services import Services
from hub.core.words import filled
from hub.feeds.reading import MAX_BYTES

ACCEPT: Final = {
    "ics": "text/calendar, */*;q=0.5",
    "csv": "text/csv, text/plain;q=0.8, */*;q=0.5",
}
FETCH_SECONDS: Final = 60
NOT_MODIFIED: Final = 304
CONDITIONS: Final = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
LONGEST_VALIDATOR: Final = 500
# webcal is http with a name that opens a calendar program; every such server speaks https too.
SCHEMES: Final = {"webcal": "https", "webcals": "https", "http": "http", "https": "https"}


def address(source: str, *, allow_http: bool = False) -> str:
    """The address to fetch.

    Raises:
        Invalid: it is none.
    """
    parts = urlsplit(source.strip())
    scheme = SCHEMES.get(parts.scheme.lower())
    if scheme is None or not parts.netloc:
        raise Invalid(
            filled(
                "“{source}” is neither a file nor an address such as https://…", source=source[:80]
            )
        )
    if parts.scheme.lower() == "webcal" and allow_http:
        scheme = "http"
    return urlunsplit((scheme, parts.netloc, parts.path, parts.query, ""))


@dataclass(frozen=True, slots=True)
class Found:
    """A file at an address, and the headers by which its server knows this version again."""

    data: bytes
    validators: dict[str, str]


def host(url: str) -> str:
    """Where an address leads, as people say it."""
    return urlsplit(url).netloc


async def fetched(services: Services, kind: str, url: str) -> bytes:
    """The file at an address, whatever we had of it.

    Raises:
        Elsewhere, Invalid, TooBig: as `asked`.
    """
    found = await asked(services, kind, url, {})
    return found.data if found is not None else b""


async def asked(services: Services, kind: str, url: str, known: Mapping[str, str]) -> Found | None:
    """The file at an address; None if it is still the version that the headers in `known` name.

    Raises:
        Elsewhere: the other server did not give it.
        Invalid: it is an address that a hub does not ask.
        TooBig: it has more than 10 MB.
    """
    try:
        answer = await services.fetcher.fetch_bytes(
            url, ACCEPT.get(kind, "*/*"), MAX_BYTES, deadline_s=FETCH_SECONDS, known=known
        )
    except TooLarge:
        raise TooBig(
            filled(
                "The file at {url} has more than {most} MB.", url=url, most=MAX_BYTES // 1_000_000
            )
        ) from None
    except ForbiddenAddress:
        raise Invalid(
            filled("{url} does not lead to a public server, so it is not asked.", url=url)
        ) from None
    except Gone:
        raise Elsewhere(
            filled("There is nothing at {url}. Has the address changed?", url=url)
        ) from None
    except Unreachable as error:
        raise Elsewhere(
            filled("{url} cannot be reached now: {error}. Try again later.", url=url, error=error)
        ) from error
    except FederationError as error:
        raise Elsewhere(
            filled("{url} could not be fetched: {error}.", url=url, error=error)
        ) from error
    if answer.status == NOT_MODIFIED:
        return None
    said = {CONDITIONS[name]: answer.headers[name] for name in CONDITIONS if name in answer.headers}
    return Found(answer.body, {name: value[:LONGEST_VALIDATOR] for name, value in said.items()})
