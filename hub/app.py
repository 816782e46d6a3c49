"""The web application: inbox and documents in front, FastAPI behind them, headers around all."""

from __future__ import annotations

from typing import Final

from fastapi import Depends, FastAPI, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from federation.routes import COLLECTIONS, inbox_endpoint, is_inbox, router, signs_as_blocked
from federation.site import Site
from hub import __version__, health, metrics
from hub.actors import routes as actors
from hub.bootstrap import FEATURES, Hub
from hub.core.errors import Forbidden
from hub.entries.documents import Documents
from hub.fediverse import software
from hub.leaving import ending
from hub.people.identity import identify
from hub.web import failures, headers, static
from hub.web.doors import OPEN, SERVERS, Audience
from hub.web.former import Former
from hub.web.pages import prepare

# What has no dependencies that could say for whom it is (`Audience`): it asks for itself.
BESIDE: Final[dict[str, Audience]] = {
    "POST /inbox": SERVERS,
    "POST /actors/{name}/inbox": SERVERS,
    **dict.fromkeys(
        (
            "GET /.well-known/host-meta",
            "GET /.well-known/nodeinfo",
            "GET /.well-known/webfinger",
            "GET /actors/{name}",
            *(f"GET /actors/{{name}}/{which}" for which in COLLECTIONS),
            "GET /actors/{name}/inbox",
            "GET /api/docs",
            "GET /docs/oauth2-redirect",
            "GET /api/openapi.json",
            "GET /inbox",
            "GET /nodeinfo/{version}",
            "GET /static",
            "GET /sw.js",
        ),
        OPEN,
    ),
}


def create_app(hub: Hub) -> ASGIApp:
    """The ASGI application of a hub."""
    app = FastAPI(
        title="Neighbourhood hub",
        version=__version__,
        docs_url="/api/docs",
        openapi_url="/api/openapi.json",
        redoc_url=None,
        dependencies=[Depends(_is_welcome), Depends(ending.refuse_new)],
    )
    app.state.services = hub.services
    app.state.site = hub.site
    app.state.identify = identify
    prepare(app, hub.services)
    failures.install(app)
    plug_in(app)
    static.mount(app)
    behind = Documents(hub.services, app)
    front: ASGIApp = Front(inbox_endpoint(hub.site), behind)
    settings = hub.services.settings
    if settings.former_urls:
        front = Former(front, settings)
    return headers.SecurityHeaders(front, secure=settings.secure)


def plug_in(app: FastAPI) -> None:
    """Give an application every route of a hub, in the order in which they are tried."""
    app.include_router(router(_site, software=software.OURS))
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(actors.router, dependencies=[OPEN])  # they stand beside `web`
    for feature in FEATURES:
        for each in feature.routers:
            app.include_router(each)


def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


async def _is_welcome(request: Request) -> None:
    """Every page and document refuses a server that is blocked, as actors and inboxes do (AP-84).

    Raises:
        Forbidden: the request is signed as such a server.
    """
    if await signs_as_blocked(_site(request), request):
        raise Forbidden("This hub gives nothing to your server.")


class Front:
    """Sends mail from other servers straight to the inbox, all else to the application.

    The inbox is the hottest path: it takes neither routing nor dependencies (PERFORMANCE §0.5).
    """

    def __init__(self, inbox: ASGIApp, app: ASGIApp) -> None:
        self._inbox = inbox
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one request."""
        if scope["type"] == "http" and is_inbox(scope["path"]):
            await self._inbox(scope, receive, send)
        else:
            await self._app(scope, receive, send)
