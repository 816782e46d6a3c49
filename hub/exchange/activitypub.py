"""Offers and wants as other servers see them, and back (FEP-0837, PROTOCOL §3.3 (b)). Pure.

FEP-0837 has no member for what kind of thing it is and whether it is given or lent. Both stand in
`resourceConformsTo`, the address of the list of all such things: `…/swap?kind=item&mode=lend`.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any, Final, Literal, get_args
from urllib.parse import parse_qs, urlencode, urlsplit
from zoneinfo import ZoneInfo

import orjson

from federation.errors import MalformedDocument
from federation.vocab.proposals import Intent, Proposal
from hub.core.errors import Invalid
from hub.core.text import SafeHtml, plain
from hub.entries import activitypub as common
from hub.entries import rendering
from hub.entries.rendering import ListingFacts
from hub.entries.schemas import EARLIEST, LATEST
from hub.exchange.models import Listing
from hub.exchange.schemas import Kind, ListingDraft, Mode, Side, listing_draft

TYPE: Final = "Note"
OVER: Final = frozenset({"done", "withdrawn", "expired"})

# What is done rather than handed over (PROTOCOL §3.3 (b)).
_SERVICES: Final = frozenset({"skill", "time", "space"})
# Money, as Wikidata knows it.
_CURRENCIES: Final = {
    "€": "https://www.wikidata.org/wiki/Q4916",
    "£": "https://www.wikidata.org/wiki/Q25224",
    "$": "https://www.wikidata.org/wiki/Q4917",
}
_CODES: Final = {"EUR": "€", "GBP": "£", "USD": "$"}
_AMOUNT: Final = re.compile(r"\d{1,7}(?:[.,]\d{1,2})?")
_FIRST: Final = re.compile(r"<p><strong>([^<]*)</strong></p>")
_MOST: Final = 1_000_000
_LONGEST_PRICE: Final = 200


def facts_of(listing: Listing, timezone: str) -> ListingFacts:
    """What a reader elsewhere must know; `timezone` is the clock on which it ends."""
    expires = listing.expires_at
    return ListingFacts(
        kind=listing.kind,
        title=listing.title,
        body=plain(listing.content),
        item_kind=listing.item_kind,
        mode=listing.mode,
        price=listing.price,
        place=listing.place,
        expires_at=None if expires is None else expires.astimezone(ZoneInfo(timezone)),
        status=listing.status,
        language=listing.language,
        url=listing.url,
        tags=tuple(listing.tags),
    )


def to_object(listing: Listing, hub: str, timezone: str) -> Proposal:
    """The listing as peers see it; `hub` is our origin. Author and picture must be loaded."""
    facts = facts_of(listing, timezone)
    to, cc = common.audience(listing)

    def with_text(body: SafeHtml) -> Proposal:
        return Proposal(
            id=listing.uri,
            url=listing.url,
            attributed_to=listing.author.uri,
            purpose="offer" if listing.kind == "offer" else "request",
            publishes=_intent(listing, hub),
            reciprocal=_price(listing),
            content=rendering.listing_content(facts, body),
            language=listing.language,
            license=listing.licence or None,
            published=listing.created_at,
            updated=listing.updated_at,
            start_time=listing.available_from,
            end_time=listing.expires_at,
            location=common.place(listing),
            to=to,
            cc=cc,
            **common.collections(listing.uri),
            attachments=common.picture(listing.picture, hub),
            tags=common.hashtags(listing),
            quotable=True,
        )

    return common.fitting(with_text, SafeHtml(listing.content))


def document(listing: Listing, hub: str, timezone: str) -> bytes | None:
    """The listing's ActivityPub document to serve; None if it is not for everybody."""
    if listing.visibility != "public":
        return None
    thing = to_object(listing, hub, timezone)
    return listing.document or orjson.dumps(thing.document(context=True))


def _intent(listing: Listing, hub: str) -> Intent:
    served = listing.item_kind in _SERVICES or listing.mode == "lend"
    kind = urlencode({"kind": listing.item_kind, "mode": listing.mode})
    return Intent(
        id=f"{listing.uri}#primary",
        name=listing.title,
        action="deliverService" if served else "transfer",
        conforms_to=f"{hub}/swap?{kind}",
        quantity=listing.quantity,
        available="0" if listing.status in OVER else listing.quantity,
    )


def _price(listing: Listing) -> Intent | None:
    """The price as an intent, where it is an amount of money that we know; a gift has none."""
    amounts = _AMOUNT.findall(listing.price)
    signs = [sign for sign in _CURRENCIES if sign in listing.price]
    signs += [sign for code, sign in _CODES.items() if code in listing.price.upper()]
    if listing.mode != "sell" or len(amounts) != 1 or len(set(signs)) != 1:
        return None
    return Intent(
        id=f"{listing.uri}#reciprocal",
        action="transfer",
        conforms_to=_CURRENCIES[signs[0]],
        quantity=amounts[0].replace(",", "."),
    )


def side_of(thing: Proposal) -> Side:
    """Whether it is an offer or a want."""
    return "offer" if thing.purpose == "offer" else "want"


def from_object(thing: Proposal, timezone: str) -> ListingDraft:
    """What a peer offers or wants, under the rules of our own form; the text is in `body_of`.

    Raises:
        MalformedDocument: it says nothing at all.
    """
    place = common.coordinates(thing.location)
    kind, mode = _kind_and_mode(thing)
    data: dict[str, Any] = {
        "title": _title(thing),
        "location": common.place_text(thing.location),
        "latitude": place and place[0],
        "longitude": place and place[1],
        "tags": common.tags_of(thing),
        "kind": kind,
        "mode": mode,
        "price": _price_text(thing.reciprocal),
        "quantity": _quantity(thing.publishes),
        "available_from": _within(thing, "start_time"),
        "expires_at": _within(thing, "end_time"),
        "status": "done" if _is_none(thing.publishes.available) else "open",
    }
    begins, ends = data["available_from"], data["expires_at"]
    if begins is not None and ends is not None and ends <= begins:
        data["available_from"] = ends - timedelta(seconds=1)
    try:
        return listing_draft(data, timezone=timezone)
    except Invalid as error:
        raise MalformedDocument(str(error)) from error


def body_of(thing: Proposal) -> str:
    """The text of a peer's listing, without what a hub adds for those who see only text."""
    # Bonfire's `note` is read as a summary, and is all that it says.
    content = common.without_hashtags(thing.content or thing.summary or "")
    first = _FIRST.match(content)
    name = thing.publishes.name
    if first is None or not name or not unescape(first[1]).endswith(f": {name}"):
        return content
    content = content[first.end() :]
    url = re.escape(thing.url or thing.id or "")
    # The last two lines are the terms, and the way to the page.
    return re.sub(rf'(?:<p>[^<]*</p>)?<p>[^<]*<a href="{url}"[^>]*>[^<]*</a></p>$', "", content)


def _title(thing: Proposal) -> str:
    words = thing.publishes.name or next(iter(plain(thing.content or "").splitlines()), "")
    if not words:
        raise MalformedDocument("a listing without words")
    return common.title(words, side_of(thing).capitalize())


def _kind_and_mode(thing: Proposal) -> tuple[str, str]:
    """What it is and how it changes hands; guessed where a peer does not say it as we do."""
    asked = parse_qs(urlsplit(thing.publishes.conforms_to or "").query)
    kind, mode = asked.get("kind", [""])[0], asked.get("mode", [""])[0]
    if kind not in get_args(Kind):
        kind = "skill" if thing.publishes.action in {"deliverService", "work"} else "item"
    if mode not in get_args(Mode):
        lent = thing.publishes.action in {"use", "transferCustody"}
        mode = "sell" if thing.reciprocal is not None else "lend" if lent else "give"
    return kind, mode


def _price_text(price: Intent | None) -> str:
    if price is None or _is_none(price.quantity):
        return price.name or "" if price is not None else ""
    signs = {iri: sign for sign, iri in _CURRENCIES.items()}
    unit = signs.get(price.conforms_to or "", "" if price.unit == "one" else price.unit)
    said = f"{price.quantity} {_CODES.get(unit, unit)}" if price.quantity else price.name
    return (said or "").strip()[:_LONGEST_PRICE]


def _quantity(intent: Intent) -> str:
    """The quantity by our rules; 1 where it is none, or out of all measure."""
    try:
        number = Decimal(intent.quantity or "1")
    except ArithmeticError:
        return "1"
    if not number.is_finite() or not 0 < number <= _MOST:
        return "1"
    return f"{round(number, 6):f}" if round(number, 6) > 0 else "1"


def _is_none(quantity: str | None) -> bool:
    """Whether it is said that nothing is left."""
    if quantity is None:
        return False
    try:
        return Decimal(quantity) <= 0
    except ArithmeticError:
        return False


def _within(thing: Proposal, name: Literal["start_time", "end_time"]) -> Any:
    moment = getattr(thing, name)
    return moment if moment is not None and EARLIEST <= moment < LATEST else None
