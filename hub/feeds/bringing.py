"""Places and organisations from a spreadsheet, for stewards: look at it first, then take it in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.errors import HubError, Invalid
from hub.core.services import Services
from hub.core.text import tidy
from hub.core.words import later
from hub.directory.schemas import FOLDERS
from hub.feeds import directories, importing, reading, undoing, uploads
from hub.feeds.importing import Report, Table
from hub.feeds.rows import Verdict
from hub.feeds.taking import Doubles
from hub.people.permissions import STEWARDS, require
from hub.web.doors import Asking, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.pages import render

PAGE: Final = "/admin/import"
MOST_SHOWN: Final = 300  # rows of a table before it is taken
NO_NAMES: Final = later("No column holds the names. Say which one does.")
NONE: Final = "-"  # a column that is left out

router = APIRouter(prefix=PAGE, include_in_schema=False, dependencies=[STEWARDS])


@router.get("")
async def page(request: Request, hub: Hub, caller: Asking, said: str = "") -> Response:
    """Choose a file; and what was brought in before, to be taken back."""
    require(caller, "administer")
    return await _page(request, hub, said=said)


@router.post("")
async def looked_at(request: Request, hub: Hub, caller: Asking) -> Response:
    """Show what a table holds and what would become of each row; or take it in."""
    require(caller, "administer")
    form = await parse_form(request)
    try:
        file = form.file("table")
        if file is not None:
            name = uploads.keep(hub.settings, file.data)
            source = tidy(form.text("source"))[:100] or "table"
            return await _look(request, hub, form, name, source, file.data)
        name = form.text("name")
        if not name:
            told = later("please choose a file")
            raise Invalid("Please choose a file.", {"table": told})
        data, source = uploads.read(hub.settings, name), form.text("source")[:100]
        if form.text("deed") != "take":
            return await _look(request, hub, form, name, source, data)
        report = Report()
        async for _ in importing.run(
            hub,
            _folder(form),
            data,
            source,
            quiet=form.checked("quiet"),
            person=caller.person_id,
            report=report,
            table=Table(_columns(form), doubles(form)),
        ):
            pass
        uploads.forget(hub.settings, name)
    except HubError as error:
        return await _page(request, hub, error=str(error), status=error.status)
    return see_other(f"{PAGE}?said=taken")


@router.post("/undo")
async def undone(request: Request, hub: Hub, caller: Asking) -> Response:
    """Take a whole import back."""
    require(caller, "administer")
    form = await parse_form(request)
    try:
        async for _ in undoing.lines(hub, form.text("import")):
            pass
    except HubError as error:
        return await _page(request, hub, error=str(error), status=error.status)
    return see_other(f"{PAGE}?said=undone")


async def _look(
    request: Request, hub: Services, form: Form, name: str, source: str, data: bytes
) -> Response:
    """What would become of each row, what each column is taken for, and what may be otherwise."""
    heading, guessed = await reading.headings(data)
    columns = _columns(form) if form.text("deed") == "look" else guessed
    rows: list[Verdict] = []
    error, report = "", Report()
    try:
        if "title" not in columns:
            raise Invalid(NO_NAMES)
        table = Table(columns, doubles(form))
        run = importing.run(
            hub, _folder(form), data, source, dry_run=True, report=report, table=table
        )
        rows = [verdict async for verdict in run]
    except Invalid as refusal:
        error = str(refusal)
    taken_for = {at: member for member, at in columns.items()}
    return render(
        request,
        "feeds/table.html",
        name=name,
        source=source,
        folder=_folder(form),
        doubles=doubles(form),
        heading=[(at, words, taken_for.get(at, NONE)) for at, words in enumerate(heading)],
        members=list(directories.COLUMNS),
        rows=sorted(rows, key=lambda row: row.outcome != "refused")[:MOST_SHOWN],
        counts=report.counts,
        words=importing.WORDS,
        error=error,
    )


def _folder(form: Form) -> str:
    folder = form.text("folder")
    return folder if folder in FOLDERS else "places"


def doubles(form: Form) -> Doubles:
    """What is to be done with what is here already."""
    found = form.text("doubles")
    return cast(Doubles, found) if found in {"skip", "merge", "add"} else "skip"


def _columns(form: Form) -> dict[str, int]:
    """Which column was chosen to hold what, the first of each.

    Raises:
        Invalid: none holds the names.
    """
    found: dict[str, int] = {}
    for at, member in enumerate(form.all("column")):
        if member in directories.COLUMNS:
            found.setdefault(member, at)
    if "title" not in found:
        raise Invalid(NO_NAMES)
    return found


async def _page(
    request: Request, hub: Services, *, said: str = "", error: str = "", status: int = 200
) -> Response:
    async with hub.db.read() as session:
        before: Sequence[Any] = await importing.recent(session, (*FOLDERS, "osm"))
    return render(request, "feeds/import.html", status, before=before, said=said, error=error)
