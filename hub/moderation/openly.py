"""Pages for everybody: reporting something, answering, appealing, and the log without names."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.errors import Invalid, NotFound
from hub.core.services import Services
from hub.entries import reports
from hub.entries.reports import LONGEST_REPORT, From
from hub.entries.visibility import Viewer
from hub.mail.addresses import address
from hub.moderation import appeals, asking, log, rules
from hub.people.arriving import let_in
from hub.people.knocking import LETTERS_TO, REPORTS_FROM, knock, where_from
from hub.web.doors import BEARERS, OPEN, Asking, Caller, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.pages import render

router = APIRouter(include_in_schema=False)

LOG: Final = "/about/moderation"


@router.get("/report/{about}/{thing_id}", dependencies=[OPEN])
async def report_form(
    about: str, thing_id: UUID, request: Request, hub: Hub, caller: Asking, said: str = ""
) -> Response:
    """What is wrong with it?"""
    return await _report(about, thing_id, request, hub, caller, said=said)


@router.post("/report/{about}/{thing_id}", dependencies=[OPEN])
async def report(
    about: str, thing_id: UUID, request: Request, hub: Hub, caller: Asking
) -> Response:
    """It was said; it waits for a moderator, together with what stands there now."""
    form = await parse_form(request)
    try:
        async with hub.db.read() as session:
            by = _from(form, caller, await rules.listed(session))
    except Invalid as error:
        return await _report(
            about, thing_id, request, hub, caller, error.status, error=error, values=form.values()
        )
    knock(hub, REPORTS_FROM, where_from(request))
    if by.email is not None:
        knock(hub, LETTERS_TO, by.email)
    async with hub.db.write() as session:
        what = await reports.seen(session, about, thing_id, Viewer.of(caller))
        reports.keep(session, what, by)
    return see_other(f"/report/{about}/{thing_id}?said=thanks")


def _from(form: Form, caller: Caller, known: tuple[str, ...]) -> From:
    """Who reports it, and why.

    Raises:
        Invalid: nothing was said, or the address is none.
    """
    chosen, words, email = form.text("rule"), form.text("words"), form.maybe("email")
    rule = known[int(chosen)] if chosen in {str(n) for n in range(len(known))} else ""
    if not rule and not words:
        told = "Please choose a rule, or say in a few words what is wrong."
        raise Invalid(told, {"rule": told})
    if len(words) > LONGEST_REPORT:
        told = f"Please write at most {LONGEST_REPORT} characters."
        raise Invalid(told, {"words": told})
    if caller.known or email is None:
        return From(words=words, rule=rule, person_id=caller.person_id)
    try:
        return From(words=words, rule=rule, email=address(email))
    except Invalid as error:
        raise Invalid(str(error), {"email": str(error)}) from None


async def _report(
    about: str,
    thing_id: UUID,
    request: Request,
    hub: Services,
    caller: Caller,
    status: int = 200,
    *,
    said: str = "",
    error: Invalid | None = None,
    values: dict[str, Any] | None = None,
) -> Response:
    async with hub.db.read() as session:
        what = await reports.seen(session, about, thing_id, Viewer.of(caller))
        known = await rules.listed(session)
    return render(
        request,
        "moderation/report.html",
        status,
        what=what,
        rules=known,
        said=said,
        errors=error.fields if error is not None else {},
        values=values or {},
    )


@router.get("/appeal/{secret}", dependencies=[BEARERS])
async def appeal_form(secret: str, request: Request, hub: Hub) -> Response:
    """What was decided, and room to say that it was wrong."""
    return await _appeal(secret, request, hub)


@router.post("/appeal/{secret}", dependencies=[BEARERS])
async def appeal(secret: str, request: Request, hub: Hub) -> Response:
    """Its author says that it was wrong; a moderator looks at it."""
    words = (await parse_form(request)).text("words")
    try:
        async with hub.db.write() as session:
            appeals.say(await appeals.by_link(session, secret, lock=True), words)
    except Invalid as error:
        return await _appeal(secret, request, hub, error.status, error=error)
    return see_other(f"/appeal/{secret}")


async def _appeal(
    secret: str, request: Request, hub: Services, status: int = 200, error: Invalid | None = None
) -> Response:
    async with hub.db.read() as session:
        row = await appeals.by_link(session, secret)
        decision = await log.by_id(session, row.decision_id)
    return render(
        request,
        "moderation/appeal.html",
        status,
        row=row,
        decision=decision,
        errors=error.fields if error is not None else {},
    )


@router.get("/question/{secret}", dependencies=[BEARERS])
async def question_form(secret: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """What the moderators ask, and room to answer."""
    del caller  # looked up so that the form is bound to their session, if they have one
    return await _question(secret, request, hub)


@router.post("/question/{secret}", dependencies=[BEARERS])
async def answer(secret: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """The author answers; a moderator reads it."""
    del caller
    words = (await parse_form(request)).text("words")
    try:
        async with hub.db.write() as session:
            row = await asking.by_link(session, secret, lock=True)
            await asking.answer(session, hub, row, words)
    except Invalid as error:
        return await _question(secret, request, hub, error.status, error=error, words=words)
    return see_other(f"/question/{secret}")


@router.post("/question/{secret}/open", dependencies=[BEARERS])
async def open_asked(secret: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """Go on to change what is asked about, as by the link of the letter that it came with."""
    await parse_form(request)
    async with hub.db.write() as session:
        row = await asking.by_link(session, secret)
        entry = await asking.own_entry(session, row)
        if entry is None:
            raise NotFound("This is no longer on the board.")
        person = await asking.author(session, row)
        return await let_in(session, request, hub, caller, person, f"{entry.path}/edit")


async def _question(
    secret: str,
    request: Request,
    hub: Services,
    status: int = 200,
    error: Invalid | None = None,
    words: str = "",
) -> Response:
    async with hub.db.read() as session:
        row = await asking.by_link(session, secret)
        entry = await asking.own_entry(session, row)
    return render(
        request,
        "moderation/question.html",
        status,
        row=row,
        entry=entry,
        action=f"/question/{secret}",
        errors=error.fields if error is not None else {},
        values={"words": words},
    )


@router.get(LOG, dependencies=[OPEN])
async def public_log(request: Request, hub: Hub, caller: Asking, before: int = 0) -> Response:
    """What moderators decided, without names."""
    del caller  # looked up for the page
    number = before if 0 < before < 2**31 else None
    async with hub.db.read() as session:
        rows = list(await log.listed(session, number))
        undone = await log.undone(session, [row.id for row in rows])
    return render(
        request,
        "moderation/log.html",
        rows=rows[: log.PER_PAGE],
        undone=undone,
        whole=True,
        inside=False,
        older=rows[log.PER_PAGE - 1].id if len(rows) > log.PER_PAGE else None,
    )
