"""The pages that show a bit of everything: home, post, more, about, and our channels' profiles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, cast

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from hub import __version__
from hub.actors import service as actors
from hub.areas import queries as areas
from hub.browse import keeping, queries, subscribing
from hub.core import words
from hub.core.errors import Busy, Invalid, NotFound
from hub.core.services import Services
from hub.core.settings import Settings
from hub.directory import queries as directory
from hub.directory.schemas import FOLDERS
from hub.entries import board, threads
from hub.entries import queries as entries
from hub.entries.models import Entry
from hub.entries.visibility import Viewer
from hub.events import queries as events
from hub.exchange import queries as exchange
from hub.exchange.schemas import Side
from hub.fediverse import follows
from hub.mail import outbox
from hub.moderation import cards
from hub.moderation import rules as house_rules
from hub.news import queries as news
from hub.people import permissions, searches
from hub.people import service as people
from hub.people.arriving import myself
from hub.posting import me
from hub.web.doors import OPEN, Asking, Caller, Hub, language_cookie
from hub.web.forms import check_site, local_path, parse_form, see_other, set_cookie
from hub.web.negotiation import wants_activity
from hub.web.pages import render

router = APIRouter(include_in_schema=False, dependencies=[OPEN])

AT_A_GLANCE: Final = 6
OF_EACH_SIDE: Final = 3
MAIL_TAKES: Final = timedelta(minutes=10)
NO_LONGER_NEW: Final = 10  # things published here
ON_A_PROFILE: Final = 12
MOST_FIELDS: Final = 10
LANGUAGE_S: Final = 365 * 86_400

# What can be followed, in the order in which it is offered; what `@places` says only hubs show.
FOLLOWED: Final = ("events", "offers", "wants", "news", "board", "relay")
SIDES: Final = {"offers": "offer", "wants": "want"}


# ------------------------------------------------------------------------------------- home


@router.get("/")
async def home(request: Request, hub: Hub, caller: Asking) -> Response:
    """What is on, and what neighbours offer and need."""
    viewer = Viewer.of(caller)
    async with hub.db.read() as session:
        coming = await events.listed(session, viewer, limit=AT_A_GLANCE)
        offers = await exchange.listed(session, viewer, kind="offer", limit=OF_EACH_SIDE)
        wants = await exchange.listed(session, viewer, kind="want", limit=OF_EACH_SIDE)
        told = await news.listed(session, viewer, limit=OF_EACH_SIDE)
        own = await queries.count_own(session)
        following = await follows.count(session)
    return render(
        request,
        "browse/home.html",
        near=_near(hub.settings),
        events=coming.items,
        more_events=coming.next is not None,
        listings=(*offers.items, *wants.items),
        more_listings=offers.next is not None or wants.next is not None,
        articles=told.items,
        more_articles=told.next is not None,
        steps=_first_steps(hub.settings, caller, own, following),
    )


def _near(settings: Settings) -> str:
    """What the neighbourhood is called; empty while nobody has said so."""
    return settings.area or (settings.name if "name" in settings.model_fields_set else "")


def _first_steps(
    settings: Settings, caller: Caller, own: int, following: int
) -> list[tuple[str, str, bool]]:
    """What stewards of a new hub do first: name, path, and whether it is done; else nothing."""
    steps = [
        ("post", "/post", own > 0),
        ("contact", "/admin/settings/words", bool(settings.contact)),
        ("follow", "/admin/servers", following > 0),
    ]
    is_new = own < NO_LONGER_NEW and not all(done for _, _, done in steps)
    return steps if caller.steward and is_new else []


@router.get("/post")
async def post(request: Request, caller: Asking) -> Response:
    """What would you like to post?"""
    return render(request, "browse/post.html", may_post=permissions.may(caller, "post"))


@router.post("/keep", dependencies=[permissions.LED_IN])
async def keep(request: Request, hub: Hub, caller: Asking) -> Response:
    """Keep the search, or the list with its filters, from whose page this was sent."""
    person_id = await myself(hub, caller)
    form = await parse_form(request)
    path, query = keeping.read(form.text("address"))
    async with hub.db.write() as session:
        await searches.keep(session, person_id, form.text("name") or path, path, query)
    return see_other(f"{me.ME}?said=kept#searches")


@router.get("/more")
async def more(request: Request, hub: Hub, caller: Asking, back: str = "") -> Response:
    """The way to everything that has no tab of its own."""
    waiting = letters = decisions = 0
    if permissions.may(caller, "moderate"):
        async with hub.db.read() as session:
            waiting = await threads.waiting(session)
            decisions = await cards.count(session, caller)
            letters = await outbox.count_waiting(session, older_than=_soon(hub.settings))
    return render(
        request,
        "browse/more.html",
        waiting=waiting,
        decisions=decisions,
        letters=letters,
        back=local_path(back),
    )


def _soon(settings: Settings) -> timedelta:
    """How long a letter may wait before stewards are told."""
    return MAIL_TAKES if settings.smtp_url else timedelta()


@router.get("/language/{language}")
async def speak(language: str, hub: Hub, back: str = "") -> Response:
    """From now on this browser is spoken to in this language.

    Raises:
        NotFound: we do not speak it.
    """
    return _spoken_to(hub, language, back)


@router.post("/language", dependencies=[permissions.LED_IN])
async def speak_to_me(request: Request, hub: Hub, caller: Asking) -> Response:
    """The same, and so are letters to its reader.

    Raises:
        NotFound: we do not speak it.
    """
    form = await parse_form(request)
    answer = _spoken_to(hub, form.text("language"), form.text("back"))
    if caller.person_id is not None:
        async with hub.db.write() as session:
            await people.speaks(session, caller.person_id, form.text("language"))
    return answer


def _spoken_to(hub: Services, language: str, back: str) -> Response:
    settings = hub.settings
    if language not in words.offered(settings.languages, settings.language):
        raise NotFound("This hub does not speak that language yet.")
    answer = see_other(local_path(back))
    set_cookie(answer, hub, language_cookie(hub), language, LANGUAGE_S)
    return answer


# ------------------------------------------------------------------------------------ about


@router.get("/about")
async def about(request: Request, hub: Hub, follow: str = "") -> Response:
    """What this hub is, who looks after it, and how to follow it."""
    return await _about(request, hub, followed=follow)


async def _about(
    request: Request,
    hub: Services,
    status: int = 200,
    *,
    followed: str = "",
    account: str = "",
    error: str = "",
) -> Response:
    async with hub.db.read() as session:
        rules = await house_rules.listed(session)
    return render(
        request,
        "browse/about.html",
        status,
        rules=rules,
        names=FOLLOWED,
        followed=followed if followed in FOLLOWED else FOLLOWED[0],
        account=account,
        error=error,
        version=__version__,
    )


@router.get("/follow")
async def follow_form() -> Response:
    """The form is on the page about this hub."""
    return see_other("/about#remote")


@router.post("/follow")
async def follow(request: Request, hub: Hub) -> Response:
    """Show the way to the resident's own server; the last step is a link that they see."""
    # No token: nothing changes here, and so that reading this hub needs no cookie (T43).
    check_site(request)
    async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
        account, name = str(form.get("account", "")), str(form.get("name", ""))
    name = name if name in FOLLOWED or await _is_area(hub, name) else FOLLOWED[0]
    handle = f"{name}@{hub.settings.authority}"
    try:
        way = await subscribing.way_to_follow(hub, account, handle)
    except (Invalid, Busy) as error:
        told = error.fields.get("account", str(error)) if isinstance(error, Invalid) else str(error)
        page = await _about(request, hub, error.status, followed=name, account=account, error=told)
        if isinstance(error, Busy):
            page.headers["retry-after"] = f"{error.after_s:.0f}"
        return page
    return render(request, "browse/go_on.html", way=way, handle=handle)


async def _is_area(hub: Services, name: str) -> bool:
    """Whether it is a channel of an area."""
    async with hub.db.read() as session:
        actor = await actors.ever_local(session, name)
        return actor is not None and await areas.of_actor(session, actor) is not None


# --------------------------------------------------------------------------------- profiles


@router.get("/@{name}")
async def profile(name: str, request: Request, hub: Hub, caller: Asking) -> Response:
    """One of our channels, as people see it."""
    viewer = Viewer.of(caller)
    async with hub.db.read() as session:
        actor = await actors.local(session, name.partition("@")[0])
        if wants_activity(request):
            return RedirectResponse(actor.uri, 302)
        followers = await follows.count(session, followee=actor.id)
        shown: dict[str, Any] = {"events": (), "listings": (), "posts": ()}
        shown |= {"articles": (), "records": []}
        if actor.name in {"events", "relay"}:
            shown["events"] = (
                await events.listed(session, viewer, origin="local", limit=ON_A_PROFILE)
            ).items
        if actor.name in {"news", "relay"}:
            told = await news.listed(session, viewer, origin="local", limit=ON_A_PROFILE)
            shown["articles"] = told.items
        if actor.name == "places":
            for sort in FOLDERS.values():
                listed = await directory.listed(
                    session, sort, viewer, origin="local", limit=ON_A_PROFILE
                )
                shown["records"] += listed.items
        if actor.name in {*SIDES, "relay"}:
            side = cast("Side | None", SIDES.get(actor.name))
            found = await exchange.listed(
                session, viewer, kind=side, origin="local", limit=ON_A_PROFILE
            )
            shown["listings"] = found.items
        area = await areas.of_actor(session, actor)
        if area is not None:
            shown |= _by_kind((await areas.shown(session, area, limit=ON_A_PROFILE)).items)
        if actor.kind == board.GROUP:
            shown["posts"] = await board.listed(session, actor, ON_A_PROFILE)
    response = render(
        request,
        "browse/profile.html",
        actor=actor,
        followers=followers,
        may_follow=actor.name in FOLLOWED or area is not None,
        area=area,
        **shown,
    )
    response.headers["vary"] = "Accept, Cookie"
    response.headers["link"] = f'<{actor.uri}>; rel="alternate"; type="application/activity+json"'
    return response


def _by_kind(found: Sequence[Entry]) -> dict[str, Any]:
    """What was found, apart as cards of each kind want it."""
    return {
        "events": sorted(
            (entry for entry in found if entry.kind == "event"), key=lambda event: event.happens_at
        ),
        "listings": [entry for entry in found if entry.kind in SIDES.values()],
        "articles": [entry for entry in found if entry.kind == "article"],
        "records": [entry for entry in found if entry.kind in FOLDERS.values()],
    }


@router.get("/authorize")
@router.get("/authorize_interaction")
async def authorize(request: Request, hub: Hub, caller: Asking, uri: str = "") -> Response:
    """Another server sends its visitor, who wants to do something with `uri` from here.

    Raises:
        NotFound: we do not know it, and the visitor is no steward who could follow it.
    """
    async with hub.db.read() as session:
        entry = await entries.seen_by_all(session, uri.replace("\0", ""))
    if entry is not None:
        return see_other(entry.path)
    if not caller.steward:
        raise NotFound("This hub does not know that. Only its stewards can follow other hubs.")
    return render(request, "browse/follow_them.html", entered=uri.removeprefix("acct:"))
