"""Where an import comes from, when that is an address: a group's public calendar."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit, urlunsplit

from federation.errors import FederationError, ForbiddenAddress, Gone, TooLarge, Unreachable
from hub.core.errors import Elsewhere, Invalid, TooBig
from hub.core.services import Services
from hub.feeds.reading import MAX_BYTES

ACCEPT: Final = {
    "ics": "text/calendar, */*;q=0.5",
    "csv": "text/csv, text/plain;q=0.8, */*;q=0.5",
}
FETCH_SECONDS: Final = 60
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
        raise Invalid(f"“{source[:80]}” is neither a file nor an address such as https://…")
    if parts.scheme.lower() == "webcal" and allow_http:
        scheme = "http"
    return urlunsplit((scheme, parts.netloc, parts.path, parts.query, ""))


async def fetched(services: Services, kind: str, url: str) -> bytes:
    """The file at an address.

    Raises:
        Elsewhere: the other server did not give it.
        Invalid: it is an address that a hub does not ask.
        TooBig: it has more than 10 MB.
    """
    try:
        answer = await services.fetcher.fetch_bytes(
            url, ACCEPT.get(kind, "*/*"), MAX_BYTES, deadline_s=FETCH_SECONDS
        )
    except TooLarge:
        raise TooBig(f"The file at {url} has more than {MAX_BYTES // 1_000_000} MB.") from None
    except ForbiddenAddress:
        raise Invalid(f"{url} does not lead to a public server, so it is not asked.") from None
    except Gone:
        raise Elsewhere(f"There is nothing at {url}. Has the address changed?") from None
    except Unreachable as error:
        raise Elsewhere(f"{url} cannot be reached now: {error}. Try again later.") from error
    except FederationError as error:
        raise Elsewhere(f"{url} could not be fetched: {error}.") from error
    return answer.body
