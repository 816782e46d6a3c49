"""The form of an offer or a want, and the draft that it makes."""

from __future__ import annotations

from typing import Any, Final, get_args

from hub.core import dates
from hub.core.errors import Invalid
from hub.core.words import later
from hub.entries import forms, spots
from hub.entries.models import Picture
from hub.exchange.models import Listing
from hub.exchange.schemas import Kind, ListingDraft, Mode, Sort, listing_draft
from hub.web.forms import Form

KINDS: Final[tuple[str, ...]] = get_args(Kind)
MODES: Final[tuple[str, ...]] = get_args(Mode)
SORTS: Final[tuple[str, ...]] = get_args(Sort)
DELICATE_KIND: Final = "food"
DECIMALS: Final = 2  # of a degree: forms hear no more of where somebody is (AP-63)

_TEXTS: Final = ("title", "description", "location", "kind", "mode", "quantity", "price")
_FIELDS: Final = {"expires_at": "expires_on", "available_from": "available_on"}


def blank() -> dict[str, Any]:
    """A form that nobody has filled yet."""
    return {"visibility": "public", "kind": KINDS[0]}


def counterpart(listing: Listing) -> dict[str, Any]:
    """The form of a want that this offer meets, or of an offer that meets this want."""
    there = forms.kept(listing)
    return {
        **blank(),
        **{name: there[name] for name in ("title", "language", "visibility")},
        "kind": listing.item_kind,
        "mode": listing.mode,
    }


def of_listing(listing: Listing, timezone: str) -> dict[str, Any]:
    """The form of an offer or want that is there; days are shown on the hub's clock."""
    zone = dates.zone_of(timezone)
    days = {"expires_on": listing.expires_at, "available_on": listing.available_from}
    return {
        **forms.kept(listing),
        spots.SPOT: spots.value(listing.latitude, listing.longitude, DECIMALS),
        "kind": listing.item_kind,
        "mode": listing.mode,
        "quantity": "" if listing.quantity == "1" else listing.quantity,
        "price": listing.price,
        "sort": listing.sort,
        **{name: day and f"{day.astimezone(zone):%Y-%m-%d}" for name, day in days.items()},
    }


def draft(
    form: Form,
    timezone: str,
    picture: Picture | None = None,
    before: dict[str, Any] | None = None,
) -> ListingDraft:
    """The draft that a form makes; `before` are the members that the form does not show.

    Raises:
        Invalid: something in it does not make sense.
    """
    begins = form.text("available_on")
    members = {
        **(before or {}),
        **forms.members(form, _TEXTS),
        "image": forms.image(form, picture),
        "sort": form.text("sort") or "plain",
        "expires_at": form.text("expires_on"),
        "available_from": f"{begins}T00:00" if begins else None,
    }
    unchosen = {
        name: later("please choose one") for name in ("kind", "mode") if not form.text(name)
    }
    try:
        members |= spots.members(form, before, DECIMALS)
        made = listing_draft(members, timezone=timezone)
    except Invalid as error:
        raise Invalid(str(error), {**error.fields, **unchosen}) from error
    if unchosen:
        raise Invalid("Please choose.", unchosen)
    return made


def errors(error: Invalid, form: Form) -> dict[str, str]:
    """What is wrong, beside the fields of this form."""
    return forms.errors(error, form, _FIELDS)
