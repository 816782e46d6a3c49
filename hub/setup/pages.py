"""The settings, for stewards: a page for each part. What is saved holds at once, everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.actors.channels import CHANNELS
from hub.core import licences, words
from hub.core.db import AsyncSession
from hub.core.errors import Elsewhere, HubError, Invalid, NotFound
from hub.core.services import Services
from hub.core.settings import Settings
from hub.mail.addresses import address
from hub.people import queries as people
from hub.people.permissions import STEWARDS, require
from hub.setup import choices, chosen, mailing, progress
from hub.setup.sections import LABELS, RADII, SECTIONS, Section, clocks, far, shown
from hub.web.doors import Asking, Caller, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.pages import render

router = APIRouter(prefix="/admin/settings", include_in_schema=False, dependencies=[STEWARDS])

PAGE: Final = "/admin/settings"


@router.get("")
async def overview(request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """Every part of the settings, and what was changed last."""
    require(caller, "administer")
    async with hub.db.read() as session:
        changed = await chosen.log_of(session)
        steps = await progress.done(session)
    return render(
        request,
        "setup/settings.html",
        sections=SECTIONS,
        said=said,
        changed=changed,
        labels=LABELS,
        unfinished=not steps & {"done", *progress.STEPS[-1:]},
    )


@router.get("/{name}")
async def shown_section(name: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """One part of the settings, as it is."""
    require(caller, "administer")
    return await page(request, hub, caller, name)


@router.post("/{name}")
async def changed_section(name: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """Look at a change first, or make it."""
    require(caller, "administer")
    return await answer(request, hub, caller, name, f"{PAGE}?said=saved")


def section_of(name: str) -> Section:
    """The part of this name.

    Raises:
        NotFound: there is none.
    """
    if name not in SECTIONS:
        raise NotFound(words.later("There is no such part of the settings."))
    return SECTIONS[name]


async def answer(
    request: Request, hub: Services, caller: Caller, name: str, then: str, **context: Any
) -> Response:
    """What a section's form asks for: a look, or a change and the way on to `then`."""
    section, form = section_of(name), await parse_form(request)
    try:
        values = section.read(form, hub.settings)
        after = await chosen.imagined(hub, values)
        if form.text("deed") == "look":
            preview = _preview(section, hub.settings, after)
            return await page(request, hub, caller, name, form=form, preview=preview, **context)
        if form.text("deed") == "try":
            await mailing.try_out(after, address(form.text("email")))
        await chosen.change(hub, values, caller.person_id)
    except HubError as error:
        fields = _as_in_form(error.fields if isinstance(error, Invalid) else {})
        told = {"errors": fields, "error": "" if fields else str(error)}
        status = Invalid.status if isinstance(error, Elsewhere) else error.status
        return await page(request, hub, caller, name, status, form=form, **told, **context)
    return see_other(then)


async def page(
    request: Request,
    hub: Services,
    caller: Caller,
    name: str,
    status: int = 200,
    *,
    form: Form | None = None,
    **context: Any,
) -> Response:
    """One part of the settings: as it is, or as it was entered."""
    section = section_of(name)
    values = section.fill(hub.settings)
    if form is not None:
        values = {**values, **_unticked(section), **form.values()}
        values["languages"] = form.all("languages")
    elif name == "mail":
        async with hub.db.read() as session:
            values["email"] = await _own_address(session, caller)
    return render(
        request,
        "setup/section.html",
        status,
        **{
            "name": name,
            "section": section,
            "values": values,
            "fixed": choices.fixed(),
            "known": {each: shown(each, hub.settings) for each in section.choices},
            "labels": LABELS,
            "zones": clocks() if name == "name" else (),
            "licences": _licences(hub.settings),
            "spoken": words.languages(),
            "radii": [(str(metres), far(metres)) for metres in _radii(hub.settings)],
            "action": f"{PAGE}/{name}",
            "errors": {},
            "error": "",
            "preview": None,
            "step": None,
            **context,
        },
    )


async def _own_address(session: AsyncSession, caller: Caller) -> str:
    if caller.person_id is None:
        return ""
    return (await people.by_id(session, caller.person_id)).email or ""


def _licences(settings: Settings) -> list[tuple[str, str]]:
    """What can be chosen, by address and name; of none the name is empty."""
    offered = dict.fromkeys([*licences.KNOWN, settings.licence or ""])
    found = [(address, licences.name_of(address)) for address in offered if address]
    return [*found, ("", "")]


def _radii(settings: Settings) -> list[int]:
    return sorted({*RADII, settings.radius_m})


def _unticked(section: Section) -> Mapping[str, str]:
    """A browser says nothing of a box without a tick."""
    return {"hold_posts": ""} if "hold_posts" in section.choices else {}


def _as_in_form(fields: Mapping[str, str]) -> dict[str, str]:
    """What is wrong, by the fields of the form: a place is one, and a mail server several."""
    names = {"latitude": "where", "longitude": "where", "smtp_url": "server"}
    return {names.get(name, name): told for name, told in fields.items()}


def _preview(section: Section, before: Settings, after: Settings) -> dict[str, Any]:
    """What would be other than now: each change, and the names by which others know the hub."""
    differing = dict.fromkeys(
        (LABELS[name], shown(name, before), shown(name, after))
        for name in choices.changes(before, after)
        if name in section.choices
    )
    names = [each.title.format(hub=after.name) for each in CHANNELS if each.entry_kinds]
    return {
        "changes": list(differing),
        "name": after.name,
        "strapline": after.strapline,
        "initial": (after.name.strip() or "H")[0].upper(),
        "renamed": names if after.name != before.name else [],
        "place": after if "latitude" in section.choices else None,
    }
