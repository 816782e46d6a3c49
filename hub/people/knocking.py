"""How often people who are not signed in may do what costs others something (SECURITY E9).

Counted in this process, by who asks: an IPv4 address, or an IPv6 network of 64 bits, which is what
one household gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from fastapi import Request

from federation.rates import Rates
from hub.core.errors import TooMany
from hub.core.services import Services
from hub.entries.newcomers import NEW_POSTS_MOST

HOUR_S: Final = 3600
DAY_S: Final = 86_400
NETWORK_BITS: Final = 64
LETTERS_TO_MOST: Final = 5
LETTERS_FROM_MOST: Final = 20
DRAFTS_FROM_MOST: Final = 20
REPORTS_FROM_MOST: Final = 5
FLAGS_TO_MOST: Final = 10
SIGN_INS_FROM_MOST: Final = 20
CHALLENGES_FROM_MOST: Final = 120  # the page asks for one as it opens, before anybody signs in
FILES_FROM_MOST: Final = 30  # each may hold everything that is public
MASTODON_AT_MOST: Final = 60  # of all who come from there together


@dataclass(frozen=True, slots=True)
class Limit:
    """`most` at once, and as many again in `within_s`; `told` is what one who is too fast hears."""

    name: str
    most: int
    within_s: int
    told: str


LETTERS_TO = Limit(
    "letters to",
    LETTERS_TO_MOST,
    HOUR_S,
    "That address was written to several times just now. Please look into your mail, also among "
    "the unwanted, and try again in an hour.",
)
LETTERS_FROM = Limit(
    "letters from",
    LETTERS_FROM_MOST,
    HOUR_S,
    "Many letters were asked for from your connection. Please try again in an hour.",
)
DRAFTS_FROM = Limit(
    "drafts from",
    DRAFTS_FROM_MOST,
    HOUR_S,
    "Much was written from your connection within an hour. Please try again later.",
)
POSTS_OF_NEW = Limit(
    "posts of new",
    NEW_POSTS_MOST,
    DAY_S,
    "That is a lot for one of your first days here. Please go on tomorrow, or ask a steward.",
)
REPORTS_FROM = Limit(
    "reports from",
    REPORTS_FROM_MOST,
    HOUR_S,
    "Several things were reported from your connection within an hour. Please try again later.",
)
FLAGS_TO = Limit(
    "flags to",
    FLAGS_TO_MOST,
    HOUR_S,
    "That server was sent many reports within an hour. Please pass this one on later.",
)
SIGN_INS_FROM = Limit(
    "sign-ins from",
    SIGN_INS_FROM_MOST,
    HOUR_S,
    "There were many tries from your connection. Please try again in an hour.",
)
CHALLENGES_FROM = Limit(
    "challenges from",
    CHALLENGES_FROM_MOST,
    HOUR_S,
    "There were many tries from your connection. Please try again in an hour.",
)
FILES_FROM = Limit(
    "files from",
    FILES_FROM_MOST,
    HOUR_S,
    "Many files were taken by way of your connection within an hour. Please try again later.",
)
MASTODON_AT = Limit(
    "sign-ins at",
    MASTODON_AT_MOST,
    HOUR_S,
    "Many people came from that server just now. Please try again in an hour, or sign in by "
    "e-mail.",
)


def knock(services: Services, limit: Limit, who: str) -> None:
    """Count one more.

    Raises:
        TooMany: it is one too many.
    """
    rates = services.rates.get(limit.name)
    if rates is None:
        rates = services.rates[limit.name] = Rates(limit.most, limit.most / limit.within_s)
    wait_s = rates.take(who)
    if wait_s is not None:
        raise TooMany(limit.told, wait_s)


def where_from(request: Request) -> str:
    """Who asks, as far as limits are concerned; behind a proxy, uvicorn has put the client here."""
    host = request.client.host if request.client is not None else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, NETWORK_BITS), strict=False))
