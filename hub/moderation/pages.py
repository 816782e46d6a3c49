"""Moderators' pages: the queue, what was decided, the house rules, and before a block."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.errors import Invalid, NotFound
from hub.core.services import Services
from hub.moderation import appeals, cards, deciding, log, rules, severing
from hub.moderation.cards import Card, Key
from hub.moderation.deciding import Deed, Verdict
from hub.people.permissions import MODERATORS, STEWARDS, require
from hub.web.doors import Asking, Caller, Hub
from hub.web.forms import Form, parse_form, see_other
from hub.web.pages import render

router = APIRouter(prefix="/admin", include_in_schema=False, dependencies=[MODERATORS])

QUEUE: Final = "/admin/moderation"
ASK: Final = "ask"
DEEDS: Final[dict[str, Deed]] = {"pass": "pass", "refuse": "refuse", "all": "all"}


@router.get("/moderation")
async def queue(
    request: Request, hub: Hub, caller: Asking, after: str = "", done: int = 0, asked: str = ""
) -> Response:
    """The next thing that waits: after the card of this name, or the first."""
    require(caller, "moderate")
    async with hub.db.read() as session:
        waiting = await cards.keys(session, caller)
        key = _next(waiting, after)
        one = await cards.card(session, key.kind, key.id) if key is not None else None
    return await _page(request, hub, waiting, one, done=done, asked=asked == "yes")


@router.post("/moderation/undo")
async def undo(request: Request, hub: Hub, caller: Asking) -> Response:
    """Take a decision back; what it was about waits again."""
    require(caller, "moderate")
    number = (await parse_form(request)).text("decision")
    if not (number.isascii() and number.isdigit()) or len(number) > len(str(2**31)):
        raise NotFound("There is no such decision.")
    async with hub.db.write() as session:
        decision = await appeals.undo(session, hub, caller, int(number))
    return see_other(f"{QUEUE}?done={decision.id}")


@router.get("/moderation/log")
async def decided(request: Request, hub: Hub, caller: Asking, before: int = 0) -> Response:
    """What was decided, with what only moderators see, and the way back."""
    require(caller, "moderate")
    async with hub.db.read() as session:
        rows = list(await log.listed(session, _number(before)))
        undone = await log.undone(session, [row.id for row in rows])
        whole = await log.is_whole(session)
    return render(
        request,
        "moderation/log.html",
        rows=rows[: log.PER_PAGE],
        undone=undone,
        whole=whole,
        inside=True,
        older=rows[log.PER_PAGE - 1].id if len(rows) > log.PER_PAGE else None,
    )


@router.get("/moderation/rules", dependencies=[STEWARDS])
async def rules_page(request: Request, hub: Hub, caller: Asking) -> Response:
    """The house rules, for stewards to change."""
    require(caller, "administer")
    return await _rules(request, hub)


@router.post("/moderation/rules", dependencies=[STEWARDS])
async def change_rules(request: Request, hub: Hub, caller: Asking) -> Response:
    """From now on these are the house rules."""
    require(caller, "administer")
    entered = (await parse_form(request)).text("rules")
    try:
        async with hub.db.write() as session:
            await rules.change(session, entered)
    except Invalid as error:
        return await _rules(request, hub, error.status, entered=entered, error=str(error))
    return see_other("/about#rules")


@router.post("/moderation/{kind}/{card_id}")
async def decide(kind: str, card_id: UUID, request: Request, hub: Hub, caller: Asking) -> Response:
    """A moderator pressed a button: it is done or asked, and the next card comes."""
    require(caller, "moderate")
    form = await parse_form(request)
    which = cards.kind_of(kind)
    try:
        async with hub.db.write() as session:
            await log.turn(session)
            one = await cards.turn_to(session, caller, which, card_id)
            if form.text("deed") == ASK:
                await deciding.ask(session, hub, caller, one, _note(form))
                return see_other(f"{QUEUE}?after={kind}:{card_id}&asked=yes")
            verdict = _verdict(form, await rules.listed(session))
            decision = await deciding.decide(session, hub, caller, one, verdict)
    except Invalid as error:
        return await _again(request, hub, caller, which, card_id, form, error)
    return see_other(f"{QUEUE}?done={decision.id}")


@router.get("/servers/block")
async def before_block(request: Request, hub: Hub, caller: Asking, host: str = "") -> Response:
    """What a block of this server would sever, before it is done."""
    require(caller, "moderate")
    error, found = "", None
    async with hub.db.read() as session:
        try:
            found = await severing.effect(session, hub, host)
        except Invalid as wrong:
            error = str(wrong)
    status = Invalid.status if error else 200
    return render(request, "moderation/block.html", status, effect=found, error=error, host=host)


def _next(waiting: list[Key], after: str) -> Key | None:
    """The card after this one; the first where that is not there, or the last."""
    names = [key.name for key in waiting]
    place = names.index(after) + 1 if after in names else 0
    return waiting[place % len(waiting)] if waiting else None


def _verdict(form: Form, known: tuple[str, ...]) -> Verdict:
    """What was pressed and chosen.

    Raises:
        Invalid: no button was pressed, or the note is too long.
    """
    deed, chosen, note = DEEDS.get(form.text("deed")), form.text("rule"), _note(form)
    if deed is None:
        raise Invalid("Please press one of the buttons.")
    rule = known[int(chosen)] if chosen in {str(n) for n in range(len(known))} else ""
    return Verdict(deed, rule, note, tell=form.checked("tell"), forward=form.checked("forward"))


def _note(form: Form) -> str:
    """The word to the author.

    Raises:
        Invalid: it is too long.
    """
    note = form.text("note")
    if len(note) > deciding.LONGEST_NOTE:
        raise Invalid(f"Please write at most {deciding.LONGEST_NOTE} characters.")
    return note


async def _again(
    request: Request,
    hub: Services,
    caller: Caller,
    kind: cards.Kind,
    card_id: UUID,
    form: Form,
    error: Invalid,
) -> Response:
    async with hub.db.read() as session:
        waiting = await cards.keys(session, caller)
        one = await cards.card(session, kind, card_id)
    return await _page(
        request, hub, waiting, one, error.status, error=str(error), values=form.values()
    )


async def _page(
    request: Request,
    hub: Services,
    waiting: list[Key],
    one: Card | None,
    status: int = 200,
    *,
    done: int = 0,
    **context: Any,
) -> Response:
    async with hub.db.read() as session:
        known = await rules.listed(session)
        last = await log.by_id(session, done) if _number(done) else None
        may_undo = last is not None and last.deed in {"passed", "refused", "limited"}
        if last is not None and await log.is_undone(session, last.id):
            last = None
    given = {"error": "", "values": {"tell": "yes"}, "asked": False, **context}
    return render(
        request,
        "moderation/queue.html",
        status,
        card=one,
        rules=known,
        count=len(waiting),
        last=last,
        may_undo=may_undo,
        **given,
    )


async def _rules(
    request: Request, hub: Services, status: int = 200, *, entered: str = "", error: str = ""
) -> Response:
    async with hub.db.read() as session:
        known = await rules.listed(session)
    return render(
        request, "moderation/rules.html", status, rules=known, entered=entered, error=error
    )


def _number(value: int) -> int | None:
    """A number of a row, as far as databases have such."""
    return value if 0 < value < 2**31 else None
