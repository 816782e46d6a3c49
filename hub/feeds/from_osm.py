"""An extract of OpenStreetMap, for stewards: look at what is in it, take it in, make the map of it.

A map is made by a job, since it takes minutes: the page says how far it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.errors import Conflict, HubError, Invalid
from hub.core.services import Services
from hub.core.text import tidy
from hub.core.words import later
from hub.feeds import bringing, extracts, importing, uploads
from hub.feeds.importing import Report
from hub.feeds.rows import Verdict
from hub.jobs.queue import enqueue
from hub.jobs.registry import Run, job
from hub.maps import making, shelf, underway
from hub.people.permissions import STEWARDS, require
from hub.web.doors import Asking, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.pages import render

PAGE: Final = "/admin/extract"
MOST_SHOWN: Final = 300
WAITING: Final = later("It is about to begin")
LABELS: Final = {
    "groups": later("Clubs, associations, foundations"),
    "meeting": later("Community centres, markets"),
    "help": later("Social facilities, food banks, sharing shelves"),
    "culture": later("Museums, theatres, arts centres"),
    "learning": later("Libraries, schools, kindergartens"),
    "outdoors": later("Parks, gardens, playgrounds, allotments"),
    "sport": later("Sports halls, pools"),
    "services": later("Town halls, post offices, public toilets"),
    "worship": later("Churches, mosques, temples"),
    "health": later("Doctors, pharmacies, hospitals"),
    "food": later("Cafés, restaurants, pubs"),
    "shops": later("Shops and workshops"),
}

router = APIRouter(prefix=PAGE, include_in_schema=False, dependencies=[STEWARDS])


@router.get("")
async def page(request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """What map there is, how far the next one is, and a file to choose."""
    require(caller, "administer")
    return _page(request, hub, said=said)


@router.post("")
async def looked_at(request: Request, hub: Hub, caller: Asking) -> Response:
    """Show what would become of an extract; or take it in, or have the map made of it."""
    require(caller, "administer")
    form = await parse_form(request)
    try:
        file = form.file("extract")
        if file is not None:
            name = uploads.keep(hub.settings, file.data)
            source = tidy(file.filename)[:100] or "extract"
            return await _look(request, hub, form, name, source)
        name, source = form.text("name"), form.text("source")[:100]
        if not name:
            told = later("please choose a file")
            raise Invalid("Please choose a file.", {"extract": told})
        match form.text("deed"):
            case "map":
                await _ask_for_map(hub, name, source, whole=form.checked("whole"))
                return see_other(f"{PAGE}?said=making")
            case "take":
                await _take(hub, form, name, source, Report(), quiet=form.checked("quiet"))
                return see_other(f"{bringing.PAGE}?said=taken")
        return await _look(request, hub, form, name, source)
    except HubError as error:
        return _page(request, hub, error=str(error), status=error.status)


@job("feeds.make_map")
async def make_map(run: Run, name: str, source: str, whole: bool) -> None:
    """Make the map of a kept file.

    The job is done before it begins: a map takes longer than a lease.
    """
    async with run.finish():
        pass
    settings = run.services.settings
    try:
        path = uploads.path(settings, name)
        async for line in making.build(settings, path, whole=whole, source=source):
            underway.say(settings, line["text"])
    except HubError as error:
        underway.say(settings, str(error), failed=True)
        return
    underway.done(settings)


async def _ask_for_map(hub: Services, name: str, source: str, *, whole: bool) -> None:
    """Have the map made.

    Raises:
        Conflict: one is being made.
        Gone: the file is not there any more.
    """
    state = underway.state(hub.settings)
    if state is not None and not state.failed:
        raise Conflict("A map is being made already. Please wait until it is there.")
    uploads.read(hub.settings, name)
    underway.say(hub.settings, WAITING)
    async with hub.db.write() as session:
        await enqueue(session, make_map, name=name, source=source, whole=whole)
    hub.wake.ring()


async def _take(
    hub: Services,
    form: Form,
    name: str,
    source: str,
    report: Report,
    *,
    quiet: bool = False,
    dry_run: bool = False,
) -> list[Verdict]:
    """What becomes of each thing in the file."""
    table = importing.extract(
        hub.settings,
        ",".join(_kinds(form)),
        bringing.doubles(form),
        whole=form.checked("whole"),
    )
    data = uploads.read(hub.settings, name)
    run = importing.run(
        hub, "osm", data, source, dry_run=dry_run, quiet=quiet, report=report, table=table
    )
    return [verdict async for verdict in run]


async def _look(request: Request, hub: Services, form: Form, name: str, source: str) -> Response:
    """What would become of each thing, and what may be otherwise."""
    rows: list[Verdict] = []
    error, report = "", Report()
    try:
        rows = await _take(hub, form, name, source, report, dry_run=True)
    except Invalid as refusal:
        error = str(refusal)
    return render(
        request,
        "feeds/extract.html",
        name=name,
        source=source,
        labels=LABELS,
        chosen=_kinds(form),
        doubles=bringing.doubles(form),
        whole=form.checked("whole"),
        rows=sorted(rows, key=lambda row: row.outcome != "refused")[:MOST_SHOWN],
        counts=report.counts,
        words=importing.WORDS,
        error=error,
    )


def _kinds(form: Form) -> Sequence[str]:
    return [kind for kind in form.all("kind") if kind in extracts.KINDS] or extracts.USUAL


def _page(
    request: Request, hub: Services, *, said: str = "", error: str = "", status: int = 200
) -> Response:
    return render(
        request,
        "feeds/extracts.html",
        status,
        here=shelf.current(hub.settings),
        state=underway.state(hub.settings),
        said=said,
        error=error,
    )
