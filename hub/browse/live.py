"""The live page of a hashtag: what is said elsewhere while something happens here (T21)."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hub.core.errors import NotFound
from hub.entries import live, rendering
from hub.entries.schemas import LONGEST_TAG
from hub.web.doors import OPEN, Asking, Hub
from hub.web.forms import see_other
from hub.web.pages import render

router = APIRouter(include_in_schema=False, dependencies=[OPEN])

AGAIN_S: Final = 20  # after which the page looks again by itself


@router.get("/live/{tag}")
async def shown(tag: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """What is said under a hashtag, the newest first."""
    name = rendering.tag_name(tag)
    if not name or len(name) > LONGEST_TAG:
        raise NotFound("There is nothing at this address. It may have been moved, or mistyped.")
    if name != tag:
        return see_other(f"/live/{name}")
    async with hub.db.read() as session:
        posts = await live.posts(session, name, held=caller.moderates)
    return render(request, "browse/live.html", tag=name, posts=posts, again=AGAIN_S)
